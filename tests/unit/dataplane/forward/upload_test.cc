#include "dataplane/forward/upload.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "tests/fakes/manual_clock.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

// A client that always has more.
class EndlessBody final : public RequestBody {
 public:
  [[nodiscard]] Framing framing() const override { return Framing::kChunked; }
  [[nodiscard]] uint64_t content_length() const override { return 0; }
  [[nodiscard]] BodyPiece TryNext() override {
    BodyPiece piece;
    if (pieces > 0 && given == pieces) {
      piece.kind = BodyPiece::Kind::kWant;
      piece.io.kind = IoResult::Kind::kWantRead;
      return piece;
    }
    ++given;
    piece.kind = BodyPiece::Kind::kData;
    piece.data = text_;
    return piece;
  }
  [[nodiscard]] boost::asio::awaitable<IoResult> Wait(IoResult::Kind, Deadline) override {
    if (on_wait) on_wait();
    IoResult gone;
    gone.kind = IoResult::Kind::kEof;
    co_return gone;
  }
  [[nodiscard]] const HeaderFields& trailers() const override { return none_; }

  int pieces = 0;  // then it makes us wait; 0: never
  int given = 0;
  std::function<void()> on_wait;

 private:
  const std::string text_ = std::string(1024, 'x');
  const HeaderFields none_;
};

// Takes everything and keeps nothing, as a stream does that the upstream has ended.
class DroppingSink final : public BodySink {
 public:
  [[nodiscard]] bool Append(absl::string_view) override { return true; }
  [[nodiscard]] bool Finish(const HeaderFields&) override { return true; }
  [[nodiscard]] size_t pending() const override { return 0; }
  [[nodiscard]] boost::asio::awaitable<IoResult> Flush(Deadline) override { co_return IoResult(); }
  [[nodiscard]] bool over() const override { return is_over; }
  void Forget() override {}
  void Interrupt() override { interrupted = true; }

  bool is_over = true;
  bool interrupted = false;
};

class UploadTest : public ::testing::Test {
 protected:
  void RunToItsEnd() {
    boost::asio::co_spawn(loop_.context(), Upload::Run(upload_), boost::asio::detached);
    for (int turn = 0; turn < 10'000 && !upload_->finished().is_set(); ++turn) {
      loop_.RunFor(absl::ZeroDuration());
    }
    ASSERT_TRUE(upload_->finished().is_set());
  }

  base::ManualClock clock_;
  Loop loop_{0, clock_};
  EndlessBody body_;
  DroppingSink sink_;
  std::shared_ptr<Upload> upload_ =
      std::make_shared<Upload>(body_, sink_, Upload::Cleaning(), loop_, absl::Seconds(5));
};

TEST_F(UploadTest, FillTakesABoundedPieceThoughNothingIsKept) {
  EXPECT_EQ(upload_->Fill(32 * 1024), Upload::State::kMore);
  EXPECT_EQ(body_.given, 32);
}

TEST_F(UploadTest, ForASinkThatIsOverABoundedRestIsRead) {
  RunToItsEnd();
  EXPECT_FALSE(upload_->sent());
  EXPECT_LT(body_.given, 512) << "KiB";
}

TEST_F(UploadTest, TellsWhenItWaitsForTheClient) {
  sink_.is_over = false;
  body_.pieces = 3;
  bool waited = false;
  body_.on_wait = [&] { waited = upload_->waits_for_client(); };
  EXPECT_FALSE(upload_->waits_for_client());
  RunToItsEnd();
  EXPECT_TRUE(waited);
  EXPECT_FALSE(upload_->waits_for_client());
  EXPECT_EQ(upload_->reason(), Reason::kClientGone);
  EXPECT_TRUE(sink_.interrupted);
}

}  // namespace
}  // namespace sallyport::dataplane
