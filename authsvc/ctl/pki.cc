#include "authsvc/ctl/pki.h"

#include <openssl/pem.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/ctl/files.h"
#include "shared/crypto/openssl.h"
#include "shared/crypto/random.h"

namespace sallyport::authsvc::ctl {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kClockSkew = absl::Minutes(5);

absl::Status OpensslError(absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", crypto::TakeErrors()));
}

std::string Drain(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

bool AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool SetSerial(X509* certificate) {
  std::string bytes = crypto::RandomBytes(16);
  bytes[0] = static_cast<char>((static_cast<unsigned char>(bytes[0]) & 0x7F) |
                               0x40);  // positive, 16 bytes
  const crypto::UniqueBignum number(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                                              static_cast<int>(bytes.size()), nullptr));
  return number != nullptr &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool SetBasics(X509* certificate, EVP_PKEY* key, const std::string& common_name, absl::Time from,
               absl::Time until) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.c_str());
  return X509_set_version(certificate, X509_VERSION_3) == 1 && SetSerial(certificate) &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
         ASN1_TIME_set(X509_getm_notBefore(certificate), absl::ToTimeT(from)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), absl::ToTimeT(until)) != nullptr &&
         X509_set_pubkey(certificate, key) == 1;
}

std::string Names(const IssueSpec& spec) {
  std::vector<std::string> names;
  for (const std::string& name : spec.dns_names) names.push_back(absl::StrCat("DNS:", name));
  for (const std::string& address : spec.addresses) names.push_back(absl::StrCat("IP:", address));
  if (!spec.uri.empty()) names.push_back(absl::StrCat("URI:", spec.uri));
  return absl::StrJoin(names, ",");
}

bool AddLeafExtensions(const IssueSpec& spec, X509* certificate, X509* issuer) {
  const std::string usage = spec.server && spec.client ? "serverAuth,clientAuth"
                            : spec.server              ? "serverAuth"
                                                       : "clientAuth";
  const std::string names = Names(spec);
  return AddExtension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
         AddExtension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
         AddExtension(certificate, issuer, NID_ext_key_usage, usage) &&
         (names.empty() || AddExtension(certificate, issuer, NID_subject_alt_name, names)) &&
         AddExtension(certificate, issuer, NID_subject_key_identifier, "hash") &&
         (issuer == certificate ||
          AddExtension(certificate, issuer, NID_authority_key_identifier, "keyid"));
}

absl::StatusOr<IssuedPair> Export(X509* certificate, EVP_PKEY* key) {
  const crypto::UniqueBio pem(BIO_new(BIO_s_mem()));
  const crypto::UniqueBio secret(BIO_new(BIO_s_secmem()));
  if (PEM_write_bio_X509(pem.get(), certificate) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(secret.get(), key, nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return OpensslError("cannot write the certificate");
  }
  IssuedPair pair;
  pair.certificate_pem = Drain(pem.get());
  pair.key_pem = base::Secret(Drain(secret.get()));
  return pair;
}

struct LoadedPair {
  crypto::UniqueX509 certificate;
  crypto::UniquePkey key;
};

absl::StatusOr<LoadedPair> Load(const IssuedPair& pair) {
  const crypto::UniqueBio certificate(
      BIO_new_mem_buf(pair.certificate_pem.data(), static_cast<int>(pair.certificate_pem.size())));
  const absl::string_view key_pem = pair.key_pem.Reveal();
  const crypto::UniqueBio key(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  LoadedPair loaded;
  loaded.certificate.reset(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
  loaded.key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
  if (loaded.certificate == nullptr || loaded.key == nullptr)
    return OpensslError("cannot read the control CA");
  return loaded;
}

// `issuer` null: signs itself.
absl::StatusOr<IssuedPair> MakeLeaf(const LoadedPair* issuer, const IssueSpec& spec,
                                    absl::Time now) {
  const crypto::UniquePkey key(EVP_EC_gen("P-256"));
  const crypto::UniqueX509 certificate(X509_new());
  if (key == nullptr || certificate == nullptr) return OpensslError("cannot make a key");
  X509* signer = issuer == nullptr ? certificate.get() : issuer->certificate.get();
  EVP_PKEY* signing = issuer == nullptr ? key.get() : issuer->key.get();
  if (!SetBasics(certificate.get(), key.get(), spec.common_name, now - kClockSkew,
                 now + spec.lifetime) ||
      X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer)) != 1 ||
      !AddLeafExtensions(spec, certificate.get(), signer) ||
      X509_sign(certificate.get(), signing, EVP_sha256()) == 0) {
    return OpensslError("cannot make a certificate");
  }
  return Export(certificate.get(), key.get());
}

void RemoveOldVersions(const fs::path& link, const fs::path& current, const fs::path& previous) {
  std::error_code error;
  const std::string prefix = absl::StrCat(".", link.filename().string(), "-");
  for (fs::directory_iterator entry(link.parent_path(), error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path name = entry->path().filename();
    if (name.string().rfind(prefix, 0) != 0 || name == current || name == previous) continue;
    std::error_code ignored;
    fs::remove_all(entry->path(), ignored);
  }
}

}  // namespace

absl::StatusOr<IssuedPair> MakeAuthority(absl::string_view common_name, absl::Time now,
                                         absl::Duration lifetime) {
  const crypto::UniquePkey key(EVP_EC_gen("P-256"));
  const crypto::UniqueX509 certificate(X509_new());
  if (key == nullptr || certificate == nullptr) return OpensslError("cannot make a key");
  X509* self = certificate.get();
  if (!SetBasics(self, key.get(), std::string(common_name), now - kClockSkew, now + lifetime) ||
      X509_set_issuer_name(self, X509_get_subject_name(self)) != 1 ||
      !AddExtension(self, self, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(self, self, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(self, self, NID_subject_key_identifier, "hash") ||
      X509_sign(self, key.get(), EVP_sha256()) == 0) {
    return OpensslError("cannot make the CA");
  }
  return Export(self, key.get());
}

absl::StatusOr<IssuedPair> Issue(const IssuedPair& authority, const IssueSpec& spec,
                                 absl::Time now) {
  auto issuer = Load(authority);
  if (!issuer.ok()) return issuer.status();
  return MakeLeaf(&*issuer, spec, now);
}

absl::StatusOr<IssuedPair> MakeSelfSigned(const IssueSpec& spec, absl::Time now) {
  return MakeLeaf(nullptr, spec, now);
}

absl::Status SwapDirectory(const std::string& link, const IssuedPair& pair,
                           absl::string_view authorities_pem, const std::optional<Owner>& owner) {
  const fs::path path(link);
  const std::string version =
      absl::StrCat(".", path.filename().string(), "-", crypto::RandomHex(6));
  const std::string directory = (path.parent_path() / version).string();
  absl::Status status = MakeDirectory(directory);
  if (status.ok()) status = WriteFile(directory + "/tls.crt", pair.certificate_pem);
  if (status.ok()) status = WriteFile(directory + "/tls.key", pair.key_pem.Reveal());
  if (status.ok() && !authorities_pem.empty())
    status = WriteFile(directory + "/ca.crt", authorities_pem);
  for (const char* name : {"/tls.crt", "/tls.key", "/ca.crt", ""}) {
    if (status.ok() && Exists(directory + name)) status = Give(directory + name, owner);
  }
  if (!status.ok()) return status;
  std::error_code error;
  const fs::path previous = fs::read_symlink(path, error).filename();
  const fs::path fresh = path.parent_path() / (version + ".link");
  error.clear();
  fs::create_symlink(version, fresh, error);
  if (!error) fs::rename(fresh, path, error);
  if (error)
    return absl::FailedPreconditionError(
        absl::StrCat("cannot switch ", link, ": ", error.message()));
  RemoveOldVersions(path, version, previous);
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc::ctl
