#include "dataplane/http2/client_session.h"

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
using testing::Pairs;
using EndKind = Http2End::Kind;

constexpr uint8_t kData = 0, kHeaders = 1, kRst = 3, kSettings = 4, kPushPromise = 5, kPing = 6,
                  kGoaway = 7, kWindowUpdate = 8, kContinuation = 9;
constexpr uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4;
const Pairs kOk = {{":status", "200"}};

struct Work final : Http2ClientEvents {
  void OnWork() override { ++count; }
  int count = 0;
};

class ClientSessionTest : public ::testing::Test {
 protected:
  ClientSessionTest() {
    clock_.Advance(absl::Hours(1));
    loop_.RefreshNow();
    Restart();
  }
  void Restart() {
    session_ = Http2ClientSession::Create(settings_, loop_, work_);
    ASSERT_NE(session_, nullptr);
    (void)Pump();
    EXPECT_TRUE(session_->Feed(MakeFrame(kSettings, 0, 0) + MakeFrame(kSettings, kAck, 0)));
    (void)Pump();
  }
  std::vector<GotFrame> Pump(size_t most = 1 << 20) {
    std::string out;
    session_->Pump(&out, most);
    constexpr absl::string_view kStart = testing::kPreface;
    if (absl::string_view(out).substr(0, kStart.size()) == kStart) out.erase(0, kStart.size());
    return Frames(out);
  }
  static std::vector<GotFrame> OfType(const std::vector<GotFrame>& frames, uint8_t type) {
    std::vector<GotFrame> found;
    std::copy_if(frames.begin(), frames.end(), std::back_inserter(found),
                 [type](const GotFrame& frame) { return frame.type == type; });
    return found;
  }
  static OutgoingHead Get(absl::string_view method = "GET") {
    OutgoingHead head;
    head.method = method;
    head.scheme = "https";
    head.authority = "origin.test";
    head.path = "/x?y";
    return head;
  }
  static OutgoingHead Post() {
    OutgoingHead head = Get("POST");
    head.has_body = true;
    return head;
  }
  std::unique_ptr<Http2ClientStream> Begin(const OutgoingHead& head) {
    auto stream = std::make_unique<Http2ClientStream>(loop_);
    EXPECT_TRUE(session_->Request(head, stream.get()));
    return stream;
  }
  std::unique_ptr<Http2ClientStream> Sent(const OutgoingHead& head) {
    auto stream = Begin(head);
    (void)Pump();
    return stream;
  }
  bool Head(uint32_t id, const Pairs& fields, uint8_t more = 0) {
    return session_->Feed(MakeFrame(kHeaders, kEndHeaders | more, id, Encode(fields)));
  }
  static std::string Body(Http2ClientStream& stream) {
    std::string body;
    for (BodyPiece piece = stream.TryNext(); piece.kind == BodyPiece::Kind::kData;
         piece = stream.TryNext()) {
      body.append(piece.data.data(), piece.data.size());
    }
    return body;
  }
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    loop_.RefreshNow();
  }
  // What the connection ends with, by its GOAWAY.
  uint32_t Goaway() {
    const auto frames = OfType(Pump(), kGoaway);
    return frames.empty() ? 999 : frames.back().number(4);
  }
  // The answer to a GET, given as frames, is malformed by `detail` and resets its stream and
  // nothing else.
  void ExpectMalformed(const std::string& frames, absl::string_view detail,
                       absl::string_view method = "GET") {
    Restart();
    auto other = Sent(Get());
    auto stream = Sent(Get(method));
    EXPECT_TRUE(session_->Feed(frames)) << detail;
    EXPECT_EQ(stream->end().kind, EndKind::kMalformed) << detail;
    EXPECT_EQ(stream->end().detail, detail);
    EXPECT_EQ(stream->TryNext().kind, BodyPiece::Kind::kMalformed) << detail;
    const auto resets = OfType(Pump(), kRst);
    ASSERT_EQ(resets.size(), 1u) << detail;
    EXPECT_EQ(resets[0].stream, 3u) << detail;
    EXPECT_EQ(resets[0].number(), uint32_t{NGHTTP2_PROTOCOL_ERROR}) << detail;
    EXPECT_EQ(session_->failure(), "") << detail;
    EXPECT_TRUE(Head(1, kOk, kEndStream));
    EXPECT_EQ(other->end().kind, EndKind::kWhole) << detail;
  }
  static std::string HeadFrame(const Pairs& fields, uint8_t more = 0) {
    return MakeFrame(kHeaders, kEndHeaders | more, 3, Encode(fields));
  }

  base::ManualClock clock_;
  Loop loop_{0, clock_};
  Http2ClientSettings settings_;
  Work work_;
  std::unique_ptr<Http2ClientSession> session_;
};

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

TEST_F(ClientSessionTest, MalformedAnswersResetTheirStreamOnly) {
  ExpectMalformed(HeadFrame({{"a", "b"}}), "no :status");
  ExpectMalformed(HeadFrame({{":status", "200"}, {":status", "200"}}), "pseudo-header field twice");
  ExpectMalformed(HeadFrame({{"a", "b"}, {":status", "200"}}),
                  "pseudo-header field behind a field");
  ExpectMalformed(HeadFrame({{":status", "200"}, {":path", "/"}}), "unknown pseudo-header field");
  ExpectMalformed(HeadFrame({{":status", "20"}}), "malformed :status");
  ExpectMalformed(HeadFrame({{":status", "2000"}}), "malformed :status");
  ExpectMalformed(HeadFrame({{":status", "+20"}}), "malformed :status");
  ExpectMalformed(HeadFrame({{":status", ""}}), "malformed :status");
  ExpectMalformed(HeadFrame({{":status", "099"}}), "status out of range");
  ExpectMalformed(HeadFrame({{":status", "600"}}), "status out of range");
  ExpectMalformed(HeadFrame({{":status", "101"}}), "status 101");
  ExpectMalformed(HeadFrame({{":status", "103"}}, kEndStream),
                  "an interim answer that ends the stream");
  ExpectMalformed(HeadFrame({{":status", "200"}, {"X-Upper", "1"}}), "malformed field name");
  ExpectMalformed(HeadFrame({{":status", "200"}, {"a b", "1"}}), "malformed field name");
  ExpectMalformed(HeadFrame({{":status", "200"}, {"", "1"}}), "malformed field name");
  ExpectMalformed(HeadFrame({{":status", "200"}, {"a", "1\r\nb: 2"}}),
                  "control character in a field value");
  ExpectMalformed(HeadFrame({{":status", "200"}, {"a", std::string("1\0", 2)}}),
                  "control character in a field value");
  ExpectMalformed(HeadFrame({{":status", "200"}, {"a", " 1"}}), "blank around a field value");
  for (const char* const name :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}) {
    ExpectMalformed(HeadFrame({{":status", "200"}, {name, "x"}}), "connection-specific field");
  }
  ExpectMalformed(HeadFrame({{":status", "200"}, {"content-length", "5"}}, kEndStream),
                  "Content-Length without a body");
  ExpectMalformed(
      HeadFrame({{":status", "200"}, {"content-length", "1"}}) + MakeFrame(kData, 0, 3, "ab"),
      "body longer than Content-Length");
  ExpectMalformed(HeadFrame({{":status", "200"}, {"content-length", "3"}}) +
                      MakeFrame(kData, kEndStream, 3, "ab"),
                  "body shorter than Content-Length");
  ExpectMalformed(HeadFrame({{":status", "204"}}) + MakeFrame(kData, 0, 3, "a"),
                  "data where there is no body");
  ExpectMalformed(HeadFrame({{":status", "304"}}) + MakeFrame(kData, 0, 3, "a"),
                  "data where there is no body");
  ExpectMalformed(
      HeadFrame({{":status", "200"}, {"content-length", "1"}}) + MakeFrame(kData, 0, 3, "a"),
      "data where there is no body", "HEAD");
  ExpectMalformed(HeadFrame({{":status", "103"}}) + MakeFrame(kData, 0, 3, "a"),
                  "data before the answer's head");
  ExpectMalformed(HeadFrame({{":status", "103"}}) + MakeFrame(kData, kEndStream, 3),
                  "no answer before the end of the stream");
  ExpectMalformed(HeadFrame(kOk) + HeadFrame({{"a", "b"}}), "trailers that do not end the stream");
  ExpectMalformed(HeadFrame(kOk) + HeadFrame({{":status", "200"}}, kEndStream),
                  "pseudo-header field in trailers");
  std::string interim;
  for (int i = 0; i < 17; ++i) interim += HeadFrame({{":status", "103"}});
  ExpectMalformed(interim, "too many interim answers");
}

TEST_F(ClientSessionTest, ContentLengthOfTwoReadingsIsMalformed) {
  for (const char* const value : {"5, 5", "+5", "0x5", "99999999999999999999999"}) {
    Restart();
    auto stream = Sent(Get());
    EXPECT_TRUE(Head(1, {{":status", "200"}, {"content-length", value}}));
    EXPECT_EQ(stream->end().kind, EndKind::kMalformed) << value;
  }
  Restart();
  auto stream = Sent(Get());
  EXPECT_TRUE(Head(1, {{":status", "200"}, {"content-length", "5"}, {"content-length", "5"}}));
  EXPECT_EQ(stream->end().kind, EndKind::kMalformed);
}

TEST_F(ClientSessionTest, AHeadThatIsTooLargeIsTheStreamsFaultAndABombTheConnections) {
  settings_.head.max_head_bytes = 1000;
  ExpectMalformed(HeadFrame({{":status", "200"}, {"a", std::string(2000, 'x')}}),
                  "header list too large");
  auto stream = Sent(Get());
  EXPECT_FALSE(Head(5, {{":status", "200"}, {"a", std::string(5000, 'x')}}));
  EXPECT_EQ(session_->failure(), "header_bomb");
  EXPECT_EQ(Goaway(), uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  session_->Abort();
  EXPECT_EQ(stream->end().kind, EndKind::kConnection);
}

TEST_F(ClientSessionTest, TooManyFieldsAreMalformed) {
  Pairs fields = kOk;
  for (int i = 0; i < 257; ++i) fields.emplace_back("a", "");
  ExpectMalformed(HeadFrame(fields), "header list too large");
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

// Clients that take their requests back must not make the upstream end the connection of others.
TEST_F(ClientSessionTest, AConnectionOnWhichMuchIsTakenBackTakesNoMore) {
  auto other = Sent(Get());
  int taken_back = 0;
  for (; !session_->going_away() && taken_back < 1000; ++taken_back) (void)Sent(Get());
  EXPECT_EQ(taken_back, 51);
  EXPECT_EQ(session_->failure(), "");
  EXPECT_EQ(other->end().kind, EndKind::kOpen) << "and serves what is under way";
  EXPECT_TRUE(Head(1, kOk, kEndStream));
  EXPECT_EQ(other->end().kind, EndKind::kWhole);
  Restart();
  for (int i = 0; i < 200; ++i, Pass(absl::Milliseconds(200))) (void)Sent(Get());
  EXPECT_FALSE(session_->going_away()) << "now and then";
}

TEST_F(ClientSessionTest, DataOnGivenUpStreamsIsBoundedByTheirWindows) {
  auto stream = Sent(Get());
  EXPECT_TRUE(Head(1, kOk));
  stream = nullptr;
  (void)Pump();
  bool going = true;
  int frames = 0;
  for (; going && frames < 20; ++frames)
    going = session_->Feed(MakeFrame(kData, 0, 1, std::string(16'384, 'x')));
  EXPECT_EQ(frames, 9) << "eight fit into the window";
  EXPECT_EQ(session_->failure(), "stray_data");
}

TEST_F(ClientSessionTest, TheLimitIsTheSmallerOne) {
  EXPECT_EQ(session_->limit(), 100u) << "ours";
  EXPECT_TRUE(session_->Feed(MakeFrame(kSettings, 0, 0, std::string("\0\3", 2) + Number(7))));
  EXPECT_EQ(session_->limit(), 7u);
}

TEST_F(ClientSessionTest, WhatIsNotHttp2EndsTheConnection) {
  session_ = Http2ClientSession::Create(settings_, loop_, work_);
  auto stream = Sent(Get());
  EXPECT_FALSE(session_->Feed("HTTP/1.1 400 Bad Request\r\n\r\n"));
  EXPECT_EQ(session_->failure(), "http1");
  session_ = Http2ClientSession::Create(settings_, loop_, work_);
  (void)session_->Feed(MakeFrame(kPing, 0, 0, "12345678"));
  (void)Pump();
  EXPECT_EQ(session_->failure(), "PROTOCOL_ERROR") << "SETTINGS come first";
}

TEST_F(ClientSessionTest, FramesThatTheProtocolForbidsEndTheConnection) {
  const struct {
    const char* what;
    std::string frames;
  } cases[] = {
      {"push", MakeFrame(kPushPromise, kEndHeaders, 1, Number(2) + Encode({{":method", "GET"}}))},
      {"data on an idle stream", MakeFrame(kData, 0, 99, "x")},
      {"head on an idle stream", MakeFrame(kHeaders, kEndHeaders, 99, Encode(kOk))},
      {"reset of an idle stream", MakeFrame(kRst, 0, 99, Number(0))},
      {"window over its bound", MakeFrame(kWindowUpdate, 0, 0, Number(0x7fffffff))},
      {"window of nothing", MakeFrame(kWindowUpdate, 0, 0, Number(0))},
      {"too large a frame", MakeFrame(kData, 0, 1, std::string(16'385, 'x'))},
      {"settings of a stream", MakeFrame(kSettings, 0, 1)},
      {"a bad window setting",
       MakeFrame(kSettings, 0, 0, std::string("\0\4", 2) + Number(0x80000000))},
      {"continuation of nothing", MakeFrame(kContinuation, kEndHeaders, 1, "")},
      {"a block that is interrupted",
       MakeFrame(kHeaders, 0, 1, Encode(kOk)) + MakeFrame(kPing, 0, 0, "12345678")},
      {"a block that cannot be decoded", MakeFrame(kHeaders, kEndHeaders, 1, "\x80")},
      {"an odd ping", MakeFrame(kPing, 0, 0, "1")},
  };
  for (const auto& one : cases) {
    Restart();
    auto stream = Sent(Get());
    (void)session_->Feed(one.frames);
    (void)Pump();
    EXPECT_NE(session_->failure(), "") << one.what;
    EXPECT_TRUE(session_->going_away()) << one.what;
  }
}

TEST_F(ClientSessionTest, AStreamsWindowThatOverflowsResetsTheStream) {
  auto stream = Sent(Get());
  EXPECT_TRUE(session_->Feed(MakeFrame(kWindowUpdate, 0, 1, Number(0x7fffffff))));
  (void)Pump();
  EXPECT_EQ(stream->end().kind, EndKind::kReset);
  EXPECT_EQ(stream->end().code, uint32_t{NGHTTP2_FLOW_CONTROL_ERROR});
}

TEST_F(ClientSessionTest, FloodsEndTheConnection) {
  const struct {
    const char* reason;
    std::string frame;
  } cases[] = {
      {"settings_flood", MakeFrame(kSettings, 0, 0)},
      {"ping_flood", MakeFrame(kPing, 0, 0, "12345678")},
      {"reset_flood", MakeFrame(kRst, 0, 1, Number(0))},
      {"window_update_flood", MakeFrame(kWindowUpdate, 0, 0, Number(1))},
      {"empty_data_flood", MakeFrame(kData, 0, 3, "")},
      {"unknown_frame_flood", MakeFrame(77, 0, 0, "x")},
      {"unknown_frame_flood", MakeFrame(kPing, kAck, 0, "12345678")},
      {"unknown_frame_flood", MakeFrame(kGoaway, 0, 0, Number(0x7fffffff) + Number(0))},
      {"priority_flood", MakeFrame(2, 0, 3, Number(0) + "x")},
  };
  for (const auto& one : cases) {
    Restart();
    auto over = Sent(Get());
    EXPECT_TRUE(Head(1, kOk, kEndStream));
    auto open = Sent(Get());
    EXPECT_TRUE(Head(3, kOk));
    bool going = true;
    for (int i = 0; going && i < 5000; ++i) {
      going = session_->Feed(one.frame);
      std::string out;
      session_->Pump(&out, 1 << 20);
    }
    EXPECT_FALSE(going) << one.reason;
    EXPECT_EQ(session_->failure(), one.reason);
  }
}

TEST_F(ClientSessionTest, TooManyContinuationsEndTheConnection) {
  auto stream = Sent(Get());
  std::string frames = MakeFrame(kHeaders, 0, 1, Encode(kOk));
  for (int i = 0; i < 20; ++i) frames += MakeFrame(kContinuation, 0, 1, Encode({{"a", "b"}}));
  EXPECT_FALSE(session_->Feed(frames));
  EXPECT_EQ(session_->failure(), "continuation_flood");
}

TEST_F(ClientSessionTest, ManyFaultsEndTheConnection) {
  bool going = true;
  uint32_t id = 1;
  for (; going && id < 1000; id += 2) {
    auto stream = Sent(Get());
    going = Head(id, {{"a", "b"}});
    (void)Pump();
  }
  EXPECT_FALSE(going);
  EXPECT_EQ(session_->failure(), "fault_flood");
}

TEST_F(ClientSessionTest, AHeadThatDoesNotEndEndsTheConnection) {
  auto stream = Sent(Get());
  EXPECT_TRUE(session_->Feed(MakeFrame(kHeaders, 0, 1, Encode(kOk))));
  Pass(absl::Seconds(9));
  session_->Sweep();
  EXPECT_EQ(session_->failure(), "");
  Pass(absl::Seconds(1));
  EXPECT_TRUE(loop_.Passed(session_->sweep_by()));
  session_->Sweep();
  EXPECT_EQ(session_->failure(), "slow_head");
}

TEST_F(ClientSessionTest, ASilentUpstreamIsAskedWhetherItIsThere) {
  EXPECT_TRUE(session_->sweep_by().is_never()) << "nobody waits";
  auto stream = Sent(Get());
  Pass(absl::Seconds(29));
  session_->Sweep();
  EXPECT_TRUE(Pump().empty());
  Pass(absl::Seconds(1));
  EXPECT_TRUE(loop_.Passed(session_->sweep_by()));
  session_->Sweep();
  const auto pings = OfType(Pump(), kPing);
  ASSERT_EQ(pings.size(), 1u);
  EXPECT_TRUE(session_->Feed(MakeFrame(kPing, kAck, 0, pings[0].payload)));
  Pass(absl::Seconds(60));
  session_->Sweep();
  EXPECT_TRUE(Pump().empty()) << "gRPC's servers end connections that are asked too often";
  Pass(absl::Seconds(300));
  session_->Sweep();
  EXPECT_EQ(OfType(Pump(), kPing).size(), 1u);
  Pass(absl::Seconds(10));
  session_->Sweep();
  EXPECT_EQ(session_->failure(), "no_pong");
}

TEST_F(ClientSessionTest, AfterALongSilenceTheFirstRequestAsks) {
  Pass(absl::Minutes(5));
  EXPECT_TRUE(session_->sweep_by().is_never());
  auto stream = Begin(Get());
  EXPECT_EQ(OfType(Pump(), kPing).size(), 1u);
  Pass(absl::Seconds(10));
  session_->Sweep();
  EXPECT_EQ(session_->failure(), "no_pong");
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

// grpc-go's servers ask for a PING's time at every DATA frame that finds none under way.
TEST_F(ClientSessionTest, APingForEveryFrameOfDataIsNoFlood) {
  for (uint32_t id = 1; id < 2000; id += 2) {
    auto stream = Sent(Post());
    EXPECT_TRUE(stream->Append("x"));
    EXPECT_TRUE(stream->Finish({}));
    (void)Pump();
    ASSERT_TRUE(session_->Feed(MakeFrame(kPing, 0, 0, "12345678"))) << id;
    ASSERT_TRUE(Head(id, kOk, kEndStream));
  }
  EXPECT_EQ(session_->failure(), "");
}

TEST_F(ClientSessionTest, AnswersThatCrossCancelledRequestsAreNoFlood) {
  std::vector<std::unique_ptr<Http2ClientStream>> streams;
  for (int i = 0; i < 95; ++i) streams.push_back(Sent(Get()));
  streams.clear();
  (void)Pump();
  for (uint32_t id = 1; id < 2 * 95; id += 2) {
    ASSERT_TRUE(Head(id, kOk)) << id;
    ASSERT_TRUE(Head(id, {{"grpc-status", "0"}}, kEndStream)) << id;
  }
  EXPECT_EQ(session_->failure(), "");
}

TEST_F(ClientSessionTest, AResetBehindAWholeAnswerIsNoFlood) {
  for (uint32_t id = 1; id < 2000; id += 2) {
    auto stream = Sent(Get());
    ASSERT_TRUE(Head(id, kOk, kEndStream));
    ASSERT_TRUE(session_->Feed(MakeFrame(kRst, 0, id, Number(NGHTTP2_NO_ERROR)))) << id;
  }
  EXPECT_EQ(session_->failure(), "");
}

TEST_F(ClientSessionTest, HeadsOnStreamsThatNobodyAskedForAreAFlood) {
  auto stream = Sent(Get());
  stream->Cancel(NGHTTP2_CANCEL);
  bool going = true;
  for (int i = 0; i < 200 && going; ++i) going = Head(1, kOk);
  EXPECT_FALSE(going);
  EXPECT_EQ(session_->failure(), "unknown_frame_flood");
}

// Whether it has acknowledged our SETTINGS or not: they went before every request.
TEST_F(ClientSessionTest, APushIsAnErrorAtOnce) {
  session_ = Http2ClientSession::Create(settings_, loop_, work_);
  (void)Pump();
  EXPECT_TRUE(session_->Feed(MakeFrame(kSettings, 0, 0)));
  auto stream = Sent(Get());
  EXPECT_FALSE(session_->Feed(
      MakeFrame(kPushPromise, kEndHeaders, 1, Number(2) + Encode({{":method", "GET"}}))));
  EXPECT_EQ(Goaway(), uint32_t{NGHTTP2_PROTOCOL_ERROR});
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
