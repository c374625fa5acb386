// User names and passwords (RFC 7617): where an API asks for them, and those that a key has. Pure;
// only for this folder.
#pragma once

#include "absl/status/status.h"
#include "authsvc/change/checks.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

[[nodiscard]] bool TakesLogins(const v1::Api& api);
// A protocol that has a place for them, a realm that can be sent. That no token is looked for in
// the same place is CheckJwts'.
[[nodiscard]] absl::Status CheckBasic(const v1::Api& api, Warnings* warnings);
// A user name that can be shown, and is nobody else's of the organisation.
[[nodiscard]] absl::Status CheckLogin(const CheckContext& context, const v1::Key& key);

}  // namespace sallyport::authsvc
