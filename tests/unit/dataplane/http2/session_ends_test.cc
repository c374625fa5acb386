// How streams and connections end: resets, drains, clients that do not get on, nuisances.
#include "tests/unit/dataplane/http2/session_world.h"

namespace sallyport::dataplane {
namespace {

using testing::Encode;
using testing::MakeFrame;
using testing::Number;
using testing::Pairs;
using testing::SessionTest;

TEST_F(SessionTest, AResetWakesWhoWaits) {
  Http2Stream* const stream = Request(1);
  AnswerHead head;
  head.status = 200;
  stream->Start(head);
  ASSERT_TRUE(stream->Append(std::string(200'000, 'x')));
  owner_.Flush(stream);
  (void)Pump();
  EXPECT_EQ(owner_.flushing, 1);
  EXPECT_TRUE(session_->Feed(MakeFrame(3, 0, 1, Number(8))));
  owner_.Settle();
  EXPECT_EQ(owner_.flushed, std::vector<IoResult::Kind>{IoResult::Kind::kEof});
  EXPECT_FALSE(stream->ClientIsThere());
  EXPECT_TRUE(stream->Append("more")) << "who answers learns it from Flush";
  EXPECT_EQ(owner_.resets.size(), 1u);
}

TEST_F(SessionTest, ACutDoesNotWaitForTheClientToRead) {
  Http2Stream* const stream = Request(1, kPost, /*end=*/false);
  EXPECT_TRUE(session_->Feed(MakeFrame(0, kEndStream, 1, "whole")));
  AnswerHead head;
  head.status = 200;
  stream->Start(head);
  ASSERT_TRUE(stream->Append(std::string(200'000, 'x')));
  owner_.Flush(stream);
  EXPECT_EQ(owner_.flushing, 1);
  stream->Cut();  // and nothing is written
  owner_.Settle();
  EXPECT_EQ(owner_.flushed, std::vector<IoResult::Kind>{IoResult::Kind::kEof});
  EXPECT_TRUE(stream->gone());
  EXPECT_FALSE(stream->closed());
  EXPECT_EQ(stream->TryNext().io.kind, IoResult::Kind::kEof)
      << "what came of the request goes nowhere any more";
  EXPECT_TRUE(stream->Append("more"));
  stream->Cut();
  stream->AnswerOver();
  const auto resets = OfType(Pump(), 3);
  ASSERT_EQ(resets.size(), 1u);
  EXPECT_EQ(resets[0].number(), 8u) << "CANCEL";
  EXPECT_TRUE(stream->closed());
  EXPECT_TRUE(stream->gone());
}

TEST_F(SessionTest, AnAnswerCanBeAbandonedUntilItIsFlushed) {
  Http2Stream* const stream = Request(1);
  AnswerHead head;
  head.status = 200;
  head.length = 10;
  stream->Start(head);
  ASSERT_TRUE(stream->Append("half"));
  EXPECT_GT(stream->pending(), 0u);
  EXPECT_FALSE(stream->Finish({})) << "it is too short";
  EXPECT_TRUE(stream->Abandon());
  EXPECT_EQ(session_->unsent(), 0u);
  head.length = 3;
  stream->Start(head);
  EXPECT_FALSE(stream->Append("four")) << "it is too long";
  ASSERT_TRUE(stream->Append("two"));
  owner_.Flush(stream);
  EXPECT_FALSE(stream->Abandon());
  ASSERT_TRUE(stream->Finish({}));
  owner_.Flush(stream);
  EXPECT_EQ(OfType(Pump(), 0)[0].payload, "two");
}

TEST_F(SessionTest, WhatIsNotFinishedIsReset) {
  Http2Stream* const silent = Request(1);
  silent->AnswerOver();
  Http2Stream* const half = Request(3);
  AnswerHead head;
  head.status = 200;
  half->Start(head);
  ASSERT_TRUE(half->Append("half"));
  owner_.Flush(half);
  half->AnswerOver();
  const auto resets = OfType(Pump(), 3);
  ASSERT_EQ(resets.size(), 2u);
  EXPECT_EQ(resets[0].number(), 2u) << "INTERNAL_ERROR";
  EXPECT_TRUE(half->gone());
}

TEST_F(SessionTest, AMalformedRequestIsResetAndTold) {
  Pairs bad = kGet;
  bad.push_back({"connection", "close"});
  Http2Stream* const stream = Request(1, bad);
  ASSERT_NE(stream, nullptr) << "for the log";
  EXPECT_EQ(stream->verdict.kind, HeadVerdict::Kind::kMalformed);
  EXPECT_EQ(OfType(Pump(), 3)[0].number(), 1u) << "PROTOCOL_ERROR";
  EXPECT_TRUE(stream->gone());
}

TEST_F(SessionTest, ADrainTellsTheClientFirst) {
  Http2Stream* const before = Request(1);
  session_->WindUp(/*at_once=*/false);
  auto frames = Pump();
  ASSERT_EQ(OfType(frames, 7).size(), 1u);
  EXPECT_EQ(OfType(frames, 7)[0].number(), 0x7fffffffu);
  ASSERT_EQ(OfType(frames, 6).size(), 1u);
  Http2Stream* const under_way = Request(3);
  ASSERT_NE(under_way, nullptr) << "it was begun before the client heard";
  EXPECT_TRUE(session_->Feed(MakeFrame(6, 1, 0, OfType(frames, 6)[0].payload)));
  frames = Pump();
  ASSERT_EQ(OfType(frames, 7).size(), 1u);
  EXPECT_EQ(OfType(frames, 7)[0].number(), 3u);
  EXPECT_EQ(Request(5), nullptr);
  EXPECT_FALSE(session_->done());
  owner_.Answer(before, "1");
  owner_.Answer(under_way, "3");
  EXPECT_EQ(OfType(Pump(), 0).size(), 2u);
  EXPECT_TRUE(session_->done());
  EXPECT_TRUE(session_->failure().empty());
}

TEST_F(SessionTest, ADrainDoesNotWaitForAnAnswerToItsPing) {
  session_->WindUp(/*at_once=*/false);
  (void)Pump();
  session_->Sweep();
  EXPECT_TRUE(OfType(Pump(), 7).empty());
  EXPECT_FALSE(session_->sweep_by().is_never());
  Pass(absl::Milliseconds(1100));
  session_->Sweep();
  EXPECT_EQ(OfType(Pump(), 7)[0].number(), 0u) << "no stream was begun";
  EXPECT_TRUE(session_->done());
}

TEST_F(SessionTest, WhoIsSeveredIsTakenNothingMoreFrom) {
  (void)Request(1);
  session_->WindUp(/*at_once=*/true);
  const auto frames = Pump();
  EXPECT_EQ(OfType(frames, 7)[0].number(), 1u);
  EXPECT_EQ(Request(3), nullptr);
}

TEST_F(SessionTest, StreamsThatDoNotGetOnAreReset) {
  Http2Stream* const stuck = Request(1);
  Http2Stream* const slow = Request(3);
  for (Http2Stream* const stream : {stuck, slow}) {
    AnswerHead head;
    head.status = 200;
    stream->Start(head);
    ASSERT_TRUE(stream->Append(std::string(60'000, 'x')));
    owner_.Flush(stream);
  }
  (void)Pump();  // the connection's window is used up
  Pass(settings_.write_idle - absl::Milliseconds(100));
  session_->Sweep();
  EXPECT_TRUE(OfType(Pump(), 3).empty());
  EXPECT_TRUE(session_->Feed(MakeFrame(8, 0, 0, Number(2000))));
  const auto data = OfType(Pump(), 0);
  ASSERT_EQ(data.size(), 2u)
      << "the last byte of the turn that the window cut short, then the other's turn";
  EXPECT_EQ(data[0].payload.size(), 1u);
  Pass(absl::Milliseconds(200));
  session_->Sweep();
  const auto resets = OfType(Pump(), 3);
  ASSERT_EQ(resets.size(), 1u) << "the other one got on";
  EXPECT_EQ(resets[0].stream, data[0].stream);
  EXPECT_EQ(resets[0].number(), 8u) << "CANCEL";
}

TEST_F(SessionTest, ByteByByteIsNotGettingOn) {
  Http2Stream* const stream = Request(1);
  AnswerHead head;
  head.status = 200;
  stream->Start(head);
  ASSERT_TRUE(stream->Append(std::string(80'000, 'x')));
  owner_.Flush(stream);
  (void)Pump();
  EXPECT_TRUE(session_->Feed(MakeFrame(8, 0, 1, Number(1 << 20))));
  for (int i = 0; i < 10; ++i) {
    Pass(settings_.write_idle / 5);
    EXPECT_TRUE(session_->Feed(MakeFrame(8, 0, 0, Number(1))));
    const auto frames = Pump();
    session_->Sweep();
    (void)Pump();
  }
  EXPECT_TRUE(stream->gone());
}

TEST_F(SessionTest, AHeadMustEndInTime) {
  EXPECT_TRUE(session_->Feed(MakeFrame(1, kEndStream, 1, Encode(kGet))));
  EXPECT_FALSE(session_->sweep_by().is_never());
  Pass(settings_.head_time + absl::Milliseconds(1));
  session_->Sweep();
  EXPECT_EQ(session_->failure(), "slow_head");
  EXPECT_TRUE(session_->sweep_by().is_never()) << "said once";
  EXPECT_EQ(OfType(Pump(), 7)[0].number(4), 11u) << "ENHANCE_YOUR_CALM";
}

TEST_F(SessionTest, OneNuisanceTooMany) {
  const std::string ping = MakeFrame(6, 0, 0, "12345678");
  int taken = 0;
  while (taken < 10'000 && session_->Feed(ping)) {
    ++taken;
    (void)Pump();
  }
  EXPECT_LT(taken, 1'000);
  EXPECT_EQ(session_->failure(), "ping_flood");
  const auto goaways = OfType(Pump(), 7);
  ASSERT_EQ(goaways.size(), 1u);
  EXPECT_EQ(goaways[0].number(4), 11u);
  EXPECT_FALSE(session_->Feed(ping));
}

TEST_F(SessionTest, FramesOnClosedStreamsAreJudgedByHowTheyEnded) {
  owner_.Answer(Request(1), "whole");
  (void)Pump();
  Http2Stream* const taken_back = Request(3, kPost, /*end=*/false);
  EXPECT_TRUE(session_->Feed(MakeFrame(3, 0, 3, Number(8))));
  EXPECT_TRUE(taken_back->gone());
  EXPECT_TRUE(session_->Feed(MakeFrame(0, 0, 3, "late")));
  EXPECT_EQ(OfType(Pump(), 3)[0].number(), 5u) << "STREAM_CLOSED";
  EXPECT_FALSE(session_->Feed(MakeFrame(0, 0, 1, "late")));
  EXPECT_EQ(session_->failure(), "STREAM_CLOSED");
}

TEST_F(SessionTest, AStreamThatWasTakenBackIsSaidToBeClosedOnce) {
  (void)Request(1, kPost, /*end=*/false);
  EXPECT_TRUE(session_->Feed(MakeFrame(3, 0, 1, Number(8))));
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(session_->Feed(MakeFrame(0, kEndStream, 1)));
  EXPECT_EQ(OfType(Pump(), 3).size(), 1u);
}

// Nothing is spent before it is sent, and nothing is sent to who does not read.
TEST_F(SessionTest, WhatWaitsForAClientThatDoesNotReadHasAnEnd) {
  session_ = Http2Session::Create(settings_, loop_, owner_);
  EXPECT_TRUE(session_->Feed(std::string(testing::kPreface) +
                             MakeFrame(4, 0, 0)));  // ours are never acknowledged
  for (uint32_t id = 1; id <= 7; id += 2) (void)Request(id, kPost, /*end=*/false);
  uint32_t id = 9;
  const std::string one_too_many = Encode(kGet);
  while (id < 10'000 && session_->Feed(MakeFrame(1, kEndHeaders | kEndStream, id, one_too_many)))
    id += 2;
  EXPECT_EQ(session_->failure(), "outbound_flood");
  EXPECT_LT(id, 9 + 2 * (1000 + 4 * 4 + 10));
  EXPECT_GT(id, 9 + 2 * 500) << "who reads late is no flood";
}

}  // namespace
}  // namespace sallyport::dataplane
