#include "dataplane/upstream/health_checker.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/upstream/hash_ring.h"
#include "dataplane/upstream/probe.h"
#include "shared/base/log.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kMostAtOnce = 128;
constexpr absl::Duration kLater = absl::Milliseconds(100);  // when so many are running
constexpr absl::Duration kSoon = absl::Seconds(1);          // all first checks are spread over it

std::string KeyOf(absl::string_view api_id, const UpstreamTarget& target) {
  return absl::StrCat(api_id.size(), ":", api_id, target.tls ? "https" : "http", "|", target.host,
                      "|", target.port, "|", target.proxy);
}

// A part of `whole` that is always the same for the key, so that checks do not come all at once.
absl::Duration Spread(absl::string_view key, absl::Duration whole) {
  return whole * static_cast<double>(StableHash(key) % 1000) / 1000;
}

}  // namespace

class HealthChecker::Check final : public DeadlineNode, public std::enable_shared_from_this<Check> {
 public:
  Check(HealthChecker& of, std::string name) : checker(of), key(std::move(name)) {}

  HealthChecker& checker;
  const std::string key;
  RoutePtr route;  // its newest definition
  UpstreamTargetPtr target;
  TargetStatePtr state;
  bool running = false;
  bool over = false;  // no longer asked for

  // The proxy and TLS settings of the last check, for as long as the same answer is in force.
  bool prepared = false;
  std::weak_ptr<const UpstreamCredentials> answer;
  std::string anchors;  // version
  std::shared_ptr<ClientTlsContext> tls;
  ProxyHopPtr proxy;
  UpstreamCredentialsPtr sends;  // those with a header for the target; null: none

 private:
  void OnDeadline() override { checker.Begin(shared_from_this()); }
};

HealthChecker::HealthChecker(Parts parts) : parts_(std::move(parts)) {}
HealthChecker::~HealthChecker() = default;

void HealthChecker::Follow(const RouteTablePtr& routes) {
  if (routes == routes_) return;
  routes_ = routes;
  Checks now;
  routes->ForEach([&](const Route& route) {
    if (!route.health_check.enabled || route.broken) return;
    AddChecksOf(routes->FindApi(route.api_id), &now);
  });
  checks_.swap(now);
  for (const auto& [key, check] : now) {
    if (checks_.contains(key)) continue;
    check->over = true;
    DeadlineWheel::Remove(check.get());
    check->state->NoLongerProbed(parts_.loop.NowMillis());
  }
}

void HealthChecker::AddChecksOf(const RoutePtr& route, Checks* now) {
  EachServer(*route, [&](const RouteTarget& one) {
    UpstreamTargetPtr target = MakeUpstreamTarget(one);
    std::string key = KeyOf(route->api_id, *target);
    CheckPtr& check = (*now)[key];
    if (check != nullptr) return;  // another path of the same host
    const auto known = checks_.find(key);
    if (known != checks_.end()) {
      check = known->second;
    } else {
      check = std::make_shared<Check>(*this, key);
      check->state = parts_.targets.Of(route->api_id, *target);
      const absl::Duration first = Spread(key, std::min(kSoon, route->health_check.interval));
      parts_.loop.AddDeadline(check.get(), parts_.loop.After(first));
    }
    check->route = route;
    check->target = std::move(target);
  });
}

void HealthChecker::Begin(const CheckPtr& check) {
  if (check->over || check->running) return;
  if (running_ >= kMostAtOnce)
    return parts_.loop.AddDeadline(check.get(), parts_.loop.After(kLater));
  check->running = true;
  ++running_;
  boost::asio::co_spawn(parts_.loop.context(), Run(check), boost::asio::detached);
}

boost::asio::awaitable<void> HealthChecker::Run(CheckPtr check) {
  const RoutePtr route = check->route;
  std::string detail;
  const Result result = co_await Ask(*check, route, &detail);
  parts_.loop.RefreshNow();
  check->running = false;
  --running_;
  if (check->over) co_return;
  Conclude(*check, *route, result, detail);
  const absl::Duration interval = check->route->health_check.interval;
  parts_.loop.AddDeadline(check.get(),
                          parts_.loop.After(interval + Spread(check->key, interval / 10)));
}

boost::asio::awaitable<HealthChecker::Result> HealthChecker::Ask(Check& check, RoutePtr route,
                                                                 std::string* detail) {
  Result result = Result::kBad;
  const bool prepares = check.target->needs_credentials();
  if (prepares && !co_await Prepare(check, route, &result, detail)) co_return result;
  const UpstreamTargetPtr target = check.target;
  const std::shared_ptr<ClientTlsContext> tls = target->tls ? check.tls : nullptr;
  const ProxyHopPtr proxy = prepares ? check.proxy : nullptr;
  ProbeResult probe = co_await Probe(parts_.loop, parts_.resolver, target, proxy, tls,
                                     route->health_check, prepares ? check.sends : nullptr);
  *detail = std::move(probe.detail);
  co_return probe.good ? Result::kGood : Result::kBad;
}

void HealthChecker::Forget(Check* check) {
  check->prepared = false;
  check->tls = nullptr;
  check->proxy = nullptr;
  check->sends = nullptr;
}

// False: the check ends here, with `result`.
boost::asio::awaitable<bool> HealthChecker::Prepare(Check& check, RoutePtr route, Result* result,
                                                    std::string* detail) {
  const UpstreamTargetPtr target = check.target;
  ProbePass pass;
  ProbeCredentials found = co_await parts_.credentials(route, target, pass);
  if (std::holds_alternative<CredentialsUnknown>(found)) {
    *result = Result::kNone;
    co_return false;
  }
  if (auto* const refused = std::get_if<CredentialsRefused>(&found)) {
    Forget(&check);
    *detail = std::move(refused->detail);
    co_return false;
  }
  const UpstreamCredentialsPtr& credentials = std::get<UpstreamCredentialsPtr>(found);
  const TrustAnchorsPtr anchors = parts_.trust.current();
  const bool same =
      check.prepared && check.answer.lock() == credentials && check.anchors == anchors->version();
  if (same) co_return true;
  check.answer = credentials;
  check.anchors = anchors->version();
  check.proxy = MakeProxyHop(credentials.get());
  check.sends = credentials->header.has_value() ? credentials : nullptr;
  check.prepared = !target->tls;
  if (!target->tls) co_return true;
  auto made = ClientTlsContext::Create(*credentials, base::ToAbsl(target->host), anchors,
                                       &parts_.clock, AlpnFor(*target));
  if (!made.ok()) {
    Forget(&check);
    *detail = std::string(made.status().message());
    co_return false;
  }
  check.tls = *std::move(made);
  check.prepared = true;
  co_return true;
}

void HealthChecker::Conclude(const Check& check, const Route& route, Result result,
                             const std::string& detail) {
  parts_.count(result);
  if (result == Result::kNone) return;
  const bool good = result == Result::kGood;
  if (!check.state->Probed(route.health_check, good, parts_.loop.NowMillis())) return;
  base::Log(good ? base::Level::kInfo : base::Level::kWarning,
            good ? "upstream.up" : "upstream.down",
            {{"api_id", route.api_id},
             {"host", check.target->host},
             {"port", static_cast<int>(check.target->port)},
             {"detail", detail}});
}

}  // namespace sallyport::dataplane
