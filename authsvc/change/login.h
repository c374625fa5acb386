// The login of a key (user name and password, RFC 7617) on its way into the store and out of it.
// Only for this folder. Texts of errors never hold password or hash.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "authsvc/change/sealed_value.h"
#include "authsvc/change/writer.h"

namespace sallyport::authsvc {

// The passwords of a write are hashed on the thread that submits it, before the writer's own takes
// it: each costs tens of milliseconds. One that the stored hash of `before` is of keeps that hash.
// InvalidArgument: a password that cannot be one.
[[nodiscard]] absl::Status HashPasswords(const ValueSealing& sealing, const Snapshot& before,
                                         Write* write);

// Seals the given hash into `key`. None given: the one of `stored` (may be null) is kept.
[[nodiscard]] absl::Status CompleteLogin(const ValueSealing& sealing,
                                         const std::map<std::string, base::Secret>& secrets,
                                         const v1::Key* stored, v1::Key* key);

[[nodiscard]] absl::StatusOr<base::Secret> OpenLoginHash(const ValueSealing& sealing,
                                                         const v1::Key& key);

}  // namespace sallyport::authsvc
