// The two outcomes of authorization. A Permit can only be made by dataplane/authorize; limit,
// upstream and forward take one as a parameter, so forwarding without an authorization does not
// compile.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "absl/time/time.h"
#include "dataplane/sync/decision.h"
#include "shared/base/reason.h"

namespace sallyport::dataplane {

class Permit {
 public:
  [[nodiscard]] const Decision& decision() const { return *decision_; }
  [[nodiscard]] const DecisionPtr& shared() const { return decision_; }
  // Used although authsvc did not answer (stale_if_error).
  [[nodiscard]] bool stale() const { return stale_; }

 private:
  friend class PermitOffice;     // dataplane/authorize/permit_office.h, private to that folder
  friend struct PermitForTests;  // tests/fakes/permit_for_tests.h
  Permit(DecisionPtr decision, bool stale) : decision_(std::move(decision)), stale_(stale) {}

  DecisionPtr decision_;
  bool stale_;
};

// A refusal on any phase. `detail` is for operators: it goes to the log, never into an answer.
struct Denial {
  base::Reason reason = base::Reason::kInternal;
  std::string detail;
  absl::Duration retry_after;  // zero: no Retry-After header
  DecisionPtr decision;  // null where none was made; else who was refused, for log and telemetry
};

using Verdict = std::variant<Permit, Denial>;

}  // namespace sallyport::dataplane
