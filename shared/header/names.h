// Header names that say who the caller is. From anyone but a trusted proxy they are removed before
// anything is forwarded; '_' counts as '-' (many servers read it that way), trailers too. Pure,
// thread-safe.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::header {

// Case-insensitive, '_' = '-'.
[[nodiscard]] bool SameName(absl::string_view a, absl::string_view b);
// Lower case, '_' replaced by '-'.
[[nodiscard]] std::string CanonicalName(absl::string_view name);
// X-Forwarded-Client-Cert, Client-Cert, Client-Cert-Chain, X-WSO2-CLIENT-CERTIFICATE,
// X-SSL-Client-*, SSL-Client-*, X-Client-Cert*, X-Amzn-Mtls-Clientcert* and the like. `own`: the
// API's identity header, "" for none.
[[nodiscard]] bool IsIdentityHeader(absl::string_view name, absl::string_view own = "");
// Forwarded, X-Forwarded-*, X-Real-IP and other fields by which proxies say where a request came
// from or went to. From anyone but a trusted proxy they are made up.
[[nodiscard]] bool IsAddressHeader(absl::string_view name);
// A token of RFC 9110 §5.6.2, not empty.
[[nodiscard]] bool IsFieldName(absl::string_view name);
// No control characters but tab, no leading or trailing blank (RFC 9110 §5.5).
[[nodiscard]] bool IsFieldValue(absl::string_view value);

}  // namespace sallyport::header
