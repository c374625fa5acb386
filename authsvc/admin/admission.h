// Who may call the REST surface: the admin key, and where the gateway settings ask for it a client
// certificate of the control allowlist (reference tyk.md §2, §4.4). Private to this folder.
#pragma once

#include <optional>

#include "authsvc/admin/answers.h"
#include "authsvc/admin/tyk_api.h"
#include "authsvc/snapshot/snapshot.h"

namespace sallyport::authsvc::admin {

// The key that `presented` is; null: none. Takes the same time whichever it is.
[[nodiscard]] const AdminKey* FindAdminKey(const std::vector<AdminKey>& keys,
                                           absl::string_view presented);

// Not set: fine, or no certificate is asked for. Judges the leaf whose key was proven, never
// another certificate that was sent along (reference tyk.md Q1).
[[nodiscard]] std::optional<Response> CheckControlCertificate(const Snapshot& snapshot,
                                                              const admin_http::Request& request,
                                                              absl::Time now);

}  // namespace sallyport::authsvc::admin
