// The cipher suites that OpenSSL has, by name. Thread-safe.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::crypto {

struct TlsSuite {
  std::string name;  // OpenSSL's
  bool tls13 = false;
};

// By OpenSSL's name or that of the standard, whatever the case; also by the names that the
// ChaCha20 suites had before RFC 7905. Null: there is none that authenticates and encrypts.
[[nodiscard]] const TlsSuite* FindTlsSuite(absl::string_view name);

}  // namespace sallyport::crypto
