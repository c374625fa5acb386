// What an authorization costs when nobody must be asked: by the connection's memo, by the loop's
// cache, by the process's cache. And what a route match costs with few and with many routes.
#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "absl/strings/str_cat.h"
#include "dataplane/authorize/authorizer.h"
#include "dataplane/route/match.h"
#include "dataplane/route/route_table.h"
#include "shared/base/clock.h"
#include "shared/cache/generations.h"
#include "tests/fakes/asio_poster.h"
#include "tests/fakes/fake_authsvc_client.h"

namespace sallyport::dataplane {
namespace {

struct World {
  explicit World(const AuthorizeOptions& options = {})
      : hub(options, &clock, &client, &stream, &generations) {
    route.api_id = "b84fe1a04e5648927971c0557971565c";
    Decision decision;
    decision.reason = base::Reason::kAllowed;
    decision.identity.name = "alice";
    decision.ttl = absl::Hours(1);
    decision.tags = {"api:b84fe1a04e5648927971c0557971565c", "key:alice", "policy:p", "settings",
                     "cert:org0123456789abcdef"};
    decision.revision = 10;
    client.AnswerWith(decision);
    stream.OnApplied(10, true);
    peer = MakePeerCertificate({std::string(900, 'x')});
    Beat();
    Ask();
  }
  void Beat() { stream.OnHeartbeat(clock.Monotonic(), absl::ZeroDuration(), true); }
  AuthFacts Facts() {
    AuthFacts facts;
    facts.route = &route;
    facts.tls = true;
    facts.proof = Proof::kTls;
    facts.peer = peer.get();
    facts.credentials = credentials;
    facts.client_address = "192.0.2.1";
    facts.now_ns = clock.MonotonicNanoseconds();
    return facts;
  }
  void Ask() {
    boost::asio::co_spawn(
        context,
        [this]() -> boost::asio::awaitable<void> {
          const AuthFacts facts = Facts();
          (void)co_await authorizer.Authorize(memo, facts);
        },
        boost::asio::detached);
    context.restart();
    context.poll();
  }
  const base::Clock& clock = base::SystemClock();
  cache::TagGenerations generations;
  StreamState stream;
  FakeAuthsvcClient client;
  boost::asio::io_context context;
  AsioPoster poster{&context};
  Route route;
  PeerCertificatePtr peer;
  std::vector<PresentedCredential> credentials;
  AuthorizeHub hub;
  Authorizer authorizer{&hub, &poster};
  ConnectionMemo memo;
};

// A heartbeat now and then, as in life: else the stream would be taken for broken.
void Keep(World& world, int64_t* since) {
  if (++*since % 100'000 == 0) world.Beat();
}

// The request's start is on the clock already, as in the exchange; MemoAndClock reads it once more.
void RunMemo(benchmark::State& state, bool reads_clock) {
  World world;
  AuthFacts facts = world.Facts();
  if (reads_clock) facts.now_ns.reset();
  int64_t since = 0;
  for (auto _ : state) {
    auto verdict = world.authorizer.TryAuthorize(world.memo, facts);
    if (!verdict.has_value()) state.SkipWithError("not in the memo");
    benchmark::DoNotOptimize(verdict);
    Keep(world, &since);
  }
}
void Memo(benchmark::State& state) { RunMemo(state, false); }
void MemoAndClock(benchmark::State& state) { RunMemo(state, true); }
BENCHMARK(Memo);
BENCHMARK(MemoAndClock);

void LoopCache(benchmark::State& state) {
  World world;
  const AuthFacts facts = world.Facts();
  int64_t since = 0;
  for (auto _ : state) {
    world.memo.decision = nullptr;
    auto verdict = world.authorizer.TryAuthorize(world.memo, facts);
    if (!verdict.has_value()) state.SkipWithError("not in the cache");
    benchmark::DoNotOptimize(verdict);
    Keep(world, &since);
  }
}
BENCHMARK(LoopCache);

// Two callers take turns in a loop cache of one entry: each is found in the process's cache, and
// put in place of the other.
void ProcessCache(benchmark::State& state) {
  AuthorizeOptions options;
  options.loop_entries = 1;
  World world(options);
  const PeerCertificatePtr peers[] = {world.peer, MakePeerCertificate({std::string(900, 'y')})};
  world.peer = peers[1];
  world.Ask();
  AuthFacts facts[] = {world.Facts(), world.Facts()};
  facts[0].peer = peers[0].get();
  const uint64_t before = world.hub.Counters().process;
  int64_t since = 0;
  size_t turn = 0;
  for (auto _ : state) {
    world.memo.decision = nullptr;
    auto verdict = world.authorizer.TryAuthorize(world.memo, facts[++turn % 2]);
    if (!verdict.has_value()) state.SkipWithError("not in the cache");
    benchmark::DoNotOptimize(verdict);
    Keep(world, &since);
  }
  const uint64_t found = world.hub.Counters().process - before;
  if (found + 2 < turn) state.SkipWithError("found elsewhere");
}
BENCHMARK(ProcessCache);

void LoopCacheWithToken(benchmark::State& state) {
  World world;
  world.credentials.resize(1);
  world.credentials[0] = PresentedCredential{
      TokenKind::kToken, "header",
      base::Secret::CopyOf("5e9d9544a1dcd60001d0ed20a7c1a4d0e9b34b5d8f6f5b6d7c2a1b0c")};
  world.Ask();
  const AuthFacts facts = world.Facts();
  int64_t since = 0;
  for (auto _ : state) {
    world.memo.decision = nullptr;
    auto verdict = world.authorizer.TryAuthorize(world.memo, facts);
    if (!verdict.has_value()) state.SkipWithError("not in the cache");
    benchmark::DoNotOptimize(verdict);
    Keep(world, &since);
  }
}
BENCHMARK(LoopCacheWithToken);

void RouteMatching(benchmark::State& state) {
  std::vector<RoutePtr> routes;
  for (int64_t i = 0; i < state.range(0); ++i) {
    Route route;
    route.api_id = absl::StrCat("api", i);
    route.hosts = {absl::StrCat("h", i % 100, ".example.com")};
    route.listen_path = absl::StrCat("/v1/service", i, "/");
    route.strip_listen_path = true;
    routes.push_back(std::make_shared<const Route>(std::move(route)));
  }
  const RouteTablePtr table = RouteTable::Empty()->With(routes, {});
  RouteQuestion question;
  question.host = "h7.example.com";
  question.path = "/v1/service7/items/42";
  question.method = "GET";
  for (auto _ : state) {
    auto match = MatchRoute(
        *table, question,
        [](absl::string_view) -> std::optional<absl::string_view> { return std::nullopt; });
    benchmark::DoNotOptimize(match);
  }
}
BENCHMARK(RouteMatching)->Arg(10)->Arg(10'000);

void ClientTlsVersionOfHost(benchmark::State& state) {
  Route route;
  route.api_id = "a";
  route.hosts = {"h7.example.com"};
  const RouteTablePtr table = RouteTable::Empty()->With({std::make_shared<const Route>(route)}, {});
  for (auto _ : state) benchmark::DoNotOptimize(table->ClientTlsVersion("h7.example.com", 0));
}
BENCHMARK(ClientTlsVersionOfHost);

}  // namespace
}  // namespace sallyport::dataplane

BENCHMARK_MAIN();
