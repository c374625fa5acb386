// A data plane's authorization with a fake authsvc, a clock that stands still and one loop run by
// the test.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "dataplane/authorize/authorizer.h"
#include "dataplane/sync/stream_state.h"
#include "shared/cache/generations.h"
#include "tests/fakes/asio_poster.h"
#include "tests/fakes/fake_authsvc_client.h"
#include "tests/fakes/manual_clock.h"

namespace sallyport::dataplane {

inline Decision Allow(absl::Duration ttl = absl::Seconds(60),
                      absl::Duration stale = absl::Minutes(5)) {
  Decision decision;
  decision.reason = base::Reason::kAllowed;
  decision.identity.name = "alice";
  decision.ttl = ttl;
  decision.stale_if_error = stale;
  decision.tags = {"api:a", "key:alice"};
  decision.revision = 10;
  return decision;
}
inline Decision Refuse(base::Reason reason = base::Reason::kCertUnknown) {
  Decision decision;
  decision.reason = reason;
  decision.detail = "for operators";
  decision.tags = {"api:a", "leaf:00"};
  decision.revision = 10;
  return decision;
}

struct AuthorizeWorld {
  explicit AuthorizeWorld(AuthorizeOptions options = {})
      : hub(options, &clock, &client, &stream, &generations), authorizer(&hub, &poster) {
    route.api_id = "a";
    stream.OnApplied(10, true);
    Beat();
    client.AnswerWith(Allow());
  }

  void Beat() { stream.OnHeartbeat(clock.Monotonic(), absl::ZeroDuration(), true); }
  // Time passes with a heartbeat every second.
  void Pass(absl::Duration time) {
    while (time > absl::ZeroDuration()) {
      const absl::Duration step = std::min(time, absl::Seconds(1));
      clock.Advance(step);
      Beat();
      time -= step;
    }
  }
  // Time passes and nothing comes.
  void PassInSilence(absl::Duration time) { clock.Advance(time); }

  AuthFacts Facts() const {
    AuthFacts facts;
    facts.route = &route;
    facts.tls = true;
    facts.client_address = "192.0.2.1";
    if (peer != nullptr) {
      facts.peer = peer.get();
      facts.proof = Proof::kTls;
    }
    return facts;
  }
  // Runs the loop until nothing is left to do.
  void Run() {
    context.restart();
    context.poll();
  }
  std::shared_ptr<std::optional<Verdict>> Start(ConnectionMemo* memo, AuthFacts facts) {
    auto out = std::make_shared<std::optional<Verdict>>();
    boost::asio::co_spawn(context, Ask(memo, facts, out), boost::asio::detached);
    Run();
    return out;
  }
  boost::asio::awaitable<void> Ask(ConnectionMemo* memo, AuthFacts facts,
                                   std::shared_ptr<std::optional<Verdict>> out) {
    Verdict verdict = co_await authorizer.Authorize(*memo, facts);
    *out = std::move(verdict);
  }
  Verdict Authorize(ConnectionMemo* memo = nullptr) {
    ConnectionMemo own;
    const auto out = Start(memo == nullptr ? &own : memo, Facts());
    if (!out->has_value()) return Denial{base::Reason::kInternal, "no verdict came"};
    return **out;
  }
  // "allow", "stale", or the name of the reason.
  std::string Outcome(ConnectionMemo* memo = nullptr) { return Name(Authorize(memo)); }
  static std::string Name(const Verdict& verdict) {
    if (const auto* permit = std::get_if<Permit>(&verdict))
      return permit->stale() ? "stale" : "allow";
    return std::string(base::ReasonName(std::get<Denial>(verdict).reason));
  }

  base::ManualClock clock;
  cache::TagGenerations generations;
  StreamState stream;
  FakeAuthsvcClient client;
  boost::asio::io_context context;
  AsioPoster poster{&context};
  Route route;
  PeerCertificatePtr peer;
  AuthorizeHub hub;
  Authorizer authorizer;
};

}  // namespace sallyport::dataplane
