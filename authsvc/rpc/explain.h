// Explain: the decision with every step, for a question that was typed in, for a refusal that a
// data plane reported, or for a request that one let in. Pure apart from the telemetry store that
// it reads.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authsvc/decide/decide.h"
#include "sallyport/v1/decision.pb.h"

namespace sallyport::authsvc {

class KeySets;
class Logins;
class Snapshot;
class TelemetryStore;
struct DecisionNeeds;
struct LookupResult;

// What was found beside decisions; as AuthorizeQuestion's.
struct ExplainFindings {
  const KeySets* key_sets = nullptr;
  const Logins* logins = nullptr;
  DecisionNeeds* needs = nullptr;
  SecretKeysOpener open_secrets;
};

// A request id that nobody reported: found = false, no error.
// INVALID_ARGUMENT: the certificate is none.
[[nodiscard]] absl::StatusOr<::sallyport::v1::ExplainResponse> Explain(
    const Snapshot& snapshot, const ::sallyport::v1::ExplainRequest& request,
    const TelemetryStore& telemetry, absl::Time now, const DecisionBounds& bounds,
    const ExplainFindings& findings = {});

// What the data planes answered: why the request was let in then, as the one that has it tells, and
// what the same question gives now. Nobody has it: found = false, and who was asked.
[[nodiscard]] ::sallyport::v1::ExplainResponse ExplainLookup(const Snapshot& snapshot,
                                                             const LookupResult& result,
                                                             absl::Time now,
                                                             const DecisionBounds& bounds);

}  // namespace sallyport::authsvc
