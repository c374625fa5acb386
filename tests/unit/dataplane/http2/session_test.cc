#include "dataplane/http2/session.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fakes/manual_clock.h"
#include "tests/unit/dataplane/http2/peer_for_tests.h"

namespace sallyport::dataplane {
namespace {

using testing::Encode;
using testing::Frames;
using testing::GotFrame;
using testing::MakeFrame;
using testing::Number;
using testing::Owner;
using testing::Pairs;

const Pairs kGet = {
    {":method", "GET"}, {":scheme", "https"}, {":authority", "a.test"}, {":path", "/"}};
const Pairs kPost = {
    {":method", "POST"}, {":scheme", "https"}, {":authority", "a.test"}, {":path", "/"}};
constexpr uint8_t kEndHeaders = 4;
constexpr uint8_t kEndStream = 1;

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    settings_.max_concurrent_streams = 4;
    clock_.Advance(absl::Hours(1));
    loop_.RefreshNow();
    Restart();
  }
  ~SessionTest() override {
    session_->Abort();
    owner_.Settle();
    EXPECT_EQ(session_->unsent(), 0u);
    EXPECT_EQ(session_->open_streams(), 0u);
  }

  void Restart() {
    session_ = Http2Session::Create(settings_, loop_, owner_);
    ASSERT_NE(session_, nullptr);
    EXPECT_TRUE(session_->Feed(std::string(testing::kPreface) + MakeFrame(4, 0, 0)));
    (void)Pump();
    EXPECT_TRUE(session_->Feed(MakeFrame(4, 1, 0)));
  }
  std::vector<GotFrame> Pump(size_t most = 1 << 20) {
    std::string out;
    session_->Pump(&out, most);
    owner_.Settle();
    return Frames(out);
  }
  Http2Stream* Request(uint32_t id, const Pairs& fields = kGet, bool end = true) {
    const size_t before = owner_.requests.size();
    EXPECT_TRUE(
        session_->Feed(MakeFrame(1, kEndHeaders | (end ? kEndStream : 0), id, Encode(fields))));
    return owner_.requests.size() > before ? owner_.requests.back() : nullptr;
  }
  static std::vector<GotFrame> OfType(const std::vector<GotFrame>& frames, uint8_t type) {
    std::vector<GotFrame> found;
    std::copy_if(frames.begin(), frames.end(), std::back_inserter(found),
                 [type](const GotFrame& frame) { return frame.type == type; });
    return found;
  }
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    loop_.RefreshNow();
  }

  base::ManualClock clock_;
  Loop loop_{0, clock_};
  Http2Settings settings_;
  Owner owner_{loop_, 4};
  std::unique_ptr<Http2Session> session_;
};

TEST_F(SessionTest, ASmallAnswerIsTwoFramesOfOneWrite) {
  Http2Stream* const stream = Request(1);
  ASSERT_NE(stream, nullptr);
  owner_.Answer(stream, "hello");
  const auto frames = Pump();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].type, 1);
  EXPECT_EQ(frames[1].type, 0);
  EXPECT_EQ(frames[1].payload, "hello");
  EXPECT_EQ(frames[1].flags, kEndStream);
  EXPECT_TRUE(stream->closed());
  EXPECT_FALSE(stream->gone());
  EXPECT_EQ(owner_.closed, std::vector<Http2Stream*>{stream});
}

TEST_F(SessionTest, AnAnswerWithoutBodyIsOneFrame) {
  Http2Stream* const stream = Request(1);
  AnswerHead head;
  head.status = 304;
  head.has_body = false;
  stream->Start(head);
  EXPECT_TRUE(stream->Finish({}));
  owner_.Flush(stream);
  const auto frames = Pump();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].flags, kEndHeaders | kEndStream);
  EXPECT_TRUE(stream->closed());
}

TEST_F(SessionTest, TrailersAreTheEnd) {
  Http2Stream* const stream = Request(1);
  owner_.Answer(stream, "data", {{"Grpc-Status", "0"}});
  const auto frames = Pump();
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[1].flags, 0);
  EXPECT_EQ(frames[2].type, 1);
  EXPECT_EQ(frames[2].flags, kEndHeaders | kEndStream);
}

TEST_F(SessionTest, AnswersTakeTurns) {
  const std::string large(100'000, 'x');
  for (uint32_t id = 1; id <= 5; id += 2) {
    Http2Stream* const stream = Request(id);
    AnswerHead head;
    head.status = 200;
    stream->Start(head);
    ASSERT_TRUE(stream->Append(large));
    ASSERT_TRUE(stream->Finish({}));
    owner_.Flush(stream);
  }
  EXPECT_TRUE(session_->Feed(MakeFrame(8, 0, 0, Number(1 << 24))));
  for (uint32_t id = 1; id <= 5; id += 2)
    EXPECT_TRUE(session_->Feed(MakeFrame(8, 0, id, Number(1 << 24))));
  std::vector<uint32_t> order;
  for (int i = 0; i < 20; ++i) {
    for (const GotFrame& frame : OfType(Pump(1), 0)) order.push_back(frame.stream);
  }
  ASSERT_GE(order.size(), 12u);
  for (size_t i = 3; i < 12; ++i) EXPECT_NE(order[i], order[i - 1]) << i;
  for (const uint32_t id : {1u, 3u, 5u}) {
    EXPECT_GE(std::count(order.begin(), order.begin() + 12, id), 3) << id;
  }
}

TEST_F(SessionTest, AShutWindowSkipsNobodysTurn) {
  for (uint32_t id = 1; id <= 7; id += 2) {
    Http2Stream* const stream = Request(id);
    AnswerHead head;
    head.status = 200;
    stream->Start(head);
    ASSERT_TRUE(stream->Append(std::string(60'000, 'x')));
    owner_.Flush(stream);
  }
  std::map<uint32_t, size_t> got;
  for (int i = 0; i < 12; ++i) {  // a window as small as a turn, opened again and again
    for (const GotFrame& frame : OfType(Pump(), 0)) got[frame.stream] += frame.payload.size();
    EXPECT_TRUE(session_->Feed(MakeFrame(8, 0, 0, Number(8'000))));
  }
  EXPECT_EQ(got.size(), 4u) << "all get on";
  for (const auto& [stream, bytes] : got) EXPECT_GE(bytes, 32'000u) << stream;
}

TEST_F(SessionTest, PumpStopsWhereItIsTold) {
  Http2Stream* const stream = Request(1);
  owner_.Answer(stream, std::string(60'000, 'x'));
  std::string out;
  session_->Pump(&out, 20'000);
  EXPECT_LT(out.size(), 20'000u + 17'000u);
  EXPECT_EQ(owner_.flushing, 1) << "more than a little of it waits";
  session_->Pump(&out, 1 << 20);
  owner_.Settle();
  EXPECT_EQ(owner_.flushing, 0);
}

TEST_F(SessionTest, TheWindowComesBackWhenTheUpstreamHasTheBytes) {
  Http2Stream* const stream = Request(1, kPost, /*end=*/false);
  const std::string piece(16'384, 'x');
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(session_->Feed(MakeFrame(0, 0, 1, piece)));
  EXPECT_TRUE(OfType(Pump(), 8).empty());
  EXPECT_EQ(stream->TryNext().data.size(), 8 * piece.size());
  EXPECT_EQ(stream->TryNext().kind, BodyPiece::Kind::kWant);
  EXPECT_TRUE(OfType(Pump(), 8).empty()) << "it was only read";
  stream->Taken();
  const auto updates = OfType(Pump(), 8);
  ASSERT_FALSE(updates.empty());
  EXPECT_EQ(updates.back().number(), 8 * piece.size());
}

TEST_F(SessionTest, WhatAResetLeftUnreadIsReturnedToTheConnection) {
  settings_.connection_window = 65'535;
  Restart();
  const std::string piece(16'000, 'x');
  for (uint32_t id = 1; id < 60; id += 2) {
    Http2Stream* const stream = Request(id, kPost, /*end=*/false);
    ASSERT_NE(stream, nullptr) << id;
    EXPECT_TRUE(session_->Feed(MakeFrame(0, 0, id, piece)));
    EXPECT_TRUE(session_->Feed(MakeFrame(3, 0, id, Number(8))));
    EXPECT_TRUE(stream->gone());
    owner_.GiveBack(stream);
    (void)Pump();
  }
  EXPECT_TRUE(session_->failure().empty()) << "the window never ran out";
}

TEST_F(SessionTest, ABodyThatIsNotWantedIsStoppedBehindTheAnswer) {
  Http2Stream* const stream = Request(1, kPost, /*end=*/false);
  owner_.Answer(stream, "no");
  const auto frames = Pump();
  ASSERT_EQ(OfType(frames, 3).size(), 1u);
  EXPECT_EQ(OfType(frames, 3)[0].number(), 0u) << "NO_ERROR";
  EXPECT_EQ(frames.back().type, 3) << "behind the answer";
  EXPECT_FALSE(stream->gone());
  EXPECT_TRUE(session_->Feed(MakeFrame(0, 0, 1, "late"))) << "it was under way";
  EXPECT_EQ(stream->TryNext().kind, BodyPiece::Kind::kIo);
}

TEST_F(SessionTest, NoStreamIsLentTwice) {
  std::vector<Http2Stream*> lent;
  for (uint32_t id = 1; id <= 7; id += 2) {
    lent.push_back(Request(id));
    EXPECT_TRUE(session_->Feed(MakeFrame(3, 0, id, Number(8))));
  }
  EXPECT_EQ(Request(9), nullptr) << "the exchanges of the first four are not over";
  EXPECT_EQ(OfType(Pump(), 3).back().number(), 7u) << "REFUSED_STREAM";
  owner_.GiveBack(lent[0]);
  EXPECT_EQ(Request(11), lent[0]);
}

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

TEST_F(SessionTest, AStreamThatWasSkippedIsNoneAnyMore) {
  (void)Request(7);
  EXPECT_FALSE(session_->Feed(MakeFrame(1, kEndHeaders | kEndStream, 5, Encode(kGet))));
  EXPECT_EQ(OfType(Pump(), 7)[0].number(4), 1u) << "PROTOCOL_ERROR";
}

TEST_F(SessionTest, TheUpstreamHasNotAllBeforeTheEnd) {
  Pairs with_length = kPost;
  with_length.push_back({"content-length", "5"});
  Http2Stream* const good = Request(1, with_length, /*end=*/false);
  EXPECT_TRUE(session_->Feed(MakeFrame(0, 0, 1, "12345")));
  EXPECT_EQ(good->TryNext().data, "1234");
  EXPECT_EQ(good->TryNext().kind, BodyPiece::Kind::kWant);
  EXPECT_TRUE(session_->Feed(MakeFrame(0, kEndStream, 1)));
  EXPECT_EQ(good->TryNext().data, "5");
  EXPECT_EQ(good->TryNext().kind, BodyPiece::Kind::kEnd);
  Http2Stream* const bad = Request(3, with_length, /*end=*/false);
  EXPECT_TRUE(session_->Feed(MakeFrame(0, 0, 3, "12345")));
  EXPECT_EQ(bad->TryNext().data, "1234");
  EXPECT_TRUE(session_->Feed(MakeFrame(0, kEndStream, 3, "6")));
  EXPECT_EQ(bad->TryNext().kind, BodyPiece::Kind::kMalformed);
}

TEST_F(SessionTest, NothingIsSaidAndSomethingComes) {
  Pairs with_length = kPost;
  with_length.push_back({"content-length", "0"});
  Http2Stream* const bad = Request(1, with_length, /*end=*/false);
  EXPECT_EQ(bad->TryNext().kind, BodyPiece::Kind::kWant) << "it is not over";
  EXPECT_TRUE(session_->Feed(MakeFrame(0, kEndStream, 1, "x")));
  EXPECT_EQ(bad->TryNext().kind, BodyPiece::Kind::kMalformed);
  Http2Stream* const good = Request(3, with_length, /*end=*/false);
  EXPECT_TRUE(session_->Feed(MakeFrame(0, kEndStream, 3)));
  EXPECT_EQ(good->TryNext().kind, BodyPiece::Kind::kEnd);
}

TEST_F(SessionTest, ALimitOfTheBodyHolds) {
  Http2Stream* const stream = Request(1, kPost, /*end=*/false);
  stream->LimitBody(5);
  EXPECT_TRUE(session_->Feed(MakeFrame(0, 0, 1, "12345")));
  EXPECT_EQ(stream->TryNext().kind, BodyPiece::Kind::kData);
  EXPECT_TRUE(session_->Feed(MakeFrame(0, kEndStream, 1, "6")));
  EXPECT_EQ(stream->TryNext().kind, BodyPiece::Kind::kTooLarge);
}

TEST_F(SessionTest, TrailersOfTheRequest) {
  Http2Stream* const stream = Request(1, kPost, /*end=*/false);
  EXPECT_TRUE(session_->Feed(MakeFrame(0, 0, 1, "body")));
  EXPECT_TRUE(session_->Feed(
      MakeFrame(1, kEndHeaders | kEndStream, 1, Encode({{"x-sum", "1"}, {"host", "evil"}}))));
  EXPECT_EQ(stream->TryNext().data, "body");
  EXPECT_EQ(stream->TryNext().kind, BodyPiece::Kind::kEnd);
  ASSERT_EQ(stream->trailers().size(), 1u);
  EXPECT_EQ(stream->trailers()[0].name, "x-sum");
}

}  // namespace
}  // namespace sallyport::dataplane
