#include "shared/admin_http/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"

namespace sallyport::admin_http {
namespace {

constexpr size_t kMaxClientChainBytes = 16 * 1024;

absl::Status Failure(absl::string_view what, absl::string_view file) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " ", file, ": ", reason == nullptr ? "cannot be read" : reason));
}

absl::Status UseFiles(SSL_CTX* context, const ServerOptions& options) {
  const char* certificate = options.certificate_file.c_str();
  if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1) {
    return Failure("certificate file", options.certificate_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context, options.private_key_file.c_str(), SSL_FILETYPE_PEM) !=
      1) {
    return Failure("private key file", options.private_key_file);
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return Failure("private key does not belong to the certificate:", options.private_key_file);
  }
  return absl::OkStatus();
}

int TakeAny(int /*preverified*/, X509_STORE_CTX* context) {
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

// The handshake goes on, so that what is wrong can be answered; PeerError has it.
int KeepError(int /*preverified*/, X509_STORE_CTX* /*context*/) { return 1; }

absl::Status AskForClientCertificate(SSL_CTX* context, const ServerOptions& options) {
  SSL_CTX_set_max_cert_list(context, kMaxClientChainBytes);
  if (options.client_ca_file.empty()) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, TakeAny);
    return absl::OkStatus();
  }
  const char* file = options.client_ca_file.c_str();
  if (SSL_CTX_load_verify_file(context, file) != 1) {
    return Failure("client CA file", options.client_ca_file);
  }
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(file);
  if (names == nullptr) return Failure("client CA file", options.client_ca_file);
  SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, KeepError);
  return absl::OkStatus();
}

std::string Stamp(const std::string& file) {
  struct stat info{};
  if (stat(file.c_str(), &info) != 0) return "";
  // ctime as well: a key that could not be read changes by chmod alone.
  return absl::StrCat(info.st_dev, ":", info.st_ino, ":", info.st_size, ":", info.st_mtim.tv_sec,
                      ".", info.st_mtim.tv_nsec, ":", info.st_ctim.tv_sec, ".",
                      info.st_ctim.tv_nsec);
}

std::string Der(const X509* certificate) {
  unsigned char* bytes = nullptr;
  const int length = i2d_X509(certificate, &bytes);
  if (length <= 0) return "";
  std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(length));
  OPENSSL_free(bytes);
  return der;
}

}  // namespace

absl::StatusOr<std::shared_ptr<SSL_CTX>> MakeTlsContext(const ServerOptions& options) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> owner(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX* const context = owner.get();
  if (context == nullptr) return absl::ResourceExhaustedError("no memory for a TLS context");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (absl::Status status = UseFiles(context, options); !status.ok()) return status;
  if (options.request_client_certificate) {
    if (absl::Status status = AskForClientCertificate(context, options); !status.ok())
      return status;
  }
  return owner;
}

std::string FilesStamp(const ServerOptions& options) {
  std::string all;
  for (const std::string& file :
       {options.certificate_file, options.private_key_file, options.client_ca_file}) {
    if (file.empty()) continue;
    const std::string stamp = Stamp(file);
    if (stamp.empty()) return "";
    absl::StrAppend(&all, stamp, ";");
  }
  return all;
}

std::string PeerError(SSL* ssl) {
  const int64_t error = SSL_get_verify_result(ssl);
  return error == X509_V_OK ? "" : X509_verify_cert_error_string(error);
}

std::vector<std::string> PeerChain(SSL* ssl) {
  std::vector<std::string> chain;
  X509* leaf = SSL_get1_peer_certificate(ssl);
  if (leaf == nullptr) return chain;
  chain.push_back(Der(leaf));
  X509_free(leaf);
  STACK_OF(X509)* rest = SSL_get_peer_cert_chain(ssl);
  for (int i = 0; i < sk_X509_num(rest); ++i) chain.push_back(Der(sk_X509_value(rest, i)));
  return chain;
}

}  // namespace sallyport::admin_http
