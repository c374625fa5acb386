// Script: an endpoint's JavaScript answers in place of the upstream. It is told what an upstream
// would be told, and what it asks for is done as for the caller's own request.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/exchange/upstream_failure.h"
#include "dataplane/forward/headers.h"
#include "dataplane/route/query.h"
#include "dataplane/script/upstream_calls.h"
#include "shared/base/log.h"
#include "shared/header/names.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using metrics::Id;

constexpr int kContinueStatus = 100;
constexpr size_t kMostParameters = 1000;
constexpr absl::Duration kScriptMemoryRetryAfter = absl::Seconds(1);
// Who has ended its side of the connection may still read for so long, as of an upstream's answer.
constexpr absl::Duration kPatience = absl::Seconds(1);
constexpr absl::string_view kFormType = "application/x-www-form-urlencoded";

void AddParameters(absl::string_view text, script::Fields* parameters) {
  for (const absl::string_view part : absl::StrSplit(text, '&', absl::SkipEmpty())) {
    if (parameters->size() >= kMostParameters) return;
    const size_t equals = part.find('=');
    const absl::string_view value =
        equals == absl::string_view::npos ? absl::string_view() : part.substr(equals + 1);
    parameters->emplace_back(DecodeQueryText(part.substr(0, equals)), DecodeQueryText(value));
  }
}

// RFC 9110: their answers have no content.
bool HasNoContent(int status) { return status == 204 || status == 205 || status == 304; }

script::Session SessionOf(const Identity& identity) {
  script::Session session;
  session.told = true;
  session.name = identity.name;
  session.org_id = identity.org_id;
  session.policy_ids = identity.policy_ids;
  session.tags = identity.tags;
  session.metadata.assign(identity.metadata.begin(), identity.metadata.end());
  if (!identity.certificate.has_value() || !identity.certificate_verified) return session;
  session.fingerprint = identity.certificate->fingerprint;
  session.subject = identity.certificate->subject;
  return session;
}

}  // namespace

// What a script of this request does outside.
class Exchange::ScriptCaller final : public ScriptHost {
 public:
  ScriptCaller(Exchange& exchange, const ForwardTimeouts& timeouts)
      : exchange_(exchange),
        calls_({exchange.services_.pool, exchange.services_.credentials, exchange.match_.route,
                *exchange.permit_, timeouts, exchange.request_id_, WithheldBy(exchange),
                [this](const ScriptCallEnd& end) { Ended(end); }, [this] { return Abandoned(); }}),
        patient_until_(exchange.services_.loop.After(kPatience)) {}

  script::Run Question() override { return exchange_.ScriptQuestion(); }
  boost::asio::awaitable<script::Results> Make(script::Calls calls, Deadline deadline) override {
    return calls_.Make(std::move(calls), deadline);
  }
  void Log(absl::string_view line) override {
    LoopServices& services = exchange_.services_;
    const std::string& api_id = exchange_.match_.route->api_id;
    uint64_t left_out = 0;
    if (!services.script_log.Take(api_id, services.loop.clock().Monotonic(), &left_out)) return;
    base::Log(base::Level::kInfo, "script.log",
              {{"api_id", api_id},
               {"request_id", exchange_.request_id_},
               {"function", exchange_.match_.changes.virtual_endpoint->function},
               {"text", line},
               {"left_out", left_out}});
  }
  bool Abandoned() const override {
    const Readiness& client = exchange_.client_.stream.readiness();
    return exchange_.request_.gone() || client.cancelled() ||
           (client.hung_up() && exchange_.services_.loop.Passed(patient_until_));
  }

 private:
  static std::vector<std::string> WithheldBy(const Exchange& exchange) {
    std::vector<std::string> names = exchange.match_.route->identity_names;
    for (const std::string& name : exchange.services_.certificate_headers.names())
      names.push_back(name);
    return names;
  }
  void Ended(const ScriptCallEnd& end) {
    const Reason reason = end.outcome.reason;
    const bool answered = reason == Reason::kAllowed;
    LoopMetrics& metrics = exchange_.services_.metrics;
    metrics.sheet().Counter(Id::kScriptCalls, {answered ? "answered" : "failed"})->Add(1);
    if (IsUpstreamTlsFailure(reason)) metrics.UpstreamTlsFailed(reason);
    if (answered) return;
    LoopServices& services = exchange_.services_;
    const std::string& api_id = exchange_.match_.route->api_id;
    const std::string kind = absl::StrCat(base::ReasonName(reason), " ", api_id);
    uint64_t left_out = 0;
    if (!services.script_call_log.Take(kind, services.loop.clock().Monotonic(), &left_out)) return;
    base::Log(base::Level::kWarning, "script.call_failed",
              {{"api_id", api_id},
               {"request_id", exchange_.request_id_},
               {"function", exchange_.match_.changes.virtual_endpoint->function},
               {"host", end.host},
               {"port", static_cast<int>(end.port)},
               {"reason", base::ReasonName(reason)},
               {"detail", end.outcome.detail},
               {"left_out", left_out}});
  }

  Exchange& exchange_;
  ScriptCalls calls_;
  const Deadline patient_until_;
};

bool Exchange::TakeScriptMemory(size_t bytes) {
  if (script_bytes_.Take(services_.scripts.bodies(), bytes)) return true;
  Deny(Reason::kOverloaded, "scripts.all_body_bytes is reached");
  denial_->retry_after = kScriptMemoryRetryAfter;
  denial_->decision = permit_->shared();
  return false;
}

// The whole of it, before a process is taken: a caller that sends slowly keeps none.
boost::asio::awaitable<bool> Exchange::ReadScriptBody() {
  const uint64_t most = std::min(MostBodyBytes(), services_.settings.script_body_bytes);
  if (head_.framing == Framing::kLength && head_.content_length > most)
    co_return Deny(Reason::kBodyTooLarge);
  RequestBody* const body = request_.Body(most);
  if (body == nullptr) co_return true;
  if (head_.expect_continue) {
    AnswerHead go_on;
    go_on.status = kContinueStatus;
    go_on.reason_phrase = "Continue";
    ResponseSink& sink = request_.Sink();
    sink.Interim(go_on);
    const IoResult told = co_await sink.Flush(services_.loop.After(services_.settings.write_idle));
    if (!told.ok()) co_return Deny(Reason::kClientGone);
  }
  std::string bytes;
  // For all of it: what was read is held meanwhile, in memory that all share.
  const Deadline deadline = services_.loop.After(services_.settings.forward.idle);
  for (;;) {
    const BodyPiece piece = body->TryNext();
    switch (piece.kind) {
      case BodyPiece::Kind::kData:
        if (!TakeScriptMemory(piece.data.size())) co_return false;
        bytes.append(piece.data.data(), piece.data.size());
        break;
      case BodyPiece::Kind::kEnd: script_body_.emplace(std::move(bytes)); co_return true;
      case BodyPiece::Kind::kMalformed: co_return Deny(Reason::kBadRequest, "body");
      case BodyPiece::Kind::kTooLarge: co_return Deny(Reason::kBodyTooLarge);
      case BodyPiece::Kind::kIo: co_return Deny(Reason::kClientGone);
      case BodyPiece::Kind::kWant: {
        body->Taken();
        const IoResult waited = co_await body->Wait(piece.io.kind, deadline);
        services_.loop.RefreshNow();
        if (waited.kind == IoResult::Kind::kTimeout)
          co_return Deny(Reason::kRequestTimeout, "body");
        if (!waited.ok()) co_return Deny(Reason::kClientGone);
        break;
      }
    }
  }
}

script::Run Exchange::ScriptQuestion() {
  const dataplane::Route& route = *match_.route;
  const VirtualEndpoint& endpoint = *match_.changes.virtual_endpoint;
  script::Run run;
  run.file = absl::StrCat(endpoint.function, ".js");
  run.source = endpoint.source;
  run.function = endpoint.function;
  run.memory_kib = endpoint.memory_kib;
  run.api_id = route.api_id;
  run.org_id = route.org_id;
  run.config_json = route.script_config_json;
  run.method = std::string(Method());
  run.url =
      absl::StrCat(rewritten_ ? match_.path : path_, match_.query.empty() ? "" : "?", match_.query);
  run.scheme = client_.peer.tls ? "https" : "http";
  if (script_body_.has_value()) run.body = script_body_->bytes();
  const auto type = Header("content-type");
  if (type.has_value() && absl::StartsWithIgnoreCase(*type, kFormType))
    AddParameters(run.body, &run.params);
  AddParameters(match_.query, &run.params);
  HeaderFields fields;
  CleanRequest(head_.fields, set_, remove_,
               behind_proxy_ ? Sender::kTrustedProxy : Sender::kAnybody, &fields);
  for (const HeaderField& field : fields)
    run.fields.emplace_back(CanonicalFieldName(field.name), field.value);
  if (endpoint.use_session) run.session = SessionOf(permit_->decision().identity);
  return run;
}

bool Exchange::TakeScriptAnswer(ScriptEnd* end, OwnAnswer* answer) {
  HeaderFields given;
  for (const auto& [name, value] : end->answer.fields) {
    if (!header::IsFieldName(name) || !header::IsFieldValue(value)) {
      end->kind = ScriptEnd::Kind::kFailed;
      end->detail = "its answer has a header that cannot be sent";
      return false;
    }
    given.push_back({name, value});
  }
  AnswerChanges changes;
  changes.set = answer_set_;
  changes.add = answer_add_;
  if (match_.route->cors.enabled) {
    const auto names = CorsAnswerNames();
    answer_remove_.insert(answer_remove_.end(), names.begin(), names.end());
  }
  changes.remove = answer_remove_;
  HeaderFields cleaned;
  CleanResponse(given, changes, &cleaned);
  for (const HeaderField& field : cleaned) answer->fields.emplace_back(field.name, field.value);
  answer->status = static_cast<int>(end->answer.code);
  if (!HasNoContent(answer->status)) answer->body = std::move(end->answer.body);
  return true;
}

void Exchange::NoteScript(const ScriptEnd& end) {
  metrics::Sheet& sheet = services_.metrics.sheet();
  sheet.Counter(Id::kScripts, {ScriptEndName(end.kind)})->Add(1);
  sheet.Times(Id::kScriptSeconds)->Observe(end.took);
  const bool failed = end.kind == ScriptEnd::Kind::kFailed || end.kind == ScriptEnd::Kind::kLimit;
  if (!failed && !end.answer.session_changed) return;
  base::Log(base::Level::kWarning, failed ? "script.failed" : "script.session_not_kept",
            {{"api_id", match_.route->api_id},
             {"request_id", request_id_},
             {"function", match_.changes.virtual_endpoint->function},
             {"line", end.line},
             {"detail", failed ? end.detail : "what scripts change of a session is not kept"}});
}

boost::asio::awaitable<bool> Exchange::AnswerByScript() {
  if (!co_await ReadScriptBody()) co_return false;
  std::optional<ForwardedFields> forwarded_fields;
  if (!GatherOutgoing(&forwarded_fields)) co_return false;
  const VirtualEndpoint& endpoint = *match_.changes.virtual_endpoint;
  ForwardTimeouts timeouts = Timeouts();
  timeouts.total = absl::InfiniteDuration();  // the script's own holds
  ScriptCaller caller(*this, timeouts);
  const absl::Duration began = services_.loop.clock().Monotonic();
  ScriptEnd end = co_await RunScript(services_.loop, services_.scripts, match_.route->api_id,
                                     endpoint.timeout, caller);
  services_.loop.RefreshNow();
  script_took_ = services_.loop.clock().Monotonic() - began;
  if (caller.Abandoned()) end.kind = ScriptEnd::Kind::kAbandoned;
  OwnAnswer answer;
  if (end.kind == ScriptEnd::Kind::kAnswered) (void)TakeScriptAnswer(&end, &answer);
  NoteScript(end);
  if (end.kind == ScriptEnd::Kind::kAbandoned) co_return Deny(Reason::kClientGone, "script");
  const bool answered = end.kind == ScriptEnd::Kind::kAnswered;
  if (endpoint.proxy_on_error && (!answered || answer.status >= 400)) co_return true;
  if (!answered) {
    const std::string line = end.line > 0 ? absl::StrCat(", line ", end.line) : std::string();
    Deny(end.kind == ScriptEnd::Kind::kLimit ? Reason::kScriptLimit : Reason::kScriptFailed,
         absl::StrCat("script ", endpoint.function, line, ": ", end.detail));
    denial_->decision = permit_->shared();
    co_return false;
  }
  if (!TakeScriptMemory(answer.body.size())) co_return false;
  LetIn();
  script_status_ = answer.status;
  script_bytes_out_ = answer.body.size();
  co_await request_.Refuse(answer, Reason::kAllowed);
  co_return false;
}

}  // namespace sallyport::dataplane
