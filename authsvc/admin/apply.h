// Runs an `apply` against the store: plan (authsvc/dialects/apply.h), one transaction, results.
// Blocks for the store; for admin threads and the Admin service. Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sallyport/v1/admin.pb.h"
#include "shared/base/clock.h"

namespace sallyport::authsvc {
class Snapshot;
class Writer;
struct WriteResult;
}  // namespace sallyport::authsvc

namespace sallyport::authsvc::admin {

// `who` goes to the audit log. Refusals are in the response (applied = false); an error means that
// the store did not take the write. A conflict with a write in between is retried a few times.

// What a document that is this process's own file may have; never for one that a caller sent.
struct OwnFile {
  std::vector<std::string> tyk_environment;  // TYK_GW_NAME=value over a tyk.conf
  bool read_files = false;                   // paths may stand where ids of certificates may
};
// Of a dry run: says in the answer whom the change would cut off. May be empty.
using Preview = std::function<void(const Snapshot& before, const Snapshot& after,
                                   sallyport::v1::ApplyResponse*)>;
[[nodiscard]] absl::StatusOr<sallyport::v1::ApplyResponse> Apply(
    Writer& writer, const base::Clock& clock, absl::string_view who,
    absl::string_view default_org_id, const sallyport::v1::ApplyRequest& request,
    const OwnFile& own = {}, const Preview& preview = {},
    const std::vector<std::string>& apk_sandbox_hosts = {});

// Deletes an object of WSO2 APK (DialectObject "apk/…") as `apply --prune` does: what is made of it
// goes with it, and what it had a part in is made anew without it, in one write.
// FailedPrecondition: that could not be made, nothing was written. Errors else as of Writer.
[[nodiscard]] absl::StatusOr<WriteResult> DeleteObject(
    Writer& writer, const base::Clock& clock, absl::string_view default_org_id,
    const sallyport::v1::DeleteRequest& request,
    const std::vector<std::string>& apk_sandbox_hosts = {});

// Deletes a Tyk OAS API as REST does: a version is taken out of its base, those of a base stand
// alone from then on, in one write. Errors as of Writer.
[[nodiscard]] absl::StatusOr<WriteResult> DeleteOasApi(Writer& writer, const base::Clock& clock,
                                                       absl::string_view default_org_id,
                                                       const sallyport::v1::DeleteRequest& request);

}  // namespace sallyport::authsvc::admin
