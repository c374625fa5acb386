// A directory of TLS files that is replaced as a whole (a symbolic link that is switched, as
// Kubernetes does), so that a half-written pair is never read: tls.crt, tls.key, ca.crt.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"

namespace sallyport::config {

struct TlsDirectory {
  std::string path;  // empty: none
  [[nodiscard]] std::string certificate() const { return absl::StrCat(path, "/tls.crt"); }
  [[nodiscard]] std::string key() const { return absl::StrCat(path, "/tls.key"); }
  [[nodiscard]] std::string authorities() const { return absl::StrCat(path, "/ca.crt"); }
};

}  // namespace sallyport::config
