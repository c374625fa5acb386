// Reading single claims of a token, with bounds. Names are those of top-level claims, whole: a dot
// in one is part of it. Pure, thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/jwt/token.h"

namespace sallyport::jwt {

inline constexpr size_t kMostIdentityBytes = 512;

// A claim as an identity: a text, or a whole number of at most 2^53 in decimal. Nothing when it is
// absent, of another type, empty, over 512 bytes, or holds a control character (C0, DEL, C1): such
// a text would be read differently by whoever gets it next.
[[nodiscard]] std::optional<std::string> IdentityClaim(const Claims& claims,
                                                       absl::string_view name);

// A NumericDate (RFC 7519 section 2), fractions too. False when it is there and not a number from
// 1970 to 9999; `*time` is empty when it is not there.
[[nodiscard]] bool ReadTimeClaim(const Claims& claims, absl::string_view name,
                                 std::optional<absl::Time>* time);

// A claim that is one text or a list of texts, as "aud". False when it is there and anything else.
[[nodiscard]] bool ReadTextsClaim(const Claims& claims, absl::string_view name,
                                  std::vector<absl::string_view>* texts);

// What the claims of these names grant, each a text with blanks between scopes (RFC 8693 section
// 4.2) or a list of texts; their union. False when one is there and anything else. The views live
// as long as `claims`.
[[nodiscard]] bool ReadScopes(const Claims& claims, const std::vector<std::string>& names,
                              std::vector<absl::string_view>* scopes);

}  // namespace sallyport::jwt
