#include "dataplane/forward/replay_body.h"

#include <gtest/gtest.h>

#include <deque>

namespace sallyport::dataplane {
namespace {

class Pieces final : public RequestBody {
 public:
  explicit Pieces(std::deque<std::string> pieces) : pieces_(std::move(pieces)) {}
  [[nodiscard]] Framing framing() const override { return Framing::kChunked; }
  [[nodiscard]] uint64_t content_length() const override { return 0; }
  [[nodiscard]] BodyPiece TryNext() override {
    BodyPiece piece;
    if (pieces_.empty()) return piece;
    now_ = std::move(pieces_.front());
    pieces_.pop_front();
    piece.kind = now_.empty() ? BodyPiece::Kind::kWant : BodyPiece::Kind::kData;
    piece.data = now_;
    return piece;
  }
  [[nodiscard]] boost::asio::awaitable<IoResult> Wait(IoResult::Kind /*want*/,
                                                      Deadline /*deadline*/) override {
    co_return IoResult{};
  }
  [[nodiscard]] const HeaderFields& trailers() const override { return trailers_; }
  void Taken() override { ++taken; }
  int taken = 0;

 private:
  std::deque<std::string> pieces_;
  std::string now_;
  HeaderFields trailers_;
};

std::string ReadUntilItWaits(ReplayBody& body, BodyPiece::Kind* end) {
  std::string text;
  for (;;) {
    const BodyPiece piece = body.TryNext();
    *end = piece.kind;
    if (piece.kind != BodyPiece::Kind::kData) return text;
    text.append(piece.data.data(), piece.data.size());
  }
}

TEST(ReplayBody, GivesAgainWhatItGave) {
  Pieces pieces({"ab", "", "cd"});
  ReplayBody body(pieces);
  EXPECT_TRUE(body.untouched());
  BodyPiece::Kind end{};
  EXPECT_EQ(ReadUntilItWaits(body, &end), "ab");
  EXPECT_EQ(end, BodyPiece::Kind::kWant);
  EXPECT_FALSE(body.untouched());
  body.Rewind();
  EXPECT_EQ(ReadUntilItWaits(body, &end), "abcd") << "and goes on";
  EXPECT_EQ(end, BodyPiece::Kind::kEnd);
  body.Rewind();
  EXPECT_EQ(ReadUntilItWaits(body, &end), "abcd");
  EXPECT_EQ(end, BodyPiece::Kind::kEnd);
  EXPECT_TRUE(body.CanRewind());
  body.Taken();
  EXPECT_EQ(pieces.taken, 1);
}

TEST(ReplayBody, KeepsNoMoreThanALittle) {
  Pieces pieces({std::string(64 * 1024, 'x'), "y", "z"});
  ReplayBody body(pieces);
  (void)body.TryNext();
  EXPECT_TRUE(body.CanRewind());
  (void)body.TryNext();
  EXPECT_FALSE(body.CanRewind());
  EXPECT_FALSE(body.untouched());
  BodyPiece::Kind end{};
  EXPECT_EQ(ReadUntilItWaits(body, &end), "z");
}

TEST(ReplayBody, AnEmptyBodyThatHasEndedWasTouched) {
  Pieces pieces({});
  ReplayBody body(pieces);
  EXPECT_EQ(body.TryNext().kind, BodyPiece::Kind::kEnd);
  EXPECT_FALSE(body.untouched());
  EXPECT_TRUE(body.CanRewind());
}

}  // namespace
}  // namespace sallyport::dataplane
