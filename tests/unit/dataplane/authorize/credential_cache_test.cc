#include "dataplane/authorize/credential_cache.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "gtest/gtest.h"
#include "shared/cache/generations.h"
#include "tests/fakes/asio_poster.h"
#include "tests/fakes/fake_authsvc_client.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/permit_for_tests.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

struct World {
  World() {
    route.api_id = "a";
    stream.OnApplied(10, true);
    Beat();
    client.on_upstream =
        [this](const UpstreamQuestion& question) -> absl::StatusOr<UpstreamCredentialsPtr> {
      auto out = std::make_shared<UpstreamCredentials>();
      out->reason = reason;
      out->certificate_id = "cert-for-" + question.host;
      out->client_key_der = base::Secret::CopyOf("key");
      out->tags = {"cert:c"};
      out->revision = revision;
      out->ttl = absl::Minutes(1);
      return out;
    };
    client.on_server = [](const ServerQuestion& question) -> absl::StatusOr<ServerCredentialsPtr> {
      auto out = std::make_shared<ServerCredentials>();
      if (question.sni == "known") out->pairs.emplace_back();
      out->tags = {"server"};
      out->revision = 10;
      out->ttl = absl::Minutes(1);
      return out;
    };
  }
  void Beat() { stream.OnHeartbeat(clock.Monotonic(), absl::ZeroDuration(), true); }
  // The certificate id, or the reason of the denial.
  std::string Upstream(absl::string_view host, absl::Duration stale = absl::Minutes(5)) {
    Decision decision;
    decision.stale_if_error = stale;
    const Permit permit = PermitForTests::Of(decision);
    std::string out = "nothing came";
    boost::asio::co_spawn(context, AskUpstream(host, permit, &out), boost::asio::detached);
    context.restart();
    context.poll();
    return out;
  }
  boost::asio::awaitable<void> AskUpstream(absl::string_view host, Permit permit,
                                           std::string* out) {
    const CredentialTarget target{host, 443, true, ""};
    const auto result = co_await cache.Upstream(route, target, permit);
    if (const auto* found = std::get_if<UpstreamCredentialsPtr>(&result))
      *out = (*found)->certificate_id;
    else
      *out = std::string(base::ReasonName(std::get<Denial>(result).reason));
  }
  boost::asio::awaitable<void> AskServer(std::string sni, size_t* pairs) {
    const auto result = co_await cache.Server(sni, "l");
    if (const auto* found = std::get_if<ServerCredentialsPtr>(&result))
      *pairs = (*found)->pairs.size();
  }
  size_t Server(const std::string& sni) {
    size_t pairs = 99;
    boost::asio::co_spawn(context, AskServer(sni, &pairs), boost::asio::detached);
    context.restart();
    context.poll();
    return pairs;
  }

  base::ManualClock clock;
  cache::TagGenerations generations;
  StreamState stream;
  FakeAuthsvcClient client;
  boost::asio::io_context context;
  AsioPoster poster{&context};
  Route route;
  Reason reason = Reason::kAllowed;
  uint64_t revision = 10;
  CredentialHub hub{{}, &clock, &client, &stream, &generations};
  CredentialCache cache{&hub, &poster};
};

TEST(CredentialCache, OneAnswerPerTarget) {
  World world;
  EXPECT_EQ(world.Upstream("x"), "cert-for-x");
  EXPECT_EQ(world.Upstream("y"), "cert-for-y");
  EXPECT_EQ(world.Upstream("x"), "cert-for-x");
  EXPECT_EQ(world.client.upstream_calls(), 2u);
  EXPECT_NE(world.cache.TryUpstream(world.route, {"x", 443, true, ""}), nullptr);
  // Another port, written or not, another transport, another API: another question.
  EXPECT_EQ(world.cache.TryUpstream(world.route, {"x", 8443, true, ""}), nullptr);
  EXPECT_EQ(world.cache.TryUpstream(world.route, {"x", 443, true, "443"}), nullptr);
  EXPECT_EQ(world.cache.TryUpstream(world.route, {"x", 443, false, ""}), nullptr);
  Route other = world.route;
  other.api_id = "b";
  EXPECT_EQ(world.cache.TryUpstream(other, {"x", 443, true, ""}), nullptr);
}

TEST(CredentialCache, ARefusalFailsClosedAndIsAskedAgainSoon) {
  World world;
  world.reason = Reason::kUpstreamCredential;
  EXPECT_EQ(world.Upstream("x"), "UPSTREAM_CREDENTIAL");
  EXPECT_EQ(world.cache.TryUpstream(world.route, {"x", 443, true, ""}), nullptr);
  EXPECT_EQ(world.Upstream("x"), "UPSTREAM_CREDENTIAL");
  EXPECT_EQ(world.client.upstream_calls(), 1u);
  world.reason = Reason::kAllowed;
  world.clock.Advance(absl::Seconds(6));
  world.Beat();
  EXPECT_EQ(world.Upstream("x"), "cert-for-x");
}

TEST(CredentialCache, EvictionAsksAgainAndLetsTheKeyGo) {
  World world;
  EXPECT_EQ(world.Upstream("x"), "cert-for-x");
  std::weak_ptr<const UpstreamCredentials> held =
      world.cache.TryUpstream(world.route, {"x", 443, true, ""});
  EXPECT_FALSE(held.expired());
  world.generations.Evict("cert:c", 11);
  EXPECT_EQ(world.cache.TryUpstream(world.route, {"x", 443, true, ""}), nullptr);
  EXPECT_TRUE(held.expired());
  world.revision = 11;
  world.reason = Reason::kUpstreamCredential;
  EXPECT_EQ(world.Upstream("x"), "UPSTREAM_CREDENTIAL");
}

TEST(CredentialCache, StaleOnlyAsLongAsDecisionAndCacheAllow) {
  World world;
  EXPECT_EQ(world.Upstream("x"), "cert-for-x");
  world.client.FailWith(absl::UnavailableError(""));
  world.clock.Advance(absl::Seconds(10));
  EXPECT_EQ(world.Upstream("x", absl::Minutes(5)), "cert-for-x");
  EXPECT_EQ(world.Upstream("x", absl::Seconds(5)), "AUTHSVC_UNAVAILABLE");
  EXPECT_EQ(world.Upstream("x", absl::ZeroDuration()), "AUTHSVC_UNAVAILABLE");
  EXPECT_EQ(world.Upstream("y"), "AUTHSVC_UNAVAILABLE");
  world.clock.Advance(absl::Minutes(5));
  EXPECT_EQ(world.Upstream("x", absl::Hours(1)), "AUTHSVC_UNAVAILABLE");
}

TEST(CredentialCache, RefusedByAuthsvcDropsTheKeys) {
  World world;
  EXPECT_EQ(world.Upstream("x"), "cert-for-x");
  std::weak_ptr<const UpstreamCredentials> held =
      world.cache.TryUpstream(world.route, {"x", 443, true, ""});
  world.client.FailWith(absl::PermissionDeniedError(""));
  EXPECT_EQ(world.Upstream("y"), "AUTHSVC_REFUSED");
  EXPECT_TRUE(held.expired());
}

TEST(CredentialCache, ServerCertificatesBySni) {
  World world;
  EXPECT_EQ(world.cache.TryServer("known", "l"), nullptr);
  EXPECT_EQ(world.Server("known"), 1u);
  EXPECT_NE(world.cache.TryServer("known", "l"), nullptr);
  EXPECT_EQ(world.Server("unknown"), 0u);
  EXPECT_EQ(world.client.server_calls(), 2u);
  world.generations.Evict("server", 11);
  EXPECT_EQ(world.cache.TryServer("known", "l"), nullptr);
}

}  // namespace
}  // namespace sallyport::dataplane
