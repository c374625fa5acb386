// Names of what Mutation::secret_data holds for resources other than a Secret: values that are
// given in clear, by documents alone, and are stored sealed.
#pragma once

#include "absl/strings/string_view.h"

namespace sallyport::authsvc {

inline constexpr absl::string_view kLoginPassword = "basic_login.password";      // Key
inline constexpr absl::string_view kLoginHash = "basic_login.password_hash";     // Key
inline constexpr absl::string_view kUpstreamCredential = "upstream.credential";  // Api

}  // namespace sallyport::authsvc
