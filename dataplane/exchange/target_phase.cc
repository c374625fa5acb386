// The target of a request: which one, whether its limits have room, how it did, and whether another
// is tried.
#include <algorithm>
#include <utility>

#include "dataplane/exchange/exchange.h"
#include "dataplane/exchange/upstream_failure.h"
#include "dataplane/forward/grpc.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using metrics::Id;

constexpr absl::Duration kLongestGrpcTimeout = absl::Hours(24 * 365);
constexpr absl::Duration kBusyRetryAfter = absl::Seconds(1);

bool IsGatewayFailure(int status) { return status == 502 || status == 503 || status == 504; }

// Why a target counts as failing: "connect", "tls", "answer"; "" where the end says nothing about
// it.
absl::string_view FailureOf(const ForwardOutcome& outcome) {
  switch (outcome.reason) {
    case Reason::kAllowed: return IsGatewayFailure(outcome.status) ? "answer" : "";
    case Reason::kUpstreamTimeout:
    case Reason::kUpstreamProtocol: return "answer";
    // A kept connection that the upstream closes just now is no failure of it; a stream that it
    // resets is.
    case Reason::kUpstreamReset:
      return outcome.reused && outcome.status == 0 && !outcome.reset_code.has_value() ? ""
                                                                                      : "answer";
    default: return ConnectFailure(outcome.reason);
  }
}

}  // namespace

// Beside the API's targets, and then the only one.
const RouteTarget* Exchange::OtherServer() const {
  if (rewritten_server_ != nullptr) return rewritten_server_;
  const RouteVersion* const version = match_.version;
  return version != nullptr && version->override_target.has_value() ? &*version->override_target
                                                                    : nullptr;
}

bool Exchange::ChooseTarget() {
  if (match_.version != nullptr && match_.version->override_broken)
    return Deny(Reason::kApiUnusable, "override target");
  TargetGroup* const group = services_.balancers.Of(match_.route, OtherServer());
  if (group == nullptr) return Deny(Reason::kApiUnusable, "no usable target");
  timeouts_ = Timeouts();
  if (timeouts_.total != absl::InfiniteDuration())
    timeouts_.until = services_.loop.After(timeouts_.total);
  if (grpc_) BoundByCaller();
  target_.Choose(*group, HashKey(), services_.loop.NowMillis());
  return true;
}

// A gRPC caller says how long it waits: nobody works for it any longer.
void Exchange::BoundByCaller() {
  const auto text = Header("grpc-timeout");
  const auto timeout = text.has_value() ? ParseGrpcTimeout(*text) : std::nullopt;
  if (!timeout.has_value()) return;
  grpc_deadline_ = services_.loop.After(std::min(*timeout, kLongestGrpcTimeout));
  timeouts_.until = timeouts_.until.Earlier(grpc_deadline_);
}

std::optional<uint64_t> Exchange::HashKey() const {
  const BalancingRules& rules = match_.route->balancing;
  if (rules.policy != BalancingRules::Policy::kConsistentHash) return std::nullopt;
  std::optional<absl::string_view> text;
  switch (rules.hash_on) {
    case BalancingRules::HashOn::kHeader: text = Header(rules.hash_name); break;
    case BalancingRules::HashOn::kCookie: {
      const auto cookies = Header("cookie");
      if (cookies.has_value()) text = CookieValue(*cookies, rules.hash_name);
      break;
    }
    case BalancingRules::HashOn::kIdentity: {
      const dataplane::Identity& identity = permit_->decision().identity;
      text = identity.key_id.empty() ? identity.name : identity.key_id;
      break;
    }
    case BalancingRules::HashOn::kClientAddress: text = client_address_; break;
  }
  if (!text.has_value() || text->empty()) return std::nullopt;
  return StableHash(*text);
}

bool Exchange::EnterTarget() {
  const TargetLimits& limits = match_.route->target_limits;
  if (limits == TargetLimits()) return true;
  switch (target_.admission().TryEnter(limits, &target_.ticket)) {
    case Admission::Answer::kIn: return true;
    case Admission::Answer::kWait: return false;
    case Admission::Answer::kFull:
      Deny(Reason::kUpstreamPoolFull, "limits of the target");
      return true;
  }
  return true;
}

boost::asio::awaitable<void> Exchange::WaitForTarget() {
  const Deadline deadline = timeouts_.until.Earlier(services_.loop.After(timeouts_.connect));
  auto ticket =
      co_await target_.admission().Wait(services_.loop, match_.route->target_limits, deadline);
  services_.loop.RefreshNow();
  if (ticket.has_value()) {
    target_.ticket = *std::move(ticket);
  } else {
    Deny(Reason::kUpstreamPoolFull, "waited for the target in vain");
  }
}

void Exchange::ReportTarget() {
  if (!forwarded_.has_value()) return;
  const ForwardOutcome& outcome = *forwarded_;
  // The caller's own patience says nothing about the target.
  const bool in_vain = outcome.reason == Reason::kUpstreamTimeout ||
                       outcome.reason == Reason::kUpstreamConnectTimeout;
  if (in_vain && services_.loop.Passed(grpc_deadline_)) return;
  const absl::string_view failure = FailureOf(outcome);
  const int64_t now = services_.loop.NowMillis();
  metrics::Sheet& sheet = services_.metrics.sheet();
  if (failure == "tls") {
    services_.upstream_hints.Refused(*match_.route, target_->host, outcome.reason, outcome.detail);
  }
  if (!failure.empty()) {
    target_.Failed(match_.route->api_id, failure, outcome.reason, outcome.detail, now, sheet);
  } else if (outcome.reason == Reason::kAllowed) {
    target_.Succeeded(now);
  }
  if (outcome.attempts > 1)
    sheet.Counter(Id::kUpstreamRetries, {"connection"})->Add(outcome.attempts - 1);
  if (outcome.over_budget) sheet.Counter(Id::kRetryBudgetExhausted)->Add(1);
}

// Nothing of the request has gone out to the last one, and time is left.
bool Exchange::MayTryAnother() const {
  if (!target_.MayMoveOn(match_.route->retries)) return false;
  if (services_.loop.Passed(timeouts_.until) || client_.stream.readiness().cancelled())
    return false;
  // The same proxy leads to all targets of an API.
  if (forwarded_.has_value())
    return forwarded_->unsent && forwarded_->reason != Reason::kUpstreamProxy;
  return denial_->reason == Reason::kUpstreamCredential ||
         denial_->reason == Reason::kUpstreamPoolFull;
}

bool Exchange::TryAnotherTarget() {
  ReportTarget();
  if (!denial_.has_value()) return false;
  metrics::Sheet& sheet = services_.metrics.sheet();
  if (denial_->reason == Reason::kUpstreamPoolFull) {
    denial_->retry_after = kBusyRetryAfter;
    sheet.Counter(Id::kUpstreamBusy, {match_.route->api_id})->Add(1);
  }
  if (!MayTryAnother() || !target_.MoveOn(HashKey(), services_.loop.NowMillis(), sheet))
    return false;
  // Of that host alone: each has credentials of its own.
  upstream_credentials_ = nullptr;
  forwarded_.reset();
  denial_.reset();
  return true;
}

}  // namespace sallyport::dataplane
