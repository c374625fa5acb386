#include "dataplane/loop/readiness.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "dataplane/loop/stream.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {
namespace {

using boost::asio::awaitable;

std::array<int, 2> Pair() {
  std::array<int, 2> ends = {-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
  return ends;
}

// How one wait went.
struct Outcome {
  std::optional<WaitResult> result;
  int64_t at_millis = 0;
};

class ReadinessTest : public ::testing::Test {
 public:
  ReadinessTest() : ends_(Pair()), near_(std::make_unique<Readiness>(loop_, ends_[0])) { loop_.RefreshNow(); }
  ~ReadinessTest() override {
    if (ends_[1] >= 0) close(ends_[1]);
  }

  // One look at all descriptors, and what comes of it.
  void Turn() { loop_.RunFor(absl::ZeroDuration()); }
  void RunUntil(const std::function<bool()>& done) {
    for (int i = 0; i < 500 && !done(); ++i) loop_.RunFor(absl::Milliseconds(10));
    EXPECT_TRUE(done());
  }
  void Spawn(awaitable<void> work) {
    boost::asio::co_spawn(loop_.context(), std::move(work), boost::asio::detached);
  }
  // `*outcome` outlives the wait; the readiness need not.
  void SpawnWait(Readiness& readiness, Direction direction, Deadline deadline, Outcome* outcome) {
    Spawn([](Loop& loop, Readiness& on, Direction way, Deadline until, Outcome* out) -> awaitable<void> {
      out->result = co_await on.Wait(way, until);
      loop.RefreshNow();
      out->at_millis = loop.NowMillis();
    }(loop_, readiness, direction, deadline, outcome));
  }
  void Say(absl::string_view text) {
    ASSERT_EQ(write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  size_t Hear(size_t most) {
    std::string into(most, ' ');
    const ssize_t count = read(near_->fd(), into.data(), into.size());
    return count < 0 ? 0 : static_cast<size_t>(count);
  }
  // As who reads to the end does.
  void HearAll() {
    while (Hear(4096) > 0) {
    }
    near_->Drained(Direction::kRead);
  }

  // So that nothing more can be written.
  void Fill() {
    const std::string block(65536, 'x');
    while (write(near_->fd(), block.data(), block.size()) > 0) {
    }
    near_->Drained(Direction::kWrite);
  }
  // So that it can.
  void Drain() {
    std::string sink(1 << 20, ' ');
    while (::read(ends_[1], sink.data(), sink.size()) > 0) {
    }
  }

  Loop loop_{0};
  std::array<int, 2> ends_;
  std::unique_ptr<Readiness> near_;
};

TEST_F(ReadinessTest, EachNewEdgeIsSeenOnce) {
  HearAll();
  Turn();
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(near_->MayTry(Direction::kRead)) << round;
    Say("a");
    EXPECT_FALSE(near_->MayTry(Direction::kRead)) << "not before the loop has looked";
    Turn();
    EXPECT_TRUE(near_->MayTry(Direction::kRead)) << round;
    HearAll();
    Turn();
  }
}

TEST_F(ReadinessTest, BytesBetweenTheAttemptAndTheWaitAreNotLost) {
  HearAll();
  Turn();
  Say("a");  // after the attempt that would block, before anybody waits
  Outcome outcome;
  SpawnWait(*near_, Direction::kRead, loop_.After(absl::Seconds(20)), &outcome);
  RunUntil([&] { return outcome.result.has_value(); });
  EXPECT_EQ(outcome.result, WaitResult::kReady);
}

TEST_F(ReadinessTest, WhatWasNotReadKeepsTheDirectionReady) {
  Say("abc");
  Turn();
  EXPECT_EQ(Hear(1), 1u);
  for (int i = 0; i < 3; ++i) {  // no new edge comes, and none is needed
    Outcome outcome;
    SpawnWait(*near_, Direction::kRead, loop_.After(absl::Seconds(20)), &outcome);
    RunUntil([&] { return outcome.result.has_value(); });
    EXPECT_EQ(outcome.result, WaitResult::kReady);
  }
}

TEST_F(ReadinessTest, AnEdgeForBytesAlreadyReadDoesNotMakeItReady) {
  HearAll();
  Say("a");
  Turn();
  Say("b");  // its edge is in the kernel's list
  EXPECT_EQ(Hear(4096), 2u);
  near_->ReadShort();
  Turn();
  EXPECT_FALSE(near_->MayTry(Direction::kRead));
}

TEST_F(ReadinessTest, AShortReadAtTheEndLeavesTheEndToBeRead) {
  HearAll();
  Say("a");
  shutdown(ends_[1], SHUT_WR);
  Turn();
  EXPECT_TRUE(near_->hung_up());
  EXPECT_EQ(Hear(4096), 1u);
  near_->ReadShort();
  EXPECT_TRUE(near_->MayTry(Direction::kRead));
}

TEST_F(ReadinessTest, AnEndAfterAShortReadIsANewEdge) {
  HearAll();
  Say("a");
  Turn();
  EXPECT_EQ(Hear(4096), 1u);
  near_->ReadShort();
  close(std::exchange(ends_[1], -1));
  Outcome outcome;
  SpawnWait(*near_, Direction::kRead, loop_.After(absl::Seconds(20)), &outcome);
  RunUntil([&] { return outcome.result.has_value(); });
  EXPECT_EQ(outcome.result, WaitResult::kReady);
  EXPECT_TRUE(near_->hung_up());
}

TEST_F(ReadinessTest, BothDirectionsWaitAndWakeOnTheirOwn) {
  HearAll();
  const std::string block(65536, 'x');
  while (write(near_->fd(), block.data(), block.size()) > 0) {
  }
  near_->Drained(Direction::kWrite);
  Outcome read;
  Outcome written;
  SpawnWait(*near_, Direction::kRead, loop_.After(absl::Seconds(20)), &read);
  SpawnWait(*near_, Direction::kWrite, loop_.After(absl::Seconds(20)), &written);
  Turn();
  EXPECT_FALSE(read.result.has_value());
  EXPECT_FALSE(written.result.has_value());
  Say("a");
  RunUntil([&] { return read.result.has_value(); });
  EXPECT_FALSE(written.result.has_value());
  std::string sink(1 << 20, ' ');
  while (::read(ends_[1], sink.data(), sink.size()) > 0) {
  }
  RunUntil([&] { return written.result.has_value(); });
  EXPECT_EQ(read.result, WaitResult::kReady);
  EXPECT_EQ(written.result, WaitResult::kReady);
}

// On a TLS stream: who writes, and who reads and has to answer a key update.
TEST_F(ReadinessTest, TwoMayWaitForOneDirection) {
  HearAll();
  Fill();
  std::array<Outcome, 3> outcomes;
  SpawnWait(*near_, Direction::kWrite, Deadline::Never(), &outcomes[0]);
  SpawnWait(*near_, Direction::kWrite, Deadline::Never(), &outcomes[1]);
  SpawnWait(*near_, Direction::kRead, Deadline::Never(), &outcomes[2]);
  Turn();
  Drain();
  RunUntil([&] { return outcomes[0].result.has_value() && outcomes[1].result.has_value(); });
  EXPECT_EQ(outcomes[0].result, WaitResult::kReady);
  EXPECT_EQ(outcomes[1].result, WaitResult::kReady);
  EXPECT_FALSE(outcomes[2].result.has_value());
  Say("a");
  RunUntil([&] { return outcomes[2].result.has_value(); });
}

TEST_F(ReadinessTest, TheSecondOfADirectionIsWokenThoughTheFirstUsesAllUp) {
  HearAll();
  Turn();
  int rounds = 0;
  Spawn([](ReadinessTest* test, Readiness& on, int* count) -> awaitable<void> {
    while (co_await on.Wait(Direction::kRead, Deadline::Never()) == WaitResult::kReady) {
      test->HearAll();
      ++*count;
    }
  }(this, *near_, &rounds));
  Outcome second;
  SpawnWait(*near_, Direction::kRead, Deadline::Never(), &second);
  Turn();
  ASSERT_EQ(rounds, 0);
  Say("a");
  RunUntil([&] { return rounds == 1; });
  EXPECT_EQ(second.result, WaitResult::kReady);
  near_->Cancel();
  Turn();
}

TEST_F(ReadinessTest, TwoOfOneDirectionHaveTheirOwnDeadlines) {
  HearAll();
  Fill();
  Outcome never;
  Outcome later;
  const Deadline deadline = loop_.After(absl::Milliseconds(60));
  SpawnWait(*near_, Direction::kWrite, Deadline::Never(), &never);
  SpawnWait(*near_, Direction::kWrite, deadline, &later);
  RunUntil([&] { return later.result.has_value(); });
  EXPECT_EQ(later.result, WaitResult::kTimeout);
  EXPECT_GE(later.at_millis, deadline.millis());
  EXPECT_FALSE(never.result.has_value());
  // The place is free again, and the first has kept its own.
  std::array<Outcome, 2> both;
  SpawnWait(*near_, Direction::kWrite, loop_.After(absl::Milliseconds(60)), &both[0]);
  RunUntil([&] { return both[0].result.has_value(); });
  EXPECT_EQ(both[0].result, WaitResult::kTimeout);
  SpawnWait(*near_, Direction::kWrite, loop_.After(absl::Hours(1)), &both[1]);
  Turn();
  Drain();
  RunUntil([&] { return never.result.has_value() && both[1].result.has_value(); });
  EXPECT_EQ(never.result, WaitResult::kReady);
  EXPECT_EQ(both[1].result, WaitResult::kReady);
}

TEST_F(ReadinessTest, TheDeadlineOfTheFirstIsNotThatOfTheSecond) {
  HearAll();
  Fill();
  Outcome first;
  Outcome second;
  SpawnWait(*near_, Direction::kWrite, loop_.After(absl::Milliseconds(60)), &first);
  SpawnWait(*near_, Direction::kWrite, loop_.After(absl::Hours(1)), &second);
  RunUntil([&] { return first.result.has_value(); });
  EXPECT_EQ(first.result, WaitResult::kTimeout);
  EXPECT_FALSE(second.result.has_value());
  Drain();
  RunUntil([&] { return second.result.has_value(); });
  EXPECT_EQ(second.result, WaitResult::kReady);
}

TEST_F(ReadinessTest, CancelAndDestructionReachBothOfEachDirection) {
  for (const bool destroy : {false, true}) {
    if (near_ == nullptr || near_->cancelled()) {
      close(ends_[1]);
      ends_ = Pair();
      near_ = std::make_unique<Readiness>(loop_, ends_[0]);
    }
    HearAll();
    Fill();
    std::array<Outcome, 4> outcomes;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      const Direction direction = i % 2 == 0 ? Direction::kRead : Direction::kWrite;
      SpawnWait(*near_, direction, Deadline::Never(), &outcomes[i]);
    }
    Turn();
    for (const Outcome& outcome : outcomes) EXPECT_FALSE(outcome.result.has_value());
    if (destroy) {
      near_.reset();
    } else {
      near_->Cancel();
    }
    Turn();
    for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.result, WaitResult::kCancelled) << destroy;
  }
}

TEST_F(ReadinessTest, TheFirstOfADirectionMayDestroyWhatTheSecondWaitsFor) {
  HearAll();
  Turn();
  std::vector<WaitResult> results;
  const auto waits = [&]() -> awaitable<void> {
    const WaitResult result = co_await near_->Wait(Direction::kRead, Deadline::Never());
    results.push_back(result);
    if (result == WaitResult::kReady) near_.reset();
  };
  Spawn(waits());
  Spawn(waits());
  Turn();
  Say("a");
  RunUntil([&] { return results.size() == 2; });
  EXPECT_EQ(results[0], WaitResult::kReady);
  EXPECT_EQ(results[1], WaitResult::kCancelled);
}

TEST_F(ReadinessTest, AThirdOfADirectionEndsTheProcess) {
  HearAll();
  Fill();
  Outcome outcomes[3];
  for (int i = 0; i < 2; ++i) SpawnWait(*near_, Direction::kWrite, Deadline::Never(), &outcomes[i]);
  Turn();
  EXPECT_DEATH(
      {
        SpawnWait(*near_, Direction::kWrite, Deadline::Never(), &outcomes[2]);
        Turn();
      },
      "");
  Drain();
  RunUntil([&] { return outcomes[0].result.has_value() && outcomes[1].result.has_value(); });
}

TEST_F(ReadinessTest, ABrokenPeerWakesBothDirections) {
  HearAll();
  const std::string block(65536, 'x');
  while (write(near_->fd(), block.data(), block.size()) > 0) {
  }
  near_->Drained(Direction::kWrite);
  Outcome read;
  Outcome written;
  SpawnWait(*near_, Direction::kRead, Deadline::Never(), &read);
  SpawnWait(*near_, Direction::kWrite, Deadline::Never(), &written);
  Turn();
  close(std::exchange(ends_[1], -1));
  RunUntil([&] { return read.result.has_value() && written.result.has_value(); });
  EXPECT_EQ(read.result, WaitResult::kReady) << "the end is to be read";
  EXPECT_EQ(written.result, WaitResult::kReady) << "the error is to be seen";
}

TEST_F(ReadinessTest, AFailedWriteLetsTheLastWordsBeReadAtOnce) {
  const std::array<int, 2> ends = Pair();
  PlainStream stream(loop_, ends[0]);
  char buffer[16];
  EXPECT_EQ(stream.TryRead(absl::MakeSpan(buffer)).kind, IoResult::Kind::kWantRead);
  Turn();
  ASSERT_EQ(write(ends[1], "why", 3), 3);
  close(ends[1]);
  EXPECT_EQ(stream.TryWrite("x").kind, IoResult::Kind::kError);
  EXPECT_EQ(stream.TryRead(absl::MakeSpan(buffer)).bytes, 3u) << "without another look of the loop";
  EXPECT_FALSE(stream.IdleAndOpen(loop_.looks()));
}

TEST_F(ReadinessTest, DestructionWakesTheWaiterWithoutTouchingWhatIsGone) {
  HearAll();
  Outcome read;
  Outcome written;
  near_->Drained(Direction::kWrite);
  Turn();
  near_->Drained(Direction::kWrite);
  SpawnWait(*near_, Direction::kRead, loop_.After(absl::Seconds(20)), &read);
  SpawnWait(*near_, Direction::kWrite, loop_.After(absl::Seconds(20)), &written);
  Turn();
  ASSERT_FALSE(read.result.has_value() || written.result.has_value());
  near_.reset();
  EXPECT_FALSE(read.result.has_value()) << "not inside of the destructor";
  RunUntil([&] { return read.result.has_value() && written.result.has_value(); });
  EXPECT_EQ(read.result, WaitResult::kCancelled);
  EXPECT_EQ(written.result, WaitResult::kCancelled);
}

TEST_F(ReadinessTest, AWaiterMayDestroyAnotherThatIsReadyInTheSameTurn) {
  const std::array<int, 2> ends = Pair();
  auto other = std::make_unique<Readiness>(loop_, ends[0]);
  HearAll();
  other->Drained(Direction::kRead);
  Turn();
  std::vector<WaitResult> results;
  const auto waits = [&](Readiness& mine, std::unique_ptr<Readiness>* victim) -> awaitable<void> {
    const WaitResult result = co_await mine.Wait(Direction::kRead, Deadline::Never());
    results.push_back(result);
    if (result == WaitResult::kReady) victim->reset();
  };
  boost::asio::co_spawn(loop_.context(), waits(*near_, &other), boost::asio::detached);
  boost::asio::co_spawn(loop_.context(), waits(*other, &near_), boost::asio::detached);
  Turn();
  Say("a");
  ASSERT_EQ(write(ends[1], "b", 1), 1);
  RunUntil([&] { return results.size() == 2; });
  EXPECT_EQ(results[0], WaitResult::kReady);
  EXPECT_EQ(results[1], WaitResult::kCancelled);
  EXPECT_EQ((near_ == nullptr) + (other == nullptr), 1);
  close(ends[1]);
}

TEST_F(ReadinessTest, AnEventOfAClosedDescriptorDoesNotReachTheNextOfItsNumber) {
  HearAll();
  Turn();
  Say("a");  // an edge that nobody has collected
  const int number = near_->fd();
  near_->Close();
  const std::array<int, 2> ends = Pair();
  ASSERT_EQ(ends[0], number) << "the kernel gives the lowest number";
  Readiness next(loop_, ends[0]);
  next.Drained(Direction::kRead);
  Turn();
  EXPECT_FALSE(next.MayTry(Direction::kRead));
  ASSERT_EQ(write(ends[1], "b", 1), 1);
  Turn();
  EXPECT_TRUE(next.MayTry(Direction::kRead));
  close(ends[1]);
}

TEST_F(ReadinessTest, ADuplicateThatLivesOnTellsNobodyAfterTheClose) {
  HearAll();
  Turn();
  const int duplicate = fcntl(near_->fd(), F_DUPFD_CLOEXEC, 3);
  near_->Close();  // the kernel keeps the registration while the duplicate is open
  const std::array<int, 2> ends = Pair();
  Readiness next(loop_, ends[0]);
  next.Drained(Direction::kRead);
  Say("a");
  Turn();
  EXPECT_FALSE(next.MayTry(Direction::kRead));
  close(duplicate);
  close(ends[1]);
}

TEST_F(ReadinessTest, AReleasedDescriptorStaysOpenAndCanBeTakenAgain) {
  HearAll();
  Outcome outcome;
  SpawnWait(*near_, Direction::kRead, Deadline::Never(), &outcome);
  Turn();
  const int fd = near_->Release();
  EXPECT_EQ(fd, ends_[0]);
  EXPECT_EQ(near_->Release(), -1);
  RunUntil([&] { return outcome.result.has_value(); });
  EXPECT_EQ(outcome.result, WaitResult::kCancelled);
  near_ = std::make_unique<Readiness>(loop_, fd);
  HearAll();
  Say("a");
  Turn();
  EXPECT_TRUE(near_->MayTry(Direction::kRead));
}

TEST_F(ReadinessTest, ADescriptorThatCannotBeWatchedIsCancelled) {
  const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  Readiness readiness(loop_, file);
  Outcome outcome;
  SpawnWait(readiness, Direction::kRead, Deadline::Never(), &outcome);
  RunUntil([&] { return outcome.result.has_value(); });
  EXPECT_EQ(outcome.result, WaitResult::kCancelled);
}

TEST_F(ReadinessTest, CancelHoldsAlsoWhenTheDirectionIsReady) {
  Say("a");
  Turn();
  near_->Cancel();
  Outcome outcome;
  SpawnWait(*near_, Direction::kRead, Deadline::Never(), &outcome);
  RunUntil([&] { return outcome.result.has_value(); });
  EXPECT_EQ(outcome.result, WaitResult::kCancelled);
}

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
  for (int i = 0; i < 20; ++i) loop_.RunFor(absl::Milliseconds(10));
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
    while (!*enough && co_await greedy.Wait(Direction::kRead, Deadline::Never()) == WaitResult::kReady) ++*count;
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
