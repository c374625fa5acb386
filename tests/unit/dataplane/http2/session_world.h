// An HTTP/2 connection of a client whose frames the test writes and reads.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/http2/session.h"
#include "tests/fakes/manual_clock.h"
#include "tests/unit/dataplane/http2/peer_for_tests.h"

namespace sallyport::dataplane::testing {

class SessionTest : public ::testing::Test {
 protected:
  inline static const Pairs kGet = {
      {":method", "GET"}, {":scheme", "https"}, {":authority", "a.test"}, {":path", "/"}};
  inline static const Pairs kPost = {
      {":method", "POST"}, {":scheme", "https"}, {":authority", "a.test"}, {":path", "/"}};
  static constexpr uint8_t kEndHeaders = 4;
  static constexpr uint8_t kEndStream = 1;

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
    EXPECT_TRUE(session_->Feed(std::string(kPreface) + MakeFrame(4, 0, 0)));
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

}  // namespace sallyport::dataplane::testing
