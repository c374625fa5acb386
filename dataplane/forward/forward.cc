#include "dataplane/forward/forward.h"

#include "dataplane/forward/http1_attempt.h"
#include "dataplane/forward/http2_attempt.h"
#include "dataplane/forward/replay_body.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

void Refuse(UpstreamFailure failure, ForwardOutcome* outcome) {
  outcome->reason = failure.reason;
  outcome->detail = std::move(failure.detail);
  if (failure.spki_sha256.empty()) return;
  auto facts = std::make_shared<UpstreamFacts>();
  facts->spki_sha256 = std::move(failure.spki_sha256);
  facts->pin_mismatch = failure.reason == Reason::kUpstreamPin;
  outcome->upstream = std::move(facts);
}

void Note(const UpstreamLease& lease, ForwardOutcome* outcome) {
  const UpstreamConnection& connection = lease.connection();
  outcome->upstream = connection.facts;
  outcome->reused = lease.reused();
  outcome->connect_took =
      lease.reused() ? absl::ZeroDuration() : connection.connect_took + connection.handshake_took;
}

// Null: the client is still there, as far as is known. A plain one is asked only where the wait may
// have been long.
const char* GoneMeanwhile(const UpstreamLease& lease, ResponseSink& sink) {
  if (sink.IsCut()) return "while a connection to the upstream was made";
  return lease.waited() && !sink.ClientIsThere() ? "while waiting for a connection" : nullptr;
}

// A request whose body can be read again.
struct Replayable {
  explicit Replayable(const ForwardRequest& original) : request(original) {
    if (original.body != nullptr) request.body = &body.emplace(*original.body);
  }
  [[nodiscard]] ReplayBody* replay() { return body.has_value() ? &*body : nullptr; }
  [[nodiscard]] bool Untouched() const { return !body.has_value() || body->untouched(); }
  ForwardRequest request;
  std::optional<ReplayBody> body;
};

}  // namespace

boost::asio::awaitable<ForwardOutcome> Forward(UpstreamPool& pool, const UpstreamTargetPtr& target,
                                               const UpstreamCredentialsPtr& credentials,
                                               const Permit& permit, const ForwardRequest& request,
                                               const ForwardTimeouts& timeouts,
                                               ResponseSink& sink) {
  Loop& loop = pool.loop();
  ForwardOutcome outcome;
  std::optional<Replayable> again;  // once HTTP/2 was spoken
  const absl::Duration start = loop.clock().Monotonic();
  const Deadline total = timeouts.until.Earlier(
      timeouts.total == absl::InfiniteDuration() ? Deadline::Never() : loop.After(timeouts.total));
  bool went_out = false;  // by an earlier attempt: it may have been taken
  for (bool fresh = !request.upgrade.empty();; fresh = true) {
    ++outcome.attempts;
    UpstreamLease lease;
    if (!fresh) lease = pool.TryIdle(target, credentials, permit);
    if (!lease) {
      const UpstreamPool::Limits limits{total.Earlier(loop.After(timeouts.connect)),
                                        /*fresh=*/true};
      UpstreamPool::Result result = co_await pool.Acquire(target, credentials, permit, limits);
      if (auto* const failure = std::get_if<UpstreamFailure>(&result)) {
        Refuse(std::move(*failure), &outcome);
        outcome.unsent = !went_out && (!again.has_value() || again->Untouched());
        outcome.request_read = request.body == nullptr;
        co_return outcome;
      }
      lease = std::move(std::get<UpstreamLease>(result));
      if (const char* const detail = GoneMeanwhile(lease, sink)) {
        lease.Keep();
        outcome.reason = Reason::kClientGone;
        outcome.detail = detail;
        outcome.request_read = false;
        co_return outcome;
      }
    }
    Note(lease, &outcome);
    Attempt::End end = Attempt::End::kFinal;
    bool may_be_taken = false;
    if (lease.http2() == nullptr) {
      Http1Attempt attempt(std::move(lease), loop, again.has_value() ? again->request : request,
                           timeouts, total, sink, &outcome);
      end = co_await attempt.Run();
      may_be_taken = !attempt.nothing_written();
    } else {
      if (!again.has_value()) again.emplace(request);
      Http2Attempt attempt(std::move(lease), loop, again->request, again->replay(), timeouts, total,
                           sink, &outcome);
      end = co_await attempt.Run();
      may_be_taken = !attempt.refused();
    }
    if (end == Attempt::End::kFinal) break;
    went_out = went_out || may_be_taken;
  }
  outcome.unsent = outcome.unsent && !went_out;
  if (outcome.first_byte_at != absl::ZeroDuration())
    outcome.first_byte_took = outcome.first_byte_at - start;
  outcome.answer_started = outcome.answer_started || outcome.reason == Reason::kAllowed;
  co_return outcome;
}

}  // namespace sallyport::dataplane
