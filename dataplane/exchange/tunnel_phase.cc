// Upgrade: what may be asked of the upstream, and what follows once it has switched.
#include <algorithm>
#include <utility>

#include "dataplane/exchange/exchange.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {

using base::Reason;

namespace {

constexpr absl::Duration kRetryAfter = absl::Seconds(1);

}  // namespace

// A protocol that is not allowed, or to an upstream that speaks HTTP/2 alone: a request like any
// other.
bool Exchange::MayUpgrade() const {
  if (head_.upgrade.empty() || target_->protocol == UpstreamProtocol::kHttp2) return false;
  const std::vector<std::string>& allowed = services_.settings.upgrades;
  return std::any_of(allowed.begin(), allowed.end(), [this](const std::string& protocol) {
    return NameIs(head_.upgrade, base::ToAbsl(protocol));
  });
}

bool Exchange::TakeTunnelPlace() {
  if (!tunnel_place_) tunnel_place_ = services_.tunnels.Take();
  if (tunnel_place_) return true;
  Deny(Reason::kOverloaded, "limits.tunnels is reached");
  denial_->decision = permit_->shared();
  denial_->retry_after = kRetryAfter;
  return false;
}

boost::asio::awaitable<void> Exchange::Tunnel() {
  http_took_ = services_.loop.clock().Monotonic() - started_;
  LoopMetrics& metrics = services_.metrics;
  TunnelSettings settings = services_.settings.tunnel;
  settings.passed = [&metrics](bool to_client, size_t bytes) {
    metrics.TunnelBytes(to_client, bytes);
  };
  metrics.TunnelOpened();
  const TunnelOutcome outcome = co_await request_.Tunnel(*forwarded_->tunnel, settings);
  services_.loop.RefreshNow();
  metrics.TunnelEnded(TunnelEndName(outcome.end));
  tunnel_end_ = TunnelEndName(outcome.end);
  forwarded_->tunnel = nullptr;
  forwarded_->request_bytes = outcome.to_upstream;
  forwarded_->response_bytes = outcome.to_client;
}

}  // namespace sallyport::dataplane
