#include "tests/unit/dataplane/loop/readiness_fixture.h"

namespace sallyport::dataplane {
namespace {

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

}  // namespace
}  // namespace sallyport::dataplane
