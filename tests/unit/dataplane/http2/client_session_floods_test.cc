// Much of what is allowed: floods, requests that are taken back, silence.
#include "tests/unit/dataplane/http2/client_session_world.h"

namespace sallyport::dataplane {
namespace {

using testing::ClientSessionTest;
using testing::MakeFrame;
using testing::Number;

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

}  // namespace
}  // namespace sallyport::dataplane
