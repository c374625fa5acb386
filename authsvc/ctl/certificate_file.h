// A certificate file of an operator: PEM, DER or PKCS#12.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shared/base/secret.h"
#include "shared/crypto/pem.h"

namespace sallyport::authsvc::ctl {

struct CertificateFile {
  std::string path;
  crypto::PemBundle bundle;  // private_key: empty when there is none
  [[nodiscard]] bool has_private_key() const { return !bundle.private_key.empty(); }
  // The public part as PEM.
  [[nodiscard]] std::string PublicPem() const;
  // With the private key.
  [[nodiscard]] base::Secret FullPem() const;
};

// `password`: of PKCS#12; may be empty.
[[nodiscard]] absl::StatusOr<CertificateFile> ReadCertificateFile(const std::string& path,
                                                                  absl::string_view password);
// The same of `content`, which was read from `path` and is cleansed.
[[nodiscard]] absl::StatusOr<CertificateFile> ParseCertificateFile(const std::string& path,
                                                                   std::string content,
                                                                   absl::string_view password);
// The content of --password-file without its line end; empty for an empty path.
[[nodiscard]] absl::StatusOr<base::Secret> ReadPassword(const std::string& path);
// One line that says that the private key stayed here.
[[nodiscard]] std::string LeftOutLine(const std::string& path);

}  // namespace sallyport::authsvc::ctl
