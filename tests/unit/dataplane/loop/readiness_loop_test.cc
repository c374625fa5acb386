#include "tests/unit/dataplane/loop/readiness_fixture.h"

namespace sallyport::dataplane {
namespace {

TEST_F(ReadinessTest, ADeadlineNeverFiresEarly) {
  HearAll();
  for (const int millis : {1, 49, 50, 51, 120}) {
    Outcome outcome;
    loop_.RefreshNow();
    const Deadline deadline = loop_.After(absl::Milliseconds(millis));
    SpawnWait(*near_, Direction::kRead, deadline, &outcome);
    RunUntil([&] { return outcome.result.has_value(); });
    EXPECT_EQ(outcome.result, WaitResult::kTimeout);
    EXPECT_GE(outcome.at_millis, deadline.millis());
  }
}

TEST_F(ReadinessTest, ALaterDeadlineReplacesAnEarlierOneAndTheOtherWayRound) {
  HearAll();
  Outcome first;
  SpawnWait(*near_, Direction::kRead, loop_.After(absl::Milliseconds(60)), &first);
  Turn();
  Say("a");
  RunUntil([&] { return first.result.has_value(); });
  ASSERT_EQ(first.result, WaitResult::kReady);
  HearAll();
  // What the first wait left in the wheel must not end the second before its time.
  Outcome later;
  const Deadline far = loop_.After(absl::Milliseconds(400));
  SpawnWait(*near_, Direction::kRead, far, &later);
  RunUntil([&] { return later.result.has_value(); });
  EXPECT_EQ(later.result, WaitResult::kTimeout);
  EXPECT_GE(later.at_millis, far.millis());
  // Nor may a far deadline of before keep a near one from being seen.
  Outcome very_far;
  SpawnWait(*near_, Direction::kRead, loop_.After(absl::Hours(1)), &very_far);
  Turn();
  Say("a");
  RunUntil([&] { return very_far.result.has_value(); });
  HearAll();
  Outcome near;
  SpawnWait(*near_, Direction::kRead, loop_.After(absl::Milliseconds(60)), &near);
  RunUntil([&] { return near.result.has_value(); });
  EXPECT_EQ(near.result, WaitResult::kTimeout);
}

TEST_F(ReadinessTest, AWaitWithoutDeadlineOutlivesTheDeadlineOfTheWaitBefore) {
  HearAll();
  Outcome first;
  SpawnWait(*near_, Direction::kRead, loop_.After(absl::Milliseconds(60)), &first);
  Turn();
  Say("a");
  RunUntil([&] { return first.result.has_value(); });
  HearAll();
  Outcome second;
  SpawnWait(*near_, Direction::kRead, Deadline::Never(), &second);
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(absl::Milliseconds(10));
    Turn();
  }
  EXPECT_FALSE(second.result.has_value());
  Say("a");
  RunUntil([&] { return second.result.has_value(); });
  EXPECT_EQ(second.result, WaitResult::kReady);
}

TEST_F(ReadinessTest, WhoIsAlwaysReadyDoesNotKeepOthersWaiting) {
  Say("a");  // never read: always ready
  bool stop = false;
  int rounds = 0;
  Spawn([](Readiness& greedy, bool* enough, int* count) -> awaitable<void> {
    while (!*enough &&
           co_await greedy.Wait(Direction::kRead, Deadline::Never()) == WaitResult::kReady)
      ++*count;
  }(*near_, &stop, &rounds));
  Spawn([](Loop& loop, bool* enough) -> awaitable<void> {
    while (!*enough) co_await Yield(loop);
  }(loop_, &stop));
  const std::array<int, 2> ends = Pair();
  Readiness modest(loop_, ends[0]);
  modest.Drained(Direction::kRead);
  Turn();
  modest.Drained(Direction::kRead);
  Outcome event;
  Outcome timeout;
  bool posted = false;
  SpawnWait(modest, Direction::kRead, Deadline::Never(), &event);
  SpawnWait(modest, Direction::kWrite, Deadline::Never(), &timeout);
  Turn();
  const int before = rounds;
  ASSERT_EQ(write(ends[1], "b", 1), 1);
  loop_.Post([&] { posted = true; });
  for (int i = 0; i < 3; ++i) Turn();
  EXPECT_EQ(event.result, WaitResult::kReady);
  EXPECT_TRUE(posted);
  EXPECT_LE(rounds - before, 3) << "once a turn";
  EXPECT_GE(rounds - before, 1);
  stop = true;
  Turn();
  close(ends[1]);
}

TEST_F(ReadinessTest, WhoPostsAlwaysDoesNotKeepEventsWaiting) {
  HearAll();
  bool stop = false;
  std::function<void()> again = [&] {
    if (!stop) loop_.Post(again);
  };
  loop_.Post(again);
  Outcome event;
  SpawnWait(*near_, Direction::kRead, Deadline::Never(), &event);
  Turn();
  Say("a");
  for (int i = 0; i < 3; ++i) Turn();
  EXPECT_EQ(event.result, WaitResult::kReady);
  stop = true;
  Turn();
}

TEST_F(ReadinessTest, AWaitingCoroutineIsDestroyedWithTheLoop) {
  struct Flag {
    bool* raised;
    ~Flag() { *raised = true; }
  };
  bool destroyed = false;
  bool went_on = false;
  {
    Loop loop(1);
    loop.RefreshNow();
    boost::asio::co_spawn(
        loop.context(),
        [](Loop& on, bool* gone, bool* ran_on) -> awaitable<void> {
          const Flag flag{gone};
          const std::array<int, 2> ends = Pair();
          PlainStream stream(on, ends[0]);
          PlainStream other(on, ends[1]);
          char byte = 0;
          (void)co_await Read(stream, absl::MakeSpan(&byte, 1), on.After(absl::Hours(1)));
          *ran_on = true;
        }(loop, &destroyed, &went_on),
        boost::asio::detached);
    loop.RunFor(absl::Milliseconds(1));
    EXPECT_FALSE(destroyed);
    loop.Discard();
    EXPECT_TRUE(destroyed);
    loop.Discard();
  }
  EXPECT_FALSE(went_on);
}

TEST_F(ReadinessTest, PostsOfOtherThreadsAndTimersOfAsioKeepWorking) {
  bool fired = false;
  Loop loop(1);
  loop.Start();
  base::Mutex mutex;
  base::CondVar changed;
  int ran = 0;
  constexpr int kPosts = 2000;
  for (int i = 0; i < kPosts; ++i) {
    loop.Post([&] {
      const base::MutexLock lock(&mutex);
      ++ran;
      changed.SignalAll();
    });
  }
  {
    const base::MutexLock lock(&mutex);
    while (ran < kPosts && !changed.WaitWithTimeout(&mutex, absl::Seconds(20))) {
    }
    EXPECT_EQ(ran, kPosts);
  }
  loop.Post([&] {
    boost::asio::co_spawn(
        loop.context(),
        [](Loop& on, base::Mutex* guard, base::CondVar* news, bool* done) -> awaitable<void> {
          boost::asio::steady_timer timer(on.context(), std::chrono::milliseconds(5));
          co_await timer.async_wait(boost::asio::use_awaitable);
          const base::MutexLock lock(guard);
          *done = true;
          news->SignalAll();
        }(loop, &mutex, &changed, &fired),
        boost::asio::detached);
  });
  {
    const base::MutexLock lock(&mutex);
    while (!fired && !changed.WaitWithTimeout(&mutex, absl::Seconds(20))) {
    }
    EXPECT_TRUE(fired);
  }
  loop.Stop();
  loop.Join();
}

TEST(LoopTest, StopFromAnotherThreadEndsAnIdleLoop) {
  for (int i = 0; i < 50; ++i) {
    Loop loop(0);
    loop.Start();
    loop.Stop();
    loop.Join();
  }
}

}  // namespace
}  // namespace sallyport::dataplane
