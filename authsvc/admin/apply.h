// Runs an `apply` against the store: plan (authsvc/dialects/apply.h), one transaction, results.
// Blocks for the store; for admin threads and the Admin service. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sallyport/v1/admin.pb.h"
#include "shared/base/clock.h"

namespace sallyport::authsvc {
class Writer;
}

namespace sallyport::authsvc::admin {

// `who` goes to the audit log. Refusals are in the response (applied = false); an error means that
// the store did not take the write. A conflict with a write in between is retried a few times.
// `tyk_environment`: TYK_GW_NAME=value over a tyk.conf; of this process, so never for a document
// that a caller sent.
[[nodiscard]] absl::StatusOr<sallyport::v1::ApplyResponse> Apply(
    Writer& writer, const base::Clock& clock, absl::string_view who,
    absl::string_view default_org_id, const sallyport::v1::ApplyRequest& request,
    std::vector<std::string> tyk_environment = {});

}  // namespace sallyport::authsvc::admin
