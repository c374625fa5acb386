// Signed tokens (RFC 7519) that may call WSO2 APK's deployer, in place of an admin key. Private to
// this folder. Thread-safe, does not block.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "authsvc/admin/tyk_api.h"
#include "authsvc/snapshot/snapshot.h"

namespace sallyport::authsvc::admin {

// Whether it has the form of one: no admin key is looked for then.
[[nodiscard]] bool LooksSigned(absl::string_view bearer);

struct TokenQuestion {
  absl::string_view token;
  absl::string_view leaf_sha256;  // of the caller's proven certificate, raw; empty: none
  absl::Time now;
};

// Who calls, for the audit log ("ISSUER/SUBJECT"). kUnauthenticated: it is not one that may, and
// the text says why in words for the log, never for the caller; kPermissionDenied: its issuer gave
// it no such scope; kUnavailable: the issuer's keys are
// not there yet and were asked for.
[[nodiscard]] absl::StatusOr<std::string> CheckDeployerToken(const Snapshot& snapshot,
                                                             const DeployerOptions& options,
                                                             absl::string_view org_id,
                                                             const TokenQuestion& question);

}  // namespace sallyport::authsvc::admin
