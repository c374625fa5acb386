// The target of a connection: which one, with which credentials, how it did, and whether another is
// tried. Nothing that the client sent has gone out before one is connected.
#include <utility>

#include "dataplane/exchange/tcp_exchange.h"
#include "dataplane/exchange/upstream_failure.h"

namespace sallyport::dataplane {

using base::Reason;
using metrics::Id;

bool TcpExchange::ChooseTarget() {
  TargetGroup* const group = services_.balancers.Of(route_, nullptr);
  if (group == nullptr) return Deny(Reason::kApiUnusable, "no usable target");
  target_.Choose(*group, HashKey(), services_.loop.NowMillis());
  return true;
}

std::optional<uint64_t> TcpExchange::HashKey() const {
  const BalancingRules& rules = route_->balancing;
  if (rules.policy != BalancingRules::Policy::kConsistentHash) return std::nullopt;
  absl::string_view text;
  if (rules.hash_on == BalancingRules::HashOn::kClientAddress) text = client_.address;
  if (rules.hash_on == BalancingRules::HashOn::kIdentity) {
    const Identity& identity = permit_->decision().identity;
    text = identity.key_id.empty() ? identity.name : identity.key_id;
  }
  if (text.empty()) return std::nullopt;
  return StableHash(text);
}

absl::Duration TcpExchange::ConnectTime() const {
  const absl::Duration own = route_->timeouts.connect;
  return own > absl::ZeroDuration() ? own : services_.settings.forward.connect;
}

boost::asio::awaitable<void> TcpExchange::TryTarget() {
  if (target_->needs_credentials()) co_await FindCredentials();
  if (!denial_.has_value()) co_await EnterTarget();
  if (!denial_.has_value() && StillWanted()) co_await Connect();
}

// Of the target's own host and port (DESIGN 7), whatever other targets there are.
boost::asio::awaitable<void> TcpExchange::FindCredentials() {
  const CredentialTarget question{target_->host, target_->port, target_->tls,
                                  target_->written_port};
  upstream_credentials_ = services_.credentials.TryUpstream(*route_, question);
  if (upstream_credentials_ != nullptr) co_return;
  auto found = co_await services_.credentials.Upstream(*route_, question, *permit_);
  services_.loop.RefreshNow();
  if (auto* const denial = std::get_if<Denial>(&found)) {
    denial_ = std::move(*denial);
    if (denial_->decision == nullptr) denial_->decision = permit_->shared();
  } else {
    upstream_credentials_ = std::move(std::get<UpstreamCredentialsPtr>(found));
  }
}

boost::asio::awaitable<void> TcpExchange::EnterTarget() {
  const TargetLimits& limits = route_->target_limits;
  if (limits == TargetLimits()) co_return;
  Admission& admission = target_.admission();
  const Admission::Answer answer = admission.TryEnter(limits, &target_.ticket);
  if (answer == Admission::Answer::kIn) co_return;
  if (answer == Admission::Answer::kWait) {
    const Deadline deadline = services_.loop.After(ConnectTime());
    auto ticket = co_await admission.Wait(services_.loop, limits, deadline);
    services_.loop.RefreshNow();
    if (ticket.has_value()) {
      target_.ticket = *std::move(ticket);
      co_return;
    }
  }
  Deny(Reason::kUpstreamPoolFull, "limits of the target");
}

// Severed, drained or gone while it waited: nothing is dialled any more.
bool TcpExchange::StillWanted() {
  return client_.stream.readiness().cancelled() ? Deny(Reason::kClientGone) : true;
}

boost::asio::awaitable<void> TcpExchange::Connect() {
  const absl::Duration began = services_.loop.clock().Monotonic();
  const UpstreamPool::Limits limits{services_.loop.After(ConnectTime()), /*fresh=*/true};
  UpstreamPool::Result result =
      co_await services_.pool.Acquire(target_.get(), upstream_credentials_, *permit_, limits);
  services_.loop.RefreshNow();
  connect_took_ = services_.loop.clock().Monotonic() - began;
  if (auto* const failure = std::get_if<UpstreamFailure>(&result)) {
    if (!failure->spki_sha256.empty()) {
      auto facts = std::make_shared<UpstreamFacts>();
      facts->spki_sha256 = std::move(failure->spki_sha256);
      facts->pin_mismatch = failure->reason == Reason::kUpstreamPin;
      upstream_facts_ = std::move(facts);
    }
    Deny(failure->reason, std::move(failure->detail));
    co_return;
  }
  auto& lease = std::get<UpstreamLease>(result);
  upstream_facts_ = lease.connection().facts;
  if (StillWanted()) upstream_ = lease.Detach();
}

void TcpExchange::ReportTarget() {
  const int64_t now = services_.loop.NowMillis();
  if (!denial_.has_value()) return target_.Succeeded(now);
  const absl::string_view failure = ConnectFailure(denial_->reason);
  if (failure.empty()) return;
  target_.Failed(route_->api_id, failure, denial_->reason, denial_->detail, now,
                 services_.metrics.sheet());
}

bool TcpExchange::MayTryAnother() const {
  if (!target_.MayMoveOn(route_->retries) || client_.stream.readiness().cancelled()) return false;
  return !ConnectFailure(denial_->reason).empty() ||
         denial_->reason == Reason::kUpstreamCredential ||
         denial_->reason == Reason::kUpstreamPoolFull;
}

bool TcpExchange::TryAnotherTarget() {
  ReportTarget();
  if (!denial_.has_value()) return false;
  metrics::Sheet& sheet = services_.metrics.sheet();
  if (denial_->reason == Reason::kUpstreamPoolFull)
    sheet.Counter(Id::kUpstreamBusy, {route_->api_id})->Add(1);
  if (!MayTryAnother() || !target_.MoveOn(HashKey(), services_.loop.NowMillis(), sheet))
    return false;
  upstream_credentials_ = nullptr;  // each host has its own
  upstream_facts_ = nullptr;
  denial_.reset();
  return true;
}

}  // namespace sallyport::dataplane
