#include "dataplane/loop/stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "tests/fakes/manual_clock.h"

namespace sallyport::dataplane {
namespace {

using Kind = IoResult::Kind;

class StreamTest : public ::testing::Test {
 public:
  StreamTest() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_), 0);
    near_ = std::make_unique<PlainStream>(loop_, ends_[0]);
    far_ = std::make_unique<PlainStream>(loop_, ends_[1]);
    loop_.RefreshNow();
  }
  void Spawn(boost::asio::awaitable<void> work) {
    boost::asio::co_spawn(loop_.context(), std::move(work), boost::asio::detached);
  }
  void Turn() { loop_.RunFor(absl::ZeroDuration()); }
  // Time passes turn by turn.
  void RunUntil(const bool& done) {
    for (int i = 0; i < 500 && !done; ++i) {
      Turn();
      clock_.Advance(absl::Milliseconds(10));
    }
    EXPECT_TRUE(done);
  }

  base::ManualClock clock_;
  Loop loop_{0, clock_};
  int ends_[2];
  std::unique_ptr<PlainStream> near_;
  std::unique_ptr<PlainStream> far_;
};

TEST_F(StreamTest, ReadWaitsForBytes) {
  bool done = false;
  std::string got;
  Spawn([](StreamTest* self, std::string* text, bool* ended) -> boost::asio::awaitable<void> {
    char buffer[16];
    const Deadline deadline = self->loop_.After(absl::Seconds(5));
    const IoResult result = co_await Read(*self->near_, absl::MakeSpan(buffer), deadline);
    text->assign(buffer, result.bytes);
    *ended = true;
  }(this, &got, &done));
  Turn();
  EXPECT_FALSE(done);
  EXPECT_TRUE(far_->TryWrite("hello").ok());
  RunUntil(done);
  EXPECT_EQ(got, "hello");
}

TEST_F(StreamTest, ReadTimesOutAndCanBeRepeated) {
  bool done = false;
  IoResult first;
  IoResult second;
  Spawn([](StreamTest* self, IoResult* one, IoResult* two,
           bool* ended) -> boost::asio::awaitable<void> {
    char buffer[16];
    const Deadline soon = self->loop_.After(absl::Milliseconds(60));
    *one = co_await Read(*self->near_, absl::MakeSpan(buffer), soon);
    (void)self->far_->TryWrite("x");
    const Deadline later = self->loop_.After(absl::Seconds(5));
    *two = co_await Read(*self->near_, absl::MakeSpan(buffer), later);
    *ended = true;
  }(this, &first, &second, &done));
  RunUntil(done);
  EXPECT_EQ(first.kind, Kind::kTimeout);
  EXPECT_TRUE(second.ok());
}

TEST_F(StreamTest, CancelWakesTheReaderForGood) {
  bool done = false;
  IoResult first;
  IoResult second;
  Spawn([](StreamTest* self, IoResult* one, IoResult* two,
           bool* ended) -> boost::asio::awaitable<void> {
    char buffer[16];
    *one = co_await Read(*self->near_, absl::MakeSpan(buffer), Deadline::Never());
    *two = co_await Read(*self->near_, absl::MakeSpan(buffer), Deadline::Never());
    *ended = true;
  }(this, &first, &second, &done));
  Turn();
  near_->Cancel();
  RunUntil(done);
  EXPECT_EQ(first.kind, Kind::kCancelled);
  EXPECT_EQ(second.kind, Kind::kCancelled);
}

TEST_F(StreamTest, CancelEndsAWriteThatNeverHasToWait) {
  bool done = false;
  IoResult result;
  near_->Cancel();
  Spawn([](StreamTest* self, IoResult* written, bool* ended) -> boost::asio::awaitable<void> {
    *written = co_await WriteAll(*self->near_, "hello", Deadline::Never());
    *ended = true;
  }(this, &result, &done));
  RunUntil(done);
  EXPECT_EQ(result.kind, Kind::kCancelled);
  char buffer[16];
  EXPECT_EQ(far_->TryRead(absl::MakeSpan(buffer)).kind, Kind::kWantRead) << "nothing was written";
}

TEST_F(StreamTest, OneDirectionsTimeoutLeavesTheOther) {
  bool read_done = false;
  bool write_done = false;
  IoResult read;
  IoResult written;
  std::string much(4 << 20, 'x');  // more than the socket holds
  Spawn([](StreamTest* self, IoResult* result, bool* ended) -> boost::asio::awaitable<void> {
    char buffer[16];
    const Deadline soon = self->loop_.After(absl::Milliseconds(60));
    *result = co_await Read(*self->near_, absl::MakeSpan(buffer), soon);
    *ended = true;
  }(this, &read, &read_done));
  Spawn([](StreamTest* self, const std::string* bytes, IoResult* result,
           bool* ended) -> boost::asio::awaitable<void> {
    const Deadline later = self->loop_.After(absl::Seconds(30));
    *result = co_await WriteAll(*self->near_, *bytes, later);
    *ended = true;
  }(this, &much, &written, &write_done));
  RunUntil(read_done);
  EXPECT_EQ(read.kind, Kind::kTimeout);
  EXPECT_FALSE(write_done);
  char sink[65536];
  for (int i = 0; i < 2000 && !write_done; ++i) {
    while (far_->TryRead(absl::MakeSpan(sink)).ok()) {
    }
    Turn();
  }
  EXPECT_TRUE(write_done && written.ok());
  EXPECT_EQ(written.bytes, much.size());
}

TEST_F(StreamTest, YieldLetsOthersRun) {
  bool done = false;
  bool other_ran = false;
  bool seen = false;
  Spawn([](StreamTest* self, bool* other, bool* saw, bool* ended) -> boost::asio::awaitable<void> {
    self->loop_.Post([other] { *other = true; });
    co_await Yield(self->loop_);
    *saw = *other;
    *ended = true;
  }(this, &other_ran, &seen, &done));
  RunUntil(done);
  EXPECT_TRUE(seen);
}

TEST(FairShareTest, SixteenRequestsOrAQuarterOfAMegabyte) {
  FairShare share;
  for (int i = 0; i < 15; ++i) EXPECT_FALSE(share.Serve()) << i;
  EXPECT_TRUE(share.Serve());
  EXPECT_FALSE(share.Serve()) << "counts anew";
  share.Renew();
  EXPECT_FALSE(share.Relay(200 * 1024));
  EXPECT_TRUE(share.Relay(64 * 1024));
  int pieces = 1;
  while (!share.Relay(1)) ++pieces;
  EXPECT_LE(pieces, 256) << "tiny pieces";
}

TEST_F(StreamTest, EndIsSeen) {
  char buffer[4];
  EXPECT_EQ(near_->TryRead(absl::MakeSpan(buffer)).kind, Kind::kWantRead);
  const uint64_t looks = loop_.looks();
  EXPECT_TRUE(near_->IdleAndOpen(looks));
  far_->TryShutdown();
  EXPECT_FALSE(near_->IdleAndOpen(looks)) << "without a look of the loop";
  loop_.RunFor(absl::ZeroDuration());
  EXPECT_GT(loop_.looks(), looks);
  EXPECT_FALSE(near_->IdleAndOpen(looks)) << "by the look of the loop";
  EXPECT_EQ(near_->TryRead(absl::MakeSpan(buffer)).kind, Kind::kEof);
}

TEST_F(StreamTest, ReadBufferGrowsToItsLimitAndGoesBack) {
  ReadBuffer buffer(loop_.buffers());
  size_t total = 0;
  for (absl::Span<char> space = buffer.Space(40'000); !space.empty();
       space = buffer.Space(40'000)) {
    const size_t count = std::min<size_t>(space.size(), 40'000 - total);
    std::fill_n(space.data(), count, static_cast<char>('a' + total % 7));
    buffer.Commit(count);
    total += count;
  }
  EXPECT_EQ(buffer.size(), 40'000u);
  EXPECT_GE(loop_.buffers().lent_bytes(), 40'000u);
  buffer.Consume(39'999);
  buffer.ReleaseIfEmpty();
  EXPECT_EQ(buffer.size(), 1u) << "not empty: kept";
  buffer.Consume(1);
  buffer.ReleaseIfEmpty();
  EXPECT_GE(loop_.buffers().kept(), 1u);
  EXPECT_EQ(loop_.buffers().lent_bytes(), 0u);
}

}  // namespace
}  // namespace sallyport::dataplane
