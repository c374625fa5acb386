#include "dataplane/http2/session.h"

#include "tests/unit/dataplane/http2/session_world.h"

namespace sallyport::dataplane {
namespace {

using testing::Encode;
using testing::GotFrame;
using testing::MakeFrame;
using testing::Number;
using testing::Pairs;
using testing::SessionTest;

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

TEST_F(SessionTest, ABodyThatIsNotWantedIsStoppedOnceTheAnswerWasRead) {
  Http2Stream* const stream = Request(1, kPost, /*end=*/false);
  owner_.Answer(stream, "no");
  const auto frames = Pump();
  EXPECT_TRUE(OfType(frames, 3).empty()) << "a client that reads both at once may lose the answer";
  ASSERT_EQ(frames.back().type, 6) << "a PING behind the answer";
  EXPECT_TRUE(session_->Feed(MakeFrame(0, 0, 1, std::string(16'000, 'x')))) << "it was under way";
  EXPECT_EQ(stream->TryNext().kind, BodyPiece::Kind::kIo) << "nobody reads it";
  EXPECT_TRUE(OfType(Pump(), 8).empty()) << "nor asks for more";
  EXPECT_TRUE(session_->Feed(MakeFrame(6, 1, 0, "another8")));
  EXPECT_TRUE(Pump().empty());
  EXPECT_TRUE(session_->Feed(MakeFrame(6, 1, 0, frames.back().payload)));
  const auto resets = OfType(Pump(), 3);
  ASSERT_EQ(resets.size(), 1u);
  EXPECT_EQ(resets[0].number(), 0u) << "NO_ERROR";
  EXPECT_TRUE(stream->closed());
  EXPECT_FALSE(stream->gone());
  EXPECT_TRUE(session_->Feed(MakeFrame(0, 0, 1, "late"))) << "it was under way";
  EXPECT_TRUE(session_->failure().empty());
}

TEST_F(SessionTest, ABodyThatEndsByItselfIsNotStopped) {
  Http2Stream* const stream = Request(1, kPost, /*end=*/false);
  owner_.Answer(stream, "no");
  const std::string ping = Pump().back().payload;
  EXPECT_TRUE(session_->Feed(MakeFrame(0, kEndStream, 1, "the rest")));
  EXPECT_TRUE(stream->closed());
  EXPECT_TRUE(session_->Feed(MakeFrame(6, 1, 0, ping)));
  EXPECT_TRUE(OfType(Pump(), 3).empty());
  EXPECT_FALSE(session_->Feed(MakeFrame(0, 0, 1, "late"))) << "it has ended as a whole";
}

// The upstream would take it for the whole.
TEST_F(SessionTest, ABodyOfWhichSomethingWasDroppedHasNoEnd) {
  Http2Stream* const stream = Request(1, kPost, /*end=*/false);
  owner_.Answer(stream, "no");
  (void)Pump();
  EXPECT_TRUE(session_->Feed(MakeFrame(0, 0, 1, "dropped")));
  EXPECT_TRUE(session_->Feed(MakeFrame(0, kEndStream, 1, "")));
  EXPECT_EQ(stream->TryNext().kind, BodyPiece::Kind::kIo);
}

TEST_F(SessionTest, WhatWasDroppedIsNoMatterOfTheNextRequest) {
  Http2Stream* const first = Request(1, kPost, /*end=*/false);
  owner_.Answer(first, "no");
  (void)Pump();
  EXPECT_TRUE(session_->Feed(MakeFrame(0, kEndStream, 1, "dropped")));
  EXPECT_TRUE(first->closed());
  owner_.GiveBack(first);
  Http2Stream* const next = Request(3, kPost, /*end=*/false);
  ASSERT_EQ(next, first) << "a stream's object serves the next one";
  EXPECT_EQ(next->TryNext().kind, BodyPiece::Kind::kWant) << "its body is still to come";
  EXPECT_TRUE(session_->Feed(MakeFrame(0, kEndStream, 3, "all")));
  EXPECT_EQ(next->TryNext().data, "all");
  EXPECT_EQ(next->TryNext().kind, BodyPiece::Kind::kEnd);
}

TEST_F(SessionTest, WhatIsDroppedIsReturnedToTheConnectionAtOnce) {
  settings_.connection_window = 65'535;
  Restart();
  const std::string piece(16'000, 'x');
  owner_.Answer(Request(1, kPost, /*end=*/false), "no");
  (void)Pump();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(session_->Feed(MakeFrame(0, 0, 1, piece)));
  ASSERT_NE(Request(3, kPost, /*end=*/false), nullptr);
  (void)Pump();
  EXPECT_TRUE(session_->Feed(MakeFrame(0, 0, 3, piece)));
  EXPECT_TRUE(session_->failure().empty()) << "the window never ran out";
}

TEST_F(SessionTest, OnePingIsUnderWayForAllThatAreToBeStopped) {
  const auto answer = [this](uint32_t id) {
    owner_.Answer(Request(id, kPost, /*end=*/false), "no");
    return Pump();
  };
  const std::string ping = answer(1).back().payload;
  EXPECT_TRUE(OfType(answer(3), 6).empty());
  EXPECT_TRUE(session_->Feed(MakeFrame(6, 1, 0, ping)));
  auto frames = Pump();
  ASSERT_EQ(OfType(frames, 3).size(), 1u);
  EXPECT_EQ(OfType(frames, 3)[0].stream, 1u) << "the other was answered behind the first PING";
  ASSERT_EQ(OfType(frames, 6).size(), 1u);
  EXPECT_TRUE(session_->Feed(MakeFrame(6, 1, 0, ping)));
  frames = Pump();
  ASSERT_EQ(OfType(frames, 3).size(), 1u);
  EXPECT_EQ(OfType(frames, 3)[0].stream, 3u);
  EXPECT_TRUE(OfType(frames, 6).empty());
}

TEST_F(SessionTest, WhoAcknowledgesNothingIsStoppedAllTheSame) {
  Http2Stream* const stream = Request(1, kPost, /*end=*/false);
  owner_.Answer(stream, "no");
  (void)Pump();
  EXPECT_FALSE(session_->sweep_by().is_never());
  Pass(absl::Milliseconds(1100));
  session_->Sweep();
  EXPECT_EQ(OfType(Pump(), 3).size(), 1u);
  EXPECT_TRUE(stream->closed());
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
