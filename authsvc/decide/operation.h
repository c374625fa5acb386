// Version, path and method of a request, evaluated here for callers of role `decision` (a data
// plane does this itself, with what it was granted). Reference tyk.md: path rules are RE2,
// unanchored, on the path behind the listen path.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "authsvc/decide/key_rights.h"
#include "authsvc/decide/refusal.h"
#include "sallyport/v1/decision.pb.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

class RegexCache;

struct Operation {
  const v1::ApiVersion* version = nullptr;  // null: the API has none, nothing is restricted
  bool versioned = false;
  std::string version_name;
  bool ignored = false;             // exempt path: no token, no limits
  bool open = false;                // an operation that asks for no token
  std::vector<std::string> scopes;  // one of them must be the token's; empty: no demand
};

// Which version, and whether the path may be called at all and is exempt. A blocked path is never
// exempt.
[[nodiscard]] std::optional<Refusal> FindOperation(const v1::Api& api,
                                                   const v1::AuthorizeRequest& request,
                                                   absl::Time now, RegexCache* regexes,
                                                   Operation* out);

// Whether the key's rights cover version, path and method.
[[nodiscard]] std::optional<Refusal> CheckOperation(const KeyRights& rights,
                                                    const Operation& operation,
                                                    const v1::AuthorizeRequest& request,
                                                    RegexCache* regexes);

// Whether one of the scopes that the operation asks for is among `granted`.
[[nodiscard]] std::optional<Refusal> CheckOperationScopes(const Operation& operation,
                                                          const std::vector<std::string>& granted);

}  // namespace sallyport::authsvc
