#include "tests/unit/dataplane/loop/readiness_fixture.h"

namespace sallyport::dataplane {
namespace {

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
    for (const Outcome& outcome : outcomes)
      EXPECT_EQ(outcome.result, WaitResult::kCancelled) << destroy;
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

}  // namespace
}  // namespace sallyport::dataplane
