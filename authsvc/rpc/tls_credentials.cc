#include "authsvc/rpc/tls_credentials.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "shared/base/secret.h"
#include "shared/crypto/pem.h"
#include "shared/crypto/private_key.h"

namespace sallyport::authsvc {
namespace {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file.is_open() || text.str().empty()) {
    return absl::NotFoundError(
        absl::StrCat("cannot read ", path, " (grpc.tls_dir; `sallyctl init` makes one)"));
  }
  return text.str();
}

absl::Status CheckFiles(const config::TlsDirectory& directory) {
  if (directory.path.empty()) {
    return absl::InvalidArgumentError("grpc.tls_dir is not set: authsvc only speaks mutual TLS");
  }
  auto certificate = ReadFile(directory.certificate());
  auto key = ReadFile(directory.key());
  auto authorities = ReadFile(directory.authorities());
  for (const absl::Status& status : {certificate.status(), key.status(), authorities.status()}) {
    if (!status.ok()) return status;
  }
  *certificate += "\n" + *key;
  base::Cleanse(&*key);
  const auto bundle = crypto::ParsePem(*certificate);
  base::Cleanse(&*certificate);
  if (!bundle.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(directory.certificate(), " with ", directory.key(), ": ",
                                                   std::string(bundle.status().message())));
  }
  if (bundle->chain.empty() || bundle->private_key.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        bundle->chain.empty() ? directory.certificate() : directory.key(), " holds no ",
        bundle->chain.empty() ? "certificate" : "private key"));
  }
  const auto roots = crypto::ParsePem(*authorities);
  if (!roots.ok() || roots->chain.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(directory.authorities(), " holds no certificate of a CA"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const config::TlsDirectory& directory, absl::Duration reload) {
  absl::Status status = CheckFiles(directory);
  if (!status.ok()) return status;
  const auto seconds = static_cast<unsigned>(std::max<int64_t>(1, absl::ToInt64Seconds(reload)));
  auto provider = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      directory.key(), directory.certificate(), directory.authorities(), seconds);
  grpc::experimental::TlsServerCredentialsOptions options(provider);
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace sallyport::authsvc
