// ValidateCertificate: path validation alone, with the full failure. Pure.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sallyport/v1/decision.pb.h"

namespace sallyport::authsvc {

class DecisionMemo;
class Snapshot;

// INVALID_ARGUMENT: the question itself is wrong (no chain, an unknown purpose, trust that is no
// certificate). NOT_FOUND: an API or certificate that is not there, or not deployed to `group`.
[[nodiscard]] absl::StatusOr<::sallyport::v1::ValidateCertificateResponse> ValidateCertificate(
    const Snapshot& snapshot, const ::sallyport::v1::ValidateCertificateRequest& request,
    std::optional<absl::string_view> group, absl::Time now, DecisionMemo* memo);

}  // namespace sallyport::authsvc
