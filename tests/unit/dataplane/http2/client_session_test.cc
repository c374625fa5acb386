#include "dataplane/http2/client_session.h"

#include <gtest/gtest.h>

#include "tests/unit/dataplane/http2/client_session_world.h"

namespace sallyport::dataplane {
namespace {

using testing::ClientSessionTest;
using testing::Frames;
using testing::GotFrame;
using testing::MakeFrame;
using testing::Number;

TEST_F(ClientSessionTest, WhatAnUpstreamIsTold) {
  session_ = Http2ClientSession::Create(settings_, loop_, work_);
  std::string out;
  session_->Pump(&out, 1 << 20);
  ASSERT_EQ(out.substr(0, 24), testing::kPreface);
  const auto frames = Frames(absl::string_view(out).substr(24));
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].type, kSettings);
  const std::string wanted = std::string("\0\2\0\0\0\0", 6) + std::string("\0\4\0\2\0\0", 6) +
                             std::string("\0\6\0\1\0\0", 6);
  EXPECT_EQ(frames[0].payload, wanted) << "no push, a window, a header list's size";
  EXPECT_EQ(frames[1].type, kWindowUpdate);
  EXPECT_EQ(frames[1].stream, 0u);
}

TEST_F(ClientSessionTest, ARequestAndItsAnswer) {
  OutgoingHead head = Get();
  head.fields = {{"X-One", " padded "}, {"X-Two", "2"}};
  head.accepts_trailers = true;
  auto stream = Begin(head);
  const auto frames = Pump();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].type, kHeaders);
  EXPECT_EQ(frames[0].flags, kEndHeaders | kEndStream);
  EXPECT_TRUE(stream->sent());
  EXPECT_EQ(stream->NextHead(), nullptr);
  EXPECT_TRUE(
      Head(1, {{":status", "200"}, {"content-type", "text/plain"}, {"content-length", "5"}}));
  const ResponseHead* const answer = stream->NextHead();
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->content_length, 5u);
  EXPECT_EQ(FindField(answer->fields, "content-type")->value, "text/plain");
  EXPECT_TRUE(session_->Feed(MakeFrame(kData, 0, 1, "he")));
  EXPECT_EQ(Body(*stream), "he");
  EXPECT_EQ(stream->end().kind, EndKind::kOpen);
  EXPECT_TRUE(session_->Feed(MakeFrame(kData, kEndStream, 1, "llo")));
  EXPECT_EQ(Body(*stream), "llo");
  EXPECT_EQ(stream->TryNext().kind, BodyPiece::Kind::kEnd);
  EXPECT_EQ(stream->end().kind, EndKind::kWhole);
  EXPECT_EQ(session_->open_streams(), 0u);
}

TEST_F(ClientSessionTest, FieldsGoOutInLowerCaseTrimmedAndWithoutControlCharacters) {
  OutgoingHead head = Post();
  head.length = 3;
  head.expect_continue = true;
  const std::string odd = "a\nb";
  head.fields = {{"X-One", " padded "}, {"X-Odd", odd}};
  FieldBlock block;
  block.Request(head);
  std::string text;
  for (size_t i = 0; i < block.size(); ++i) {
    const nghttp2_nv& field = block.data()[i];
    text.append(reinterpret_cast<const char*>(field.name), field.namelen).append("=");
    text.append(reinterpret_cast<const char*>(field.value), field.valuelen).append("|");
  }
  EXPECT_EQ(text,
            ":method=POST|:scheme=https|:authority=origin.test|:path=/x?y|x-one=padded|x-odd=a?b|"
            "expect=100-continue|content-length=3|");
}

TEST_F(ClientSessionTest, WhatSaysSomethingOfACallerGoesIntoNoTable) {
  OutgoingHead head = Get();
  head.fields = {
      {"Authorization", "secret"}, {"Cookie", "a=1"}, {"X-Api-Key", "k"}, {"User-Agent", "curl"}};
  FieldBlock block;
  block.Request(head);
  for (size_t i = 0; i < block.size(); ++i) {
    const nghttp2_nv& field = block.data()[i];
    const std::string name(reinterpret_cast<const char*>(field.name), field.namelen);
    const bool shared =
        name == ":method" || name == ":scheme" || name == ":authority" || name == "user-agent";
    EXPECT_EQ((field.flags & NGHTTP2_NV_FLAG_NO_INDEX) == 0, shared) << name;
  }
}

TEST_F(ClientSessionTest, ABodyWithTrailersGoesOutAsTheWindowAllows) {
  auto stream = Begin(Post());
  ASSERT_TRUE(stream->Append(std::string(100'000, 'x')));
  const auto first = OfType(Pump(), kData);
  size_t sent = 0;
  for (const GotFrame& frame : first) sent += frame.payload.size();
  EXPECT_EQ(sent, 65'535u) << "the window";
  EXPECT_EQ(stream->pending(), 100'000u - 65'535u);
  EXPECT_TRUE(session_->Feed(MakeFrame(kWindowUpdate, 0, 0, Number(100'000)) +
                             MakeFrame(kWindowUpdate, 0, 1, Number(100'000))));
  ASSERT_TRUE(stream->Finish({{"X-Sum", "1"}}));
  const auto frames = Pump();
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back().type, kHeaders) << "trailers";
  EXPECT_EQ(frames.back().flags, kEndHeaders | kEndStream);
  EXPECT_EQ(stream->pending(), 0u);
}

TEST_F(ClientSessionTest, ALengthThatWasSaidIsKept) {
  OutgoingHead head = Post();
  head.length = 3;
  auto stream = Begin(head);
  EXPECT_TRUE(stream->Append("ab"));
  EXPECT_FALSE(stream->Finish({}));
  EXPECT_FALSE(stream->Append("cd"));
  EXPECT_TRUE(stream->Append("c"));
  EXPECT_TRUE(stream->Finish({}));
}

TEST_F(ClientSessionTest, TheWindowOfAStreamIsReturnedWhenTheClientHasTakenIt) {
  auto stream = Sent(Get());
  EXPECT_TRUE(Head(1, kOk));
  const std::string piece(16'384, 'x');
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(session_->Feed(MakeFrame(kData, 0, 1, piece)));
  EXPECT_TRUE(OfType(Pump(), kWindowUpdate).empty()) << "nothing was taken";
  EXPECT_EQ(Body(*stream).size(), 8 * piece.size());
  EXPECT_TRUE(OfType(Pump(), kWindowUpdate).empty()) << "taken, and not there yet";
  stream->Taken();
  const auto updates = OfType(Pump(), kWindowUpdate);
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0].stream, 1u);
  EXPECT_EQ(updates[0].number(), 8 * piece.size());
}

TEST_F(ClientSessionTest, MoreThanTheWindowEndsTheConnection) {
  auto stream = Sent(Get());
  EXPECT_TRUE(Head(1, kOk));
  std::string frames;
  for (int i = 0; i < 9; ++i) frames += MakeFrame(kData, 0, 1, std::string(16'384, 'x'));
  (void)session_->Feed(frames);
  (void)Pump();
  EXPECT_NE(stream->end().kind, EndKind::kOpen);
}

// A client that does not read holds up nobody else's answer: the connection's window is given back
// at once.
TEST_F(ClientSessionTest, ASlowClientDoesNotShutTheConnectionsWindow) {
  std::vector<std::unique_ptr<Http2ClientStream>> streams;
  for (int i = 0; i < 64; ++i) streams.push_back(Sent(Get()));
  uint64_t returned = 0;
  for (uint32_t i = 0; i < 64; ++i) {
    EXPECT_TRUE(Head(2 * i + 1, kOk));
    for (int n = 0; n < 8; ++n)
      EXPECT_TRUE(session_->Feed(MakeFrame(kData, 0, 2 * i + 1, std::string(16'384, 'x'))));
    for (const GotFrame& update : OfType(Pump(), kWindowUpdate)) {
      EXPECT_EQ(update.stream, 0u);
      returned += update.number();
    }
  }
  EXPECT_GE(returned, uint64_t{64} * 8 * 16'384 - (4u << 20));
  EXPECT_EQ(session_->failure(), "");
}

TEST_F(ClientSessionTest, InterimAnswersComeFirst) {
  auto stream = Sent(Get());
  EXPECT_TRUE(Head(1, {{":status", "103"}, {"link", "</a>"}}));
  EXPECT_TRUE(Head(1, {{":status", "100"}}));
  EXPECT_TRUE(Head(1, {{":status", "204"}}, kEndStream));
  EXPECT_EQ(stream->NextHead()->status, 103);
  EXPECT_EQ(stream->NextHead()->status, 100);
  EXPECT_EQ(stream->NextHead()->status, 204);
  EXPECT_EQ(stream->NextHead(), nullptr);
}

TEST_F(ClientSessionTest, TrailersThatMayPassDo) {
  auto stream = Sent(Get());
  EXPECT_TRUE(Head(1, kOk));
  EXPECT_TRUE(Head(1, {{"grpc-status", "0"}, {"content-length", "5"}, {"x-forwarded-for", "1"}},
                   kEndStream));
  EXPECT_EQ(stream->TryNext().kind, BodyPiece::Kind::kEnd);
  ASSERT_EQ(stream->trailers().size(), 1u);
  EXPECT_EQ(stream->trailers()[0].name, "grpc-status");
}

TEST_F(ClientSessionTest, RefusedMeansThatNothingWasDone) {
  auto stream = Sent(Get());
  EXPECT_TRUE(session_->Feed(MakeFrame(kRst, 0, 1, Number(NGHTTP2_REFUSED_STREAM))));
  EXPECT_EQ(stream->end().kind, EndKind::kRefused);
  auto answered = Sent(Get());
  EXPECT_TRUE(Head(3, kOk));
  EXPECT_TRUE(session_->Feed(MakeFrame(kRst, 0, 3, Number(NGHTTP2_REFUSED_STREAM))));
  EXPECT_EQ(answered->end().kind, EndKind::kReset) << "it had begun to answer";
  EXPECT_EQ(answered->end().code, uint32_t{NGHTTP2_REFUSED_STREAM});
}

TEST_F(ClientSessionTest, AResetIsTold) {
  auto stream = Sent(Get());
  EXPECT_TRUE(session_->Feed(MakeFrame(kRst, 0, 1, Number(NGHTTP2_CANCEL))));
  EXPECT_EQ(stream->end().kind, EndKind::kReset);
  EXPECT_EQ(stream->end().code, uint32_t{NGHTTP2_CANCEL});
}

TEST_F(ClientSessionTest, StreamsBeyondAGoawayWereNotBegunAndTheOthersGoOn) {
  auto first = Sent(Get());
  auto second = Sent(Get());
  auto waiting = Begin(Get());
  EXPECT_FALSE(session_->going_away());
  EXPECT_TRUE(
      session_->Feed(MakeFrame(kGoaway, 0, 0, Number(1) + Number(NGHTTP2_NO_ERROR) + "bye")));
  EXPECT_EQ(second->end().kind, EndKind::kRefused);
  (void)Pump();
  EXPECT_EQ(waiting->end().kind, EndKind::kRefused);
  EXPECT_EQ(first->end().kind, EndKind::kOpen);
  EXPECT_TRUE(session_->going_away());
  Http2ClientStream late(loop_);
  EXPECT_FALSE(session_->Request(Get(), &late));
  EXPECT_EQ(session_->goaway(), "GOAWAY NO_ERROR \"bye\"");
  EXPECT_TRUE(Head(1, kOk, kEndStream));
  EXPECT_EQ(first->end().kind, EndKind::kWhole);
  EXPECT_TRUE(session_->done());
}

TEST_F(ClientSessionTest, WhatWasNeverSentCanBeSentElsewhere) {
  auto sent = Sent(Get());
  auto unsent = Begin(Get());
  session_->Abort();
  EXPECT_EQ(sent->end().kind, EndKind::kConnection);
  EXPECT_EQ(unsent->end().kind, EndKind::kRefused);
}

TEST_F(ClientSessionTest, AStreamThatIsGivenUpIsReset) {
  auto stream = Sent(Get());
  stream = nullptr;
  const auto resets = OfType(Pump(), kRst);
  ASSERT_EQ(resets.size(), 1u);
  EXPECT_EQ(resets[0].number(), uint32_t{NGHTTP2_CANCEL});
  EXPECT_TRUE(Head(1, kOk)) << "it may have been under way";
  EXPECT_TRUE(session_->Feed(MakeFrame(kData, kEndStream, 1, "late")));
  EXPECT_EQ(session_->failure(), "");
  auto never = Begin(Get());
  never = nullptr;
  EXPECT_TRUE(OfType(Pump(), kHeaders).empty()) << "never sent, and never will be";
}

TEST_F(ClientSessionTest, HeadsAreNoLargerThanTheUpstreamSays) {
  OutgoingHead head = Get();
  const std::string large(100'000, 'x');
  head.fields = {{"X-Large", large}};
  EXPECT_TRUE(session_->Fits(head)) << "it has said nothing";
  const auto says = [this](uint32_t bytes) {
    EXPECT_TRUE(session_->Feed(MakeFrame(kSettings, 0, 0, std::string("\0\6", 2) + Number(bytes))));
  };
  says(200'000);
  EXPECT_TRUE(session_->Fits(head));
  says(100'000);
  EXPECT_FALSE(session_->Fits(head)) << "names, and 32 for each, count";
  says(8'192);
  EXPECT_FALSE(session_->Fits(head));
  head.fields = {{"X-Small", "x"}};
  EXPECT_TRUE(session_->Fits(head));
  head.fields.assign(250, {"X", "y"});
  EXPECT_FALSE(session_->Fits(head));
  head.fields.clear();
  head.path = large;
  EXPECT_FALSE(session_->Fits(head));
}

TEST_F(ClientSessionTest, TheLimitIsTheSmallerOne) {
  EXPECT_EQ(session_->limit(), 100u) << "ours";
  EXPECT_TRUE(session_->Feed(MakeFrame(kSettings, 0, 0, std::string("\0\3", 2) + Number(7))));
  EXPECT_EQ(session_->limit(), 7u);
}

TEST_F(ClientSessionTest, AWholeAnswerToHalfARequestIsWhole) {
  auto stream = Begin(Post());
  ASSERT_TRUE(stream->Append("half"));
  (void)Pump();
  EXPECT_TRUE(Head(1, {{":status", "413"}}, kEndStream));
  EXPECT_TRUE(session_->Feed(MakeFrame(kRst, 0, 1, Number(NGHTTP2_NO_ERROR))));
  EXPECT_EQ(stream->NextHead()->status, 413);
  EXPECT_EQ(stream->TryNext().kind, BodyPiece::Kind::kEnd);
  EXPECT_EQ(stream->end().kind, EndKind::kWhole);
}

TEST_F(ClientSessionTest, WindingUpServesWhatIsUnderWay) {
  auto stream = Sent(Get());
  session_->WindUp();
  EXPECT_EQ(OfType(Pump(), kGoaway).size(), 1u);
  EXPECT_FALSE(session_->done());
  EXPECT_TRUE(session_->going_away());
  EXPECT_TRUE(Head(1, kOk, kEndStream));
  EXPECT_EQ(stream->end().kind, EndKind::kWhole);
  EXPECT_TRUE(session_->done());
}

TEST_F(ClientSessionTest, ABodyForAStreamThatIsOverIsToldOf) {
  auto stream = Sent(Post());
  EXPECT_FALSE(stream->over());
  ASSERT_TRUE(session_->Feed(MakeFrame(kRst, 0, 1, Number(NGHTTP2_CANCEL))));
  EXPECT_TRUE(stream->over());
  EXPECT_TRUE(stream->Append("dropped"));
  EXPECT_EQ(stream->pending(), 0u);
}

}  // namespace
}  // namespace sallyport::dataplane
