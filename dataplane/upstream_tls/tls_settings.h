// TLS versions and cipher names of an upstream's settings onto an SSL_CTX. Not thread-safe per
// SSL_CTX.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

// "1.2", "1.3" or empty (1.2 up to the newest). Older versions are refused by name.
[[nodiscard]] absl::Status SetVersions(absl::string_view min, absl::string_view max, SSL_CTX* ctx);

// OpenSSL's or IANA's names, any case. Unknown ones are left out; when none is left it is an error,
// never "any cipher". Suites without authentication or encryption are unknown. Empty list:
// OpenSSL's default.
[[nodiscard]] absl::Status SetCiphers(const std::vector<std::string>& names, SSL_CTX* ctx);

}  // namespace sallyport::dataplane
