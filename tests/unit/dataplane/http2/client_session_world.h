// An HTTP/2 connection to an upstream whose frames the test writes and reads.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/http2/client_session.h"
#include "tests/fakes/manual_clock.h"
#include "tests/unit/dataplane/http2/peer_for_tests.h"

namespace sallyport::dataplane::testing {

struct Work final : Http2ClientEvents {
  void OnWork() override { ++count; }
  int count = 0;
};

class ClientSessionTest : public ::testing::Test {
 protected:
  using EndKind = Http2End::Kind;

  static constexpr uint8_t kData = 0, kHeaders = 1, kRst = 3, kSettings = 4, kPushPromise = 5,
                           kPing = 6, kGoaway = 7, kWindowUpdate = 8, kContinuation = 9;
  static constexpr uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4;
  inline static const Pairs kOk = {{":status", "200"}};

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
    constexpr absl::string_view kStart = kPreface;
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

}  // namespace sallyport::dataplane::testing
