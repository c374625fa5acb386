#include "dataplane/forward/forward.h"

#include "dataplane/forward/attempt.h"

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
  outcome->connect_took = lease.reused() ? absl::ZeroDuration()
                                         : connection.connect_took + connection.handshake_took;
}

}  // namespace

boost::asio::awaitable<ForwardOutcome> Forward(UpstreamPool& pool, const UpstreamTargetPtr& target,
                                               const UpstreamCredentialsPtr& credentials,
                                               const Permit& permit, const ForwardRequest& request,
                                               const ForwardTimeouts& timeouts, ResponseSink& sink) {
  Loop& loop = pool.loop();
  ForwardOutcome outcome;
  const absl::Duration start = loop.clock().Monotonic();
  const Deadline total = timeouts.until.Earlier(
      timeouts.total == absl::InfiniteDuration() ? Deadline::Never() : loop.After(timeouts.total));
  bool went_out = false;  // by an earlier attempt: it may have been taken
  for (bool fresh = false;; fresh = true) {
    ++outcome.attempts;
    UpstreamLease lease;
    if (!fresh) lease = pool.TryIdle(target, credentials, permit);
    if (!lease) {
      const UpstreamPool::Limits limits{total.Earlier(loop.After(timeouts.connect)), /*fresh=*/true};
      UpstreamPool::Result result = co_await pool.Acquire(target, credentials, permit, limits);
      if (auto* const failure = std::get_if<UpstreamFailure>(&result)) {
        Refuse(std::move(*failure), &outcome);
        outcome.unsent = !went_out;
        outcome.request_read = request.body == nullptr;
        co_return outcome;
      }
      lease = std::move(std::get<UpstreamLease>(result));
      if (sink.IsCut()) {  // while it was dialled
        lease.Keep();
        outcome.reason = Reason::kClientGone;
        outcome.detail = "while a connection to the upstream was made";
        outcome.request_read = false;
        co_return outcome;
      }
    }
    Note(lease, &outcome);
    Attempt attempt(std::move(lease), loop, request, timeouts, total, sink, &outcome);
    const Attempt::End end = co_await attempt.Run();
    if (end == Attempt::End::kFinal) break;
    went_out = went_out || !attempt.nothing_written();
  }
  if (outcome.first_byte_at != absl::ZeroDuration()) outcome.first_byte_took = outcome.first_byte_at - start;
  outcome.answer_started = outcome.answer_started || outcome.reason == Reason::kAllowed;
  co_return outcome;
}

}  // namespace sallyport::dataplane
