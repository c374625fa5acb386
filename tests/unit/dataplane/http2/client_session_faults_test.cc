// What an upstream may not say: answers that are malformed, and what ends the connection.
#include "tests/unit/dataplane/http2/client_session_world.h"

namespace sallyport::dataplane {
namespace {

using testing::ClientSessionTest;
using testing::Encode;
using testing::MakeFrame;
using testing::Number;
using testing::Pairs;

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
      {"data on stream 0", MakeFrame(kData, 0, 0, "x")},
      {"data on a stream of the upstream's own", MakeFrame(kData, 0, 2, "x")},
      {"too large a continuation",
       MakeFrame(kHeaders, 0, 1, Encode(kOk)) +
           MakeFrame(kContinuation, kEndHeaders, 1, std::string(16'385, '\x88'))},
      {"a head without the length of its padding", MakeFrame(kHeaders, kEndHeaders | 0x8, 1)},
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

TEST_F(ClientSessionTest, WhatIsWrongIsToldByItsName) {
  const struct {
    std::string frame;
    const char* failure;
  } cases[] = {
      {MakeFrame(kData, 0, 0, "x"), "PROTOCOL_ERROR"},
      {MakeFrame(kData, 0, 2, "x"), "PROTOCOL_ERROR"},
      {MakeFrame(kData, 0, 99, "x"), "PROTOCOL_ERROR"},
      {MakeFrame(kData, 0x8, 1), "FRAME_SIZE_ERROR"},
      {MakeFrame(kContinuation, 0, 1, std::string(16'385, 'x')), "FRAME_SIZE_ERROR"},
      {MakeFrame(77, 0, 0, std::string(16'385, 'x')), "FRAME_SIZE_ERROR"},
  };
  for (const auto& one : cases) {
    Restart();
    auto stream = Sent(Get());
    (void)session_->Feed(one.frame);
    (void)Pump();
    EXPECT_EQ(session_->failure(), one.failure) << static_cast<int>(one.frame[3]);
  }
}

TEST_F(ClientSessionTest, AStreamsWindowThatOverflowsResetsTheStream) {
  auto stream = Sent(Get());
  EXPECT_TRUE(session_->Feed(MakeFrame(kWindowUpdate, 0, 1, Number(0x7fffffff))));
  (void)Pump();
  EXPECT_EQ(stream->end().kind, EndKind::kReset);
  EXPECT_EQ(stream->end().code, uint32_t{NGHTTP2_FLOW_CONTROL_ERROR});
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

}  // namespace
}  // namespace sallyport::dataplane
