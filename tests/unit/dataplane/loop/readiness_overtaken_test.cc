// What ends a wait may come while another end of it is queued already, for the next turn: the first
// one counts, the other is neither lost nor given to the next who waits.
#include "tests/unit/dataplane/loop/readiness_fixture.h"

namespace sallyport::dataplane {
namespace {

class OvertakenTest : public ::testing::Test {
 protected:
  OvertakenTest() : ends_(Pair()), near_(std::make_unique<Readiness>(loop_, ends_[0])) { Turn(); }
  ~OvertakenTest() override { close(ends_[1]); }

  void Turn() { loop_.RunFor(absl::ZeroDuration()); }
  // A wait that begins at the end of the next turn.
  void Spawn(Deadline deadline, std::optional<WaitResult>* result) {
    boost::asio::co_spawn(
        loop_.context(),
        [](Readiness& on, Deadline until, std::optional<WaitResult>* out) -> awaitable<void> {
          *out = co_await on.Wait(Direction::kRead, until);
        }(*near_, deadline, result),
        boost::asio::detached);
  }
  // One that has begun. Where the direction is ready its wake-up is queued now.
  void Wait(Deadline deadline, std::optional<WaitResult>* result) {
    Spawn(deadline, result);
    Turn();
    EXPECT_FALSE(result->has_value()) << "not before the next turn";
  }
  void Say() { ASSERT_EQ(write(ends_[1], "a", 1), 1); }

  base::ManualClock clock_;
  Loop loop_{0, clock_};
  std::array<int, 2> ends_;
  std::unique_ptr<Readiness> near_;
  std::optional<WaitResult> first_, second_;
};

TEST_F(OvertakenTest, ACancelAfterAQueuedWakeUpEndsTheNextWait) {
  Wait(Deadline::Never(), &first_);  // it may be tried: queued
  near_->Cancel();
  Turn();
  EXPECT_EQ(first_, WaitResult::kReady);
  EXPECT_TRUE(near_->cancelled()) << "whoever goes on can see it";
  Spawn(Deadline::Never(), &second_);
  Turn();
  EXPECT_EQ(second_, WaitResult::kCancelled);
}

TEST_F(OvertakenTest, ACancelReachesTheOneWhoTookThePlaceOfAQueuedWakeUp) {
  Wait(Deadline::Never(), &first_);
  near_->Drained(Direction::kRead);
  std::optional<WaitResult> third;
  Spawn(Deadline::Never(), &second_);
  Spawn(Deadline::Never(), &third);
  Turn();  // the first has gone on, the others have begun
  EXPECT_EQ(first_, WaitResult::kReady);
  EXPECT_FALSE(second_.has_value() || third.has_value());
  near_->Cancel();
  Turn();
  EXPECT_EQ(first_, WaitResult::kReady) << "once";
  EXPECT_EQ(second_, WaitResult::kCancelled);
  EXPECT_EQ(third, WaitResult::kCancelled);
}

TEST_F(OvertakenTest, ADeadlineAfterAQueuedWakeUpIsNotOfTheNextWait) {
  Wait(loop_.After(absl::Milliseconds(60)), &first_);
  clock_.Advance(absl::Seconds(1));  // it fires in the turn that brings the wake-up, before it
  Turn();
  EXPECT_EQ(first_, WaitResult::kReady);
  near_->Drained(Direction::kRead);
  Wait(Deadline::Never(), &second_);
  clock_.Advance(absl::Seconds(1));
  Turn();
  EXPECT_FALSE(second_.has_value());
  Say();
  Turn();
  EXPECT_EQ(second_, WaitResult::kReady);
}

TEST_F(OvertakenTest, BytesAfterAQueuedDeadlineAreForTheNextWait) {
  near_->Drained(Direction::kRead);
  Wait(loop_.After(absl::Milliseconds(60)), &first_);
  clock_.Advance(absl::Seconds(1));
  Say();  // both are there when the loop looks
  Turn();
  EXPECT_EQ(first_, WaitResult::kTimeout);
  EXPECT_TRUE(near_->MayTry(Direction::kRead));
  Wait(loop_.After(absl::Milliseconds(60)), &second_);
  Turn();
  EXPECT_EQ(second_, WaitResult::kReady);
}

TEST_F(OvertakenTest, BytesAfterAQueuedCancelDoNotUndoIt) {
  near_->Drained(Direction::kRead);
  Wait(Deadline::Never(), &first_);
  near_->Cancel();
  Say();
  clock_.Advance(absl::Seconds(1));
  Turn();
  EXPECT_EQ(first_, WaitResult::kCancelled);
}

TEST_F(OvertakenTest, AnEndThatIsQueuedTouchesNothingOfADescriptorThatIsGone) {
  for (const bool ready : {true, false}) {
    first_.reset();
    if (!ready) near_->Drained(Direction::kRead);
    Wait(loop_.After(absl::Milliseconds(60)), &first_);
    near_.reset();
    clock_.Advance(absl::Seconds(1));  // its deadline went with it
    Turn();
    EXPECT_EQ(first_, ready ? WaitResult::kReady : WaitResult::kCancelled);
    close(ends_[1]);
    ends_ = Pair();
    near_ = std::make_unique<Readiness>(loop_, ends_[0]);
    Turn();
  }
}

}  // namespace
}  // namespace sallyport::dataplane
