#include "dataplane/upstream/resolver.h"

#include <gtest/gtest.h>

#include <atomic>

#include "dataplane/loop/stream.h"
#include "tests/fakes/manual_clock.h"
#include "tests/unit/dataplane/upstream/loop_for_tests.h"

namespace sallyport::dataplane {
namespace {

using boost::asio::awaitable;
using boost::asio::ip::make_address;

class Names {
 public:
  absl::StatusOr<std::vector<boost::asio::ip::address>> Look(const std::string& host) {
    ++lookups;
    while (held) absl::SleepFor(absl::Milliseconds(1));
    if (broken) return absl::NotFoundError(host);
    return std::vector<boost::asio::ip::address>{make_address(moved ? "192.0.2.2" : "192.0.2.1")};
  }
  Resolver::LookupFunction function() {
    return [this](const std::string& host) { return Look(host); };
  }
  std::atomic<int> lookups{0};
  std::atomic<bool> broken{false};
  std::atomic<bool> moved{false};
  std::atomic<bool> held{false};
};

bool Eventually(const std::function<bool()>& condition) {
  for (const absl::Time end = absl::Now() + absl::Seconds(20); absl::Now() < end;) {
    if (condition()) return true;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return false;
}

TEST(ResolverTest, LiteralsNeedNoLookup) {
  Names names;
  Resolver resolver({}, names.function());
  Loop loop(0);
  testing::RunOn(loop, [&]() -> awaitable<void> {
    const auto four = co_await resolver.Resolve(loop, "192.0.2.9", Deadline::Never());
    EXPECT_EQ((*four)->front(), make_address("192.0.2.9"));
    const auto six = co_await resolver.Resolve(loop, "::1", Deadline::Never());
    EXPECT_EQ((*six)->front(), make_address("::1"));
  });
  EXPECT_EQ(names.lookups, 0);
}

TEST(ResolverTest, LocalhostIsTheLoopbackAddressWithoutAnyHostsFile) {
  Resolver resolver;
  Loop loop(0);
  testing::RunOn(loop, [&]() -> awaitable<void> {
    for (const char* host : {"localhost", "LOCALHOST", "localhost.", "up.localhost"}) {
      const auto found = co_await resolver.Resolve(loop, host, Deadline::Never());
      EXPECT_TRUE(found.ok() &&
                  **found == std::vector({make_address("127.0.0.1"), make_address("::1")}))
          << host;
    }
  });
}

TEST(ResolverTest, WhoWaitsIsAnsweredByStopAndLaterQuestionsFail) {
  Names names;
  names.held = true;
  ResolverOptions options;
  options.threads = 1;
  Resolver resolver(options, names.function());
  Loop loop(0);
  std::thread stopper([&] {
    EXPECT_TRUE(Eventually([&] { return names.lookups == 1; }));
    loop.Post([&] { names.held = false; });  // both have asked by then
    resolver.Stop();
  });
  testing::RunOn(loop, [&]() -> awaitable<void> {
    bool first_done = false;
    boost::asio::co_spawn(
        loop.context(),
        [&]() -> awaitable<void> {
          (void)co_await resolver.Resolve(loop, "a.example", Deadline::Never());
          first_done = true;
        },
        [](const std::exception_ptr&) {});
    (void)co_await resolver.Resolve(loop, "b.example", Deadline::Never());
    while (!first_done) co_await Yield(loop);
  });
  stopper.join();
  resolver.Stop();
  testing::RunOn(loop, [&]() -> awaitable<void> {
    const auto late = co_await resolver.Resolve(loop, "c.example", Deadline::Never());
    EXPECT_FALSE(late.ok());
  });
}

TEST(ResolverTest, AnswersAreCached) {
  Names names;
  Resolver resolver({}, names.function());
  Loop loop(0);
  testing::RunOn(loop, [&]() -> awaitable<void> {
    for (int i = 0; i < 5; ++i) {
      const auto found = co_await resolver.Resolve(loop, "a.example", Deadline::Never());
      EXPECT_TRUE(found.ok());
    }
  });
  EXPECT_EQ(names.lookups, 1);
}

TEST(ResolverTest, StaleIsServedWhileLookupsFailAndThenNoMore) {
  Names names;
  base::ManualClock clock;
  Resolver resolver({.fresh = absl::Seconds(30), .stale = absl::Minutes(10)}, names.function(),
                    clock);
  Loop loop(0);
  const auto ask = [&](bool* ok) {
    testing::RunOn(loop, [&]() -> awaitable<void> {
      const auto found = co_await resolver.Resolve(loop, "a.example", Deadline::Never());
      *ok = found.ok();
    });
  };
  bool ok = false;
  ask(&ok);
  ASSERT_TRUE(ok);
  names.broken = true;
  clock.Advance(absl::Seconds(31));
  ask(&ok);
  EXPECT_TRUE(ok);
  EXPECT_TRUE(Eventually([&] { return names.lookups == 2; }));
  clock.Advance(absl::Minutes(11));
  EXPECT_EQ(resolver.Peek("a.example"), nullptr);
  ask(&ok);
  EXPECT_FALSE(ok);
}

TEST(ResolverTest, FailuresAreRememberedForAWhile) {
  Names names;
  names.broken = true;
  base::ManualClock clock;
  Resolver resolver({}, names.function(), clock);
  Loop loop(0);
  testing::RunOn(loop, [&]() -> awaitable<void> {
    for (int i = 0; i < 3; ++i) {
      const auto found = co_await resolver.Resolve(loop, "a.example", Deadline::Never());
      EXPECT_FALSE(found.ok());
    }
  });
  EXPECT_EQ(names.lookups, 1);
}

TEST(ResolverTest, WhoFindsNobodyThereIsToldOfNewerAddressesAlone) {
  Names names;
  base::ManualClock clock;
  ResolverOptions options;
  options.fresh = absl::Seconds(30);
  Resolver resolver(options, names.function(), clock);
  Loop loop(0);
  testing::RunOn(loop, [&]() -> awaitable<void> {
    const std::string host = "a.example";
    const auto newer = [&](Addresses than) {
      return resolver.Newer(loop, host, std::move(than), loop.After(absl::Seconds(20)));
    };
    const Addresses old = *co_await resolver.Resolve(loop, "a.example", Deadline::Never());
    EXPECT_EQ(co_await newer(old), nullptr) << "it is fresh";
    EXPECT_EQ(names.lookups, 1);
    clock.Advance(absl::Seconds(31));
    EXPECT_EQ(co_await newer(old), nullptr) << "looked up again: the same";
    EXPECT_EQ(names.lookups, 2);
    const Addresses same = *co_await resolver.Resolve(loop, "a.example", Deadline::Never());
    clock.Advance(absl::Seconds(31));
    names.moved = true;
    const Addresses moved = co_await newer(same);
    EXPECT_TRUE(moved != nullptr && moved->front() == make_address("192.0.2.2"));
    EXPECT_EQ(names.lookups, 3);
    EXPECT_EQ(co_await newer(same), moved) << "somebody else has asked";
    EXPECT_EQ(names.lookups, 3);
    clock.Advance(absl::Seconds(31));
    names.broken = true;
    EXPECT_EQ(co_await newer(moved), nullptr) << "nobody knows";
    EXPECT_EQ(co_await resolver.Newer(loop, "never.example", moved, Deadline::Never()), nullptr);
    const auto literal = *co_await resolver.Resolve(loop, "192.0.2.9", Deadline::Never());
    EXPECT_EQ(co_await resolver.Newer(loop, "192.0.2.9", literal, Deadline::Never()), nullptr);
  });
}

TEST(ResolverTest, SlowLookupIsOneForAllAndDoesNotOutliveTheDeadline) {
  Names names;
  names.held = true;
  Resolver resolver({}, names.function());
  Loop loop(0);
  testing::RunOn(loop, [&]() -> awaitable<void> {
    for (int i = 0; i < 2; ++i) {
      const auto found =
          co_await resolver.Resolve(loop, "a.example", loop.After(absl::Milliseconds(60)));
      EXPECT_TRUE(absl::IsDeadlineExceeded(found.status()));
    }
    names.held = false;
    const auto found = co_await resolver.Resolve(loop, "a.example", Deadline::Never());
    EXPECT_TRUE(found.ok());
  });
  EXPECT_EQ(names.lookups, 1);
}

TEST(ResolverTest, NamesAreBounded) {
  Names names;
  Resolver resolver({.max_names = 10}, names.function());
  Loop loop(0);
  testing::RunOn(loop, [&]() -> awaitable<void> {
    for (int i = 0; i < 100; ++i) {
      const std::string host = absl::StrCat("h", i);
      const auto found = co_await resolver.Resolve(loop, host, Deadline::Never());
      EXPECT_TRUE(found.ok());
    }
  });
  int held = 0;
  for (int i = 0; i < 100; ++i) held += resolver.Peek(absl::StrCat("h", i)) != nullptr ? 1 : 0;
  EXPECT_LE(held, 10);
}

}  // namespace
}  // namespace sallyport::dataplane
