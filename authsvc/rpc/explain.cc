#include "authsvc/rpc/explain.h"

#include "absl/strings/str_cat.h"
#include "authsvc/rpc/telemetry_store.h"
#include "authsvc/snapshot/snapshot.h"
#include "sallyport/v1/telemetry.pb.h"
#include "shared/base/reason.h"
#include "shared/crypto/pem.h"

namespace sallyport::authsvc {
namespace {

namespace wire = ::sallyport::v1;

void AddStep(wire::ExplainResponse* response, absl::string_view stage, std::string text, bool passed) {
  wire::ExplainStep* step = response->add_steps();
  step->set_stage(std::string(stage));
  step->set_text(std::move(text));
  step->set_passed(passed);
}

void AddReport(const wire::Refusal& refusal, wire::ExplainResponse* response) {
  const base::Reason reason = base::ReasonFromNumber(refusal.reason());
  const std::string when = absl::FormatTime(absl::FromUnixMillis(refusal.time_unix_ms()), absl::UTCTimeZone());
  AddStep(response, "request",
          absl::StrCat(when, ": ", refusal.method(), " ", refusal.host(), refusal.path(), " from ",
                       refusal.client_address(), " on API ", refusal.api_id().empty() ? "(none)" : refusal.api_id(),
                       " was refused with ", base::ReasonName(reason),
                       refusal.detail().empty() ? "" : absl::StrCat(": ", refusal.detail())),
          false);
}

void Ask(const Snapshot& snapshot, const wire::AuthorizeRequest& question, absl::Time now,
         const DecisionBounds& bounds, wire::ExplainResponse* response) {
  Trace trace;
  *response->mutable_decision() = Decide(snapshot, {question}, now, nullptr, &trace, bounds);
  for (TraceStep& step : trace.steps) AddStep(response, step.stage, std::move(step.text), step.passed);
}

absl::Status AddTypedCertificate(const std::string& pem, wire::AuthorizeRequest* question) {
  const auto bundle = crypto::ParsePemOrDer(pem);
  if (!bundle.ok()) return bundle.status();
  if (bundle->chain.empty()) return absl::InvalidArgumentError("a bare public key is no certificate");
  question->clear_chain_der();
  for (const auto& certificate : bundle->chain) question->add_chain_der(certificate->der);
  question->set_proof(wire::PROOF_TLS);
  question->set_tls(true);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<wire::ExplainResponse> Explain(const Snapshot& snapshot, const wire::ExplainRequest& request,
                                              const TelemetryStore& telemetry, absl::Time now,
                                              const DecisionBounds& bounds) {
  wire::ExplainResponse response;
  if (!request.request_id().empty()) {
    const auto refusal = telemetry.FindRefusal(request.request_id());
    if (!refusal.has_value()) return response;
    response.set_found(true);
    AddReport(*refusal, &response);
    if (refusal->has_question() && !refusal->question().api_id().empty()) {
      Ask(snapshot, refusal->question(), now, bounds, &response);
    } else {
      response.mutable_decision()->set_reason(refusal->reason());
      response.mutable_decision()->set_detail(refusal->detail());
    }
    return response;
  }
  wire::AuthorizeRequest question = request.question();
  if (!request.certificate_pem().empty()) {
    absl::Status status = AddTypedCertificate(request.certificate_pem(), &question);
    if (!status.ok()) return status;
  }
  response.set_found(true);
  Ask(snapshot, question, now, bounds, &response);
  return response;
}

}  // namespace sallyport::authsvc
