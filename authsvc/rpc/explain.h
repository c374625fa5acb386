// Explain: the decision with every step, for a question that was typed in or for a refusal that a data
// plane reported. Pure apart from the telemetry store that it reads.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authsvc/decide/decide.h"
#include "sallyport/v1/decision.pb.h"

namespace sallyport::authsvc {

class Snapshot;
class TelemetryStore;

// A request id that nobody reported: found = false, no error. INVALID_ARGUMENT: the certificate is none.
[[nodiscard]] absl::StatusOr<::sallyport::v1::ExplainResponse> Explain(
    const Snapshot& snapshot, const ::sallyport::v1::ExplainRequest& request,
    const TelemetryStore& telemetry, absl::Time now, const DecisionBounds& bounds);

}  // namespace sallyport::authsvc
