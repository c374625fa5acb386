#include "authsvc/rpc/explain.h"

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/rpc/explain_granted.h"
#include "authsvc/rpc/lookups.h"
#include "authsvc/rpc/telemetry_store.h"
#include "authsvc/snapshot/snapshot.h"
#include "sallyport/v1/telemetry.pb.h"
#include "shared/base/reason.h"
#include "shared/base/text.h"
#include "shared/crypto/certificate.h"
#include "shared/crypto/pem.h"

namespace sallyport::authsvc {
namespace {

namespace wire = ::sallyport::v1;

void AddStep(wire::ExplainResponse* response, absl::string_view stage, std::string text,
             bool passed) {
  wire::ExplainStep* step = response->add_steps();
  step->set_stage(std::string(stage));
  step->set_text(std::move(text));
  step->set_passed(passed);
}

std::string When(int64_t unix_ms) {
  return absl::FormatTime(absl::FromUnixMillis(unix_ms), absl::UTCTimeZone());
}

// Which part of the life of a request (DESIGN 2) refuses with this.
absl::string_view PhaseOf(base::Reason reason) {
  switch (reason) {
    case base::Reason::kVersionNotGranted:
    case base::Reason::kOperationNotGranted:
      return "the caller was let in; its key does not grant this";
    case base::Reason::kRateLimited:
    case base::Reason::kQuotaExceeded:
    case base::Reason::kApiRateLimited: return "the caller was let in; a limit was reached";
    case base::Reason::kUpstreamCredential:
      return "the caller was let in; the certificate for the upstream is of no use";
    default: break;
  }
  switch (base::ReasonFault(reason)) {
    case base::Fault::kAuthsvc: return "the data plane had no decision";
    case base::Fault::kUpstream: return "the caller was let in; the upstream failed";
    case base::Fault::kGateway: return "the data plane itself";
    default: return "route or decision";
  }
}

void AddReport(const wire::Refusal& refusal, wire::ExplainResponse* response) {
  const base::Reason reason = base::ReasonFromNumber(refusal.reason());
  const std::string when = When(refusal.time_unix_ms());
  AddStep(response, "request",
          absl::StrCat(when, ": ", refusal.method(), " ", refusal.host(), refusal.path(), " from ",
                       refusal.client_address(), " on API ",
                       refusal.api_id().empty() ? "(none)" : refusal.api_id(), " was refused with ",
                       base::ReasonName(reason),
                       refusal.detail().empty() ? "" : absl::StrCat(": ", refusal.detail()), " (",
                       PhaseOf(reason), ")"),
          false);
}

void Ask(const Snapshot& snapshot, const wire::AuthorizeRequest& request, absl::Time now,
         const DecisionBounds& bounds, const ExplainFindings& findings,
         wire::ExplainResponse* response) {
  Trace trace;
  AuthorizeQuestion question{request};
  question.key_sets = findings.key_sets;
  question.logins = findings.logins;
  question.needs = findings.needs;
  question.open_secrets = findings.open_secrets;
  *response->mutable_decision() = Decide(snapshot, question, now, nullptr, &trace, bounds);
  for (TraceStep& step : trace.steps)
    AddStep(response, step.stage, std::move(step.text), step.passed);
  if (response->decision().reason() == 0)
    ExplainGranted(snapshot, request, response->decision(), now, response);
}

// " PREFIX text", or nothing.
std::string With(absl::string_view prefix, absl::string_view text) {
  return text.empty() ? std::string() : absl::StrCat(prefix, text);
}

void AddRequest(const wire::AllowedRequest& allowed, const LookupResult& from,
                wire::ExplainResponse* response) {
  AddStep(response, "request",
          absl::StrCat(When(allowed.time_unix_ms()), ": ", allowed.method(), " ", allowed.host(),
                       allowed.path(), " from ", allowed.client_address(), " on API ",
                       allowed.question().api_id(), With(", version ", allowed.version()),
                       With(", profile ", allowed.question().profile()),
                       " was let in by data plane ", from.replica, " of group ", from.group),
          true);
}

std::string CertificateText(absl::string_view der) {
  const auto certificate = crypto::ParseCertificate(der);
  if (!certificate.ok()) return "cannot be read";
  const crypto::Certificate& facts = **certificate;
  return absl::StrCat(facts.subject, ", issued by ", facts.issuer, ", serial ",
                      base::Hex(facts.serial), ", valid until ",
                      absl::FormatTime(facts.not_after, absl::UTCTimeZone()), ", SHA-256 ",
                      base::Hex(facts.fingerprint));
}

void AddPresented(const wire::AllowedRequest& allowed, wire::ExplainResponse* response) {
  const auto& chain = allowed.question().chain_der();
  const bool by_proxy = allowed.question().proof() == wire::PROOF_HEADER;
  const std::string how = by_proxy
                              ? absl::StrCat("that proxy ", allowed.question().proxy(), " told of")
                              : "whose key was proven";
  if (allowed.leaf_sha256().empty()) {
    AddStep(response, "certificate", "no client certificate was presented", true);
  } else if (chain.empty()) {
    AddStep(response, "certificate",
            absl::StrCat("the leaf ", how, " had SHA-256 ", allowed.leaf_sha256(),
                         "; the certificates themselves are no longer kept"),
            true);
  }
  for (int i = 0; i < chain.size(); ++i) {
    AddStep(response, "certificate",
            absl::StrCat("presented ", i + 1, " of ", chain.size(),
                         i == 0 ? absl::StrCat(", ", how, ": ") : std::string(": "),
                         CertificateText(chain[i])),
            true);
  }
  for (const wire::Credential& credential : allowed.question().credentials()) {
    AddStep(response, "token",
            absl::StrCat("a ", credential.mechanism(), " came by ", credential.place()), true);
  }
}

void AddDecision(const wire::AllowedRequest& allowed, wire::ExplainResponse* response) {
  const wire::Identity& identity = allowed.identity();
  AddStep(response, "decision",
          absl::StrCat(
              identity.name().empty() ? std::string("allowed, without an identity")
                                      : absl::StrCat("allowed as \"", identity.name(), "\""),
              With(", key ", identity.key_id()), With(", organisation ", identity.org_id()),
              With(", policies ", absl::StrJoin(identity.policy_ids(), ", ")),
              ", decided at revision ", allowed.revision(),
              allowed.stale()
                  ? ", on an answer of before, because no auth service answered (stale_if_error)"
                  : ""),
          true);
}

void AddUpstream(const wire::AllowedRequest& allowed, wire::ExplainResponse* response) {
  const base::Reason reason = base::ReasonFromNumber(allowed.reason());
  const auto total = absl::Microseconds(allowed.total_us());
  if (allowed.target().empty()) {
    return AddStep(response, "upstream",
                   absl::StrCat("not asked: the script of a virtual endpoint answered ",
                                allowed.status(), ", all in ", absl::FormatDuration(total)),
                   true);
  }
  AddStep(response, "upstream",
          absl::StrCat("sent to ", allowed.target(), With(", address ", allowed.upstream()),
                       allowed.upstream_reused() ? ", on a connection that was open already" : "",
                       allowed.upstream_certificate_id().empty() ? ", without a client certificate"
                                                                 : ", with client certificate ",
                       allowed.upstream_certificate_id(), "; it answered ", allowed.status(),
                       ", all in ", absl::FormatDuration(total),
                       reason == base::Reason::kAllowed
                           ? std::string()
                           : absl::StrCat("; the answer broke off: ", base::ReasonName(reason))),
          reason == base::Reason::kAllowed);
}

// Of what is checked by itself and not by its hash, only the hash is kept.
bool LacksCredential(const wire::AuthorizeRequest& question) {
  return absl::c_any_of(question.credentials(), [](const wire::Credential& credential) {
    return (credential.mechanism() == "jwt" && credential.jwt().empty()) ||
           (credential.mechanism() == "basic" && credential.login().empty());
  });
}

// What authsvc says to the same question now; answers the decision, an empty one where it cannot be
// asked.
wire::Decision AddNow(const Snapshot& snapshot, const wire::AuthorizeRequest& question,
                      absl::Time now, const DecisionBounds& bounds,
                      wire::ExplainResponse* response) {
  if (LacksCredential(question)) {
    AddStep(response, "now",
            "not asked again: neither signed tokens nor passwords are kept; explain --jwt-file or "
            "--login-file asks with one",
            true);
    return {};
  }
  Trace trace;
  wire::Decision decision = Decide(snapshot, {question}, now, nullptr, &trace, bounds);
  const base::Reason reason = base::ReasonFromNumber(decision.reason());
  const bool same = reason == base::Reason::kAllowed;
  AddStep(response, "now",
          absl::StrCat("asked again at revision ", snapshot.revision(), ": ",
                       same ? "allowed"
                            : absl::StrCat("it would be refused with ", base::ReasonName(reason)),
                       With(": ", decision.detail())),
          same);
  for (TraceStep& step : trace.steps)
    AddStep(response, step.stage, std::move(step.text), step.passed);
  if (same) ExplainGranted(snapshot, question, decision, now, response);
  return decision;
}

absl::Status AddTypedCertificate(const std::string& pem, wire::AuthorizeRequest* question) {
  const auto bundle = crypto::ParsePemOrDer(pem);
  if (!bundle.ok()) return bundle.status();
  if (bundle->chain.empty())
    return absl::InvalidArgumentError("a bare public key is no certificate");
  question->clear_chain_der();
  for (const auto& certificate : bundle->chain) question->add_chain_der(certificate->der);
  question->set_proof(wire::PROOF_TLS);
  question->set_tls(true);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<wire::ExplainResponse> Explain(const Snapshot& snapshot,
                                              const wire::ExplainRequest& request,
                                              const TelemetryStore& telemetry, absl::Time now,
                                              const DecisionBounds& bounds,
                                              const ExplainFindings& findings) {
  wire::ExplainResponse response;
  if (request.has_handshakes()) {
    response.set_found(true);
    for (wire::HandshakeFailure& failure : telemetry.FindHandshakes(request.handshakes()))
      *response.add_handshakes() = std::move(failure);
    return response;
  }
  if (!request.request_id().empty()) {
    const auto refusal = telemetry.FindRefusal(request.request_id());
    if (!refusal.has_value()) return response;
    response.set_found(true);
    AddReport(*refusal, &response);
    if (refusal->has_question() && !refusal->question().api_id().empty()) {
      const wire::Decision again = AddNow(snapshot, refusal->question(), now, bounds, &response);
      *response.mutable_decision()->mutable_identity() = again.identity();
      response.mutable_decision()->set_revision(again.revision());
    }
    // As it was then, whatever would be decided now.
    response.mutable_decision()->set_reason(refusal->reason());
    response.mutable_decision()->set_detail(refusal->detail());
    return response;
  }
  wire::AuthorizeRequest question = request.question();
  if (!request.certificate_pem().empty()) {
    absl::Status status = AddTypedCertificate(request.certificate_pem(), &question);
    if (!status.ok()) return status;
  }
  response.set_found(true);
  Ask(snapshot, question, now, bounds, findings, &response);
  return response;
}

wire::ExplainResponse ExplainLookup(const Snapshot& snapshot, const LookupResult& result,
                                    absl::Time now, const DecisionBounds& bounds) {
  wire::ExplainResponse response;
  response.set_asked(result.asked);
  for (const std::string& name : result.not_asked) response.add_not_asked(name);
  if (result.allowed == nullptr) {
    for (const std::string& name : result.unanswered) response.add_unanswered(name);
    return response;
  }
  const wire::AllowedRequest& allowed = *result.allowed;
  response.set_found(true);
  response.set_replica(result.replica);
  response.set_group(result.group);
  *response.mutable_decision()->mutable_identity() = allowed.identity();
  response.mutable_decision()->set_revision(allowed.revision());
  AddRequest(allowed, result, &response);
  AddPresented(allowed, &response);
  AddDecision(allowed, &response);
  AddUpstream(allowed, &response);
  if (!allowed.leaf_sha256().empty() && allowed.question().chain_der().empty()) {
    AddStep(&response, "now", "the same cannot be asked again without the certificates", true);
  } else {
    (void)AddNow(snapshot, allowed.question(), now, bounds, &response);
  }
  return response;
}

}  // namespace sallyport::authsvc
