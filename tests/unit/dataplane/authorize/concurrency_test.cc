// Several loops, one hub, evictions from another thread: an answer that was evicted is never used.
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "dataplane/authorize/authorizer.h"
#include "gtest/gtest.h"
#include "shared/cache/generations.h"
#include "tests/fakes/asio_poster.h"
#include "tests/fakes/fake_authsvc_client.h"
#include "tests/fakes/manual_clock.h"

namespace sallyport::dataplane {
namespace {

constexpr uint64_t kEvictions = 300;

class LoopThread {
 public:
  LoopThread(AuthorizeHub* hub, std::atomic<uint64_t>* evicted, std::atomic<bool>* stop)
      : authorizer_(hub, &poster_), evicted_(evicted), stop_(stop) {
    route_.api_id = "a";
    boost::asio::co_spawn(context_, Work(), boost::asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  }
  void Join() { thread_.join(); }
  int wrong = 0;
  int decided = 0;

 private:
  boost::asio::awaitable<void> Work() {
    while (!stop_->load()) {
      // What was evicted before the question began must not answer it.
      const uint64_t before = evicted_->load(std::memory_order_acquire);
      AuthFacts facts;
      facts.route = &route_;
      facts.tls = true;
      const Verdict verdict = co_await authorizer_.Authorize(memo_, facts);
      const auto* permit = std::get_if<Permit>(&verdict);
      if (permit == nullptr) continue;
      ++decided;
      if (permit->decision().revision < before) ++wrong;
    }
  }

  boost::asio::io_context context_;
  AsioPoster poster_{&context_};
  Authorizer authorizer_;
  Route route_;
  ConnectionMemo memo_;
  std::atomic<uint64_t>* const evicted_;
  std::atomic<bool>* const stop_;
  std::thread thread_;
};

TEST(AuthorizerConcurrency, AnEvictedAnswerIsNeverUsedByAnyLoop) {
  base::ManualClock clock;
  cache::TagGenerations generations;
  StreamState stream;
  FakeAuthsvcClient client;
  std::atomic<uint64_t> revision{1}, evicted{0};
  std::atomic<bool> stop{false};
  client.on_authorize = [&](const AuthorizeQuestion&) -> absl::StatusOr<Decision> {
    Decision decision;
    decision.reason = base::Reason::kAllowed;
    decision.ttl = absl::Minutes(1);
    decision.tags = {"key:alice"};
    decision.revision = revision.load();
    return decision;
  };
  stream.OnApplied(1, true);
  stream.OnHeartbeat(clock.Monotonic(), absl::ZeroDuration(), true);
  AuthorizeOptions options;
  options.connection_misses_per_second = options.address_misses_per_second = 0;
  AuthorizeHub hub(options, &clock, &client, &stream, &generations);
  LoopThread one(&hub, &evicted, &stop), two(&hub, &evicted, &stop);
  for (uint64_t at = 2; at < kEvictions; ++at) {
    revision = at;
    generations.Evict("key:alice", at);
    evicted.store(at, std::memory_order_release);
    std::this_thread::yield();
  }
  stop = true;
  one.Join();
  two.Join();
  EXPECT_EQ(one.wrong + two.wrong, 0);
}

}  // namespace
}  // namespace sallyport::dataplane
