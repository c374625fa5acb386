// ValidateCertificate: path validation alone, with the full failure, and what the answer depends on
// and how long it may be kept (a data plane asks it within handshakes at strict SNIs). Pure.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "authsvc/decide/decide.h"
#include "sallyport/v1/decision.pb.h"

namespace sallyport::authsvc {

class DecisionMemo;
class Snapshot;

// INVALID_ARGUMENT: the question itself is wrong (no chain, an unknown purpose, trust that is no
// certificate). NOT_FOUND: an API or certificate that is not there, or not deployed to `group`. A
// trust bundle that is not there is none of these: it admits nobody.
[[nodiscard]] absl::StatusOr<::sallyport::v1::ValidateCertificateResponse> ValidateCertificate(
    const Snapshot& snapshot, const ::sallyport::v1::ValidateCertificateRequest& request,
    std::optional<absl::string_view> group, absl::Time now, DecisionMemo* memo,
    const DecisionBounds& bounds = {});

}  // namespace sallyport::authsvc
