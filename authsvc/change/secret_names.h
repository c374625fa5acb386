// Names of what Mutation::secret_data holds for resources other than a Secret: values that are
// given in clear, by documents alone, and are stored sealed.
#pragma once

#include "absl/strings/string_view.h"

namespace sallyport::authsvc {

inline constexpr absl::string_view kLoginPassword = "basic_login.password";      // Key
inline constexpr absl::string_view kLoginHash = "basic_login.password_hash";     // Key
inline constexpr absl::string_view kUpstreamCredential = "upstream.credential";  // Api
inline constexpr absl::string_view kHandlerHeader = "event_handlers/";  // Api; header, event, url

// Others have a member of Mutation of their own; these are their names in a "Stored" document.
inline constexpr absl::string_view kPrivateKey = "private_key";                // Certificate
inline constexpr absl::string_view kTokenHashes = "token_sha256";              // Key; 32 bytes each
inline constexpr absl::string_view kProxyPassword = "forward_proxy.password";  // Api
inline constexpr absl::string_view kSharedSecrets = "shared_secrets/";  // TokenIssuer; and a number
inline constexpr absl::string_view kSecretData = "data/";  // Secret; and its name there

// How every private key in PEM begins, after the kind of the key: stands in no stored document.
inline constexpr absl::string_view kPrivateKeyMark = "PRIVATE KEY-----";

}  // namespace sallyport::authsvc
