#include "dataplane/http/body.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace sallyport::dataplane {
namespace {

// A plain stream over a socket pair; what the test writes at the other end is the connection's
// bytes.
class Wire {
 public:
  Wire() : loop_(0), buffer_(loop_.buffers()) {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_), 0);
    stream_ = std::make_unique<PlainStream>(loop_, ends_[0]);
  }
  ~Wire() { CloseFarEnd(); }
  void Send(const std::string& bytes) {
    EXPECT_EQ(send(ends_[1], bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    Look();
  }
  void Cancel() { stream_->Cancel(); }
  void CloseFarEnd() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
    Look();
  }
  BodyReader Reader() { return BodyReader(*stream_, buffer_); }
  ReadBuffer& buffer() { return buffer_; }

 private:
  // The loop's, at its descriptors: a stream is not read before it.
  void Look() { loop_.RunFor(absl::ZeroDuration()); }

  int ends_[2] = {-1, -1};
  Loop loop_;
  ReadBuffer buffer_;
  std::unique_ptr<PlainStream> stream_;
};

struct Read {
  std::string data;
  BodyPiece::Kind end;
};

Read ReadAll(BodyReader& reader) {
  Read read;
  for (;;) {
    const BodyPiece piece = reader.TryNext();
    if (piece.kind != BodyPiece::Kind::kData) {
      read.end = piece.kind;
      return read;
    }
    read.data.append(piece.data.data(), piece.data.size());
  }
}

TEST(BodyReader, LengthLeavesTheNextRequest) {
  Wire wire;
  wire.Send("helloGET /");
  BodyReader reader = wire.Reader();
  reader.Start(Framing::kLength, 5);
  const Read read = ReadAll(reader);
  EXPECT_EQ(read.data, "hello");
  EXPECT_EQ(read.end, BodyPiece::Kind::kEnd);
  EXPECT_EQ(wire.buffer().data(), "GET /");
}

TEST(BodyReader, ChunkedWithExtensionAndTrailers) {
  Wire wire;
  wire.Send("5;name=value\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-Sum: 9\r\nHost: evil\r\n\r\nNEXT");
  BodyReader reader = wire.Reader();
  reader.Start(Framing::kChunked, 0);
  const Read read = ReadAll(reader);
  EXPECT_EQ(read.data, "hello0123456789");
  EXPECT_EQ(read.end, BodyPiece::Kind::kEnd);
  ASSERT_EQ(reader.trailers().size(), 1u);
  EXPECT_EQ(reader.trailers()[0].value, "9");
  EXPECT_EQ(wire.buffer().data(), "NEXT");
}

BodyPiece::Kind ReadChunks(int count, const std::string& chunk) {
  Wire wire;
  BodyReader reader = wire.Reader();
  reader.Start(Framing::kChunked, 0);
  for (int i = 0; i < count; ++i) {
    wire.Send(chunk);
    const Read read = ReadAll(reader);
    if (read.end != BodyPiece::Kind::kWant) return read.end;
  }
  wire.Send("0\r\n\r\n");
  return ReadAll(reader).end;
}

TEST(BodyReader, ABodyThatIsMostlyExtensionsIsRefused) {
  const std::string extension(900, 'x');
  EXPECT_EQ(ReadChunks(10, "1;" + extension + "\r\nA\r\n"), BodyPiece::Kind::kEnd);
  EXPECT_EQ(ReadChunks(30, "1;" + extension + "\r\nA\r\n"), BodyPiece::Kind::kMalformed);
  EXPECT_EQ(ReadChunks(20000, "1\r\nA\r\n"), BodyPiece::Kind::kEnd)
      << "small chunks alone are honest";
  EXPECT_EQ(ReadChunks(300, "400;" + extension + "\r\n" + std::string(0x400, 'A') + "\r\n"),
            BodyPiece::Kind::kEnd);
}

TEST(BodyReader, ChunkedByteByByte) {
  Wire wire;
  BodyReader reader = wire.Reader();
  reader.Start(Framing::kChunked, 0);
  const std::string text = "3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: 1\r\n\r\n";
  std::string data;
  for (size_t i = 0; i < text.size(); ++i) {
    wire.Send(text.substr(i, 1));
    const Read read = ReadAll(reader);
    data += read.data;
    if (i + 1 < text.size()) {
      ASSERT_EQ(read.end, BodyPiece::Kind::kWant) << i;
    }
  }
  EXPECT_EQ(data, "abcde");
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(reader.trailers().size(), 1u);
}

TEST(BodyReader, MalformedChunksAreRefused) {
  const std::string cases[] = {"x\r\n",
                               "\r\n",
                               "-1\r\n",
                               "0x5\r\nhello\r\n",
                               "5\nhello\r\n",
                               "5 \r\nhello\r\n",
                               " 5\r\nhello\r\n",
                               "5\r\nhelloXX",
                               "5\r\nhello\n0\r\n",
                               "5;\x01\r\nhello\r\n",
                               "1000000000000000\r\n",
                               "FFFFFFFFFFFFFFFFF\r\n",
                               "0\r\nbad line\r\n\r\n",
                               "0\r\n X: y\r\n\r\n",
                               "0\r\nX: a\n\r\n\r\n",
                               "5\r\nhello\r\n5;" + std::string(2000, 'a'),
                               std::string(2000, '0'),
                               "1_0\r\n",
                               "5\r\r\nhello\r\n"};
  for (const std::string& text : cases) {
    Wire wire;
    wire.Send(text);
    BodyReader reader = wire.Reader();
    reader.Start(Framing::kChunked, 0);
    EXPECT_EQ(ReadAll(reader).end, BodyPiece::Kind::kMalformed) << text;
    EXPECT_EQ(ReadAll(reader).end, BodyPiece::Kind::kMalformed) << "stays failed";
  }
}

TEST(BodyReader, TrailersAreBounded) {
  Wire wire;
  wire.Send("0\r\nX: " + std::string(9000, 'a'));
  BodyReader reader = wire.Reader();
  reader.Start(Framing::kChunked, 0);
  EXPECT_EQ(ReadAll(reader).end, BodyPiece::Kind::kMalformed);
}

TEST(BodyReader, ShortBodiesAreNotWhole) {
  for (const Framing framing : {Framing::kLength, Framing::kChunked}) {
    Wire wire;
    wire.Send(framing == Framing::kLength ? "hel" : "5\r\nhel");
    wire.CloseFarEnd();
    BodyReader reader = wire.Reader();
    reader.Start(framing, 5);
    EXPECT_EQ(ReadAll(reader).end, BodyPiece::Kind::kIo);
  }
}

TEST(BodyReader, ACancelledConnectionEndsABodyThatStillFlows) {
  Wire wire;
  wire.Send("hel");
  BodyReader reader = wire.Reader();
  reader.Start(Framing::kLength, 5);
  EXPECT_EQ(reader.TryNext().kind, BodyPiece::Kind::kData);
  wire.Send("lo");
  wire.Cancel();
  const BodyPiece piece = reader.TryNext();
  EXPECT_EQ(piece.kind, BodyPiece::Kind::kIo);
  EXPECT_EQ(piece.io.kind, IoResult::Kind::kCancelled);
  EXPECT_TRUE(reader.failed());
}

TEST(BodyReader, UntilClose) {
  Wire wire;
  wire.Send("all of it");
  wire.CloseFarEnd();
  BodyReader reader = wire.Reader();
  reader.Start(Framing::kUntilClose, 0);
  const Read read = ReadAll(reader);
  EXPECT_EQ(read.data, "all of it");
  EXPECT_EQ(read.end, BodyPiece::Kind::kEnd);
}

TEST(BodyReader, LimitHoldsForChunkedToo) {
  Wire wire;
  wire.Send("5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n");
  BodyReader reader = wire.Reader();
  reader.Start(Framing::kChunked, 0, 8);
  EXPECT_EQ(ReadAll(reader).end, BodyPiece::Kind::kTooLarge);
}

TEST(BodyWriter, FramesAnew) {
  std::string out;
  BodyWriter writer;
  writer.Start(Framing::kChunked, 0);
  EXPECT_TRUE(writer.Append("hello", &out));
  EXPECT_TRUE(writer.Append("", &out)) << "an empty piece must not end the body";
  EXPECT_TRUE(writer.Finish({{"X-Sum", "1"}}, &out));
  EXPECT_EQ(out, "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n");
}

TEST(BodyWriter, LengthIsKept) {
  std::string out;
  BodyWriter writer;
  writer.Start(Framing::kLength, 5);
  EXPECT_TRUE(writer.Append("hel", &out));
  EXPECT_FALSE(writer.Finish({}, &out)) << "short";
  EXPECT_FALSE(writer.Append("lo!", &out)) << "long";
  EXPECT_TRUE(writer.Append("lo", &out));
  EXPECT_TRUE(writer.Finish({}, &out));
  EXPECT_EQ(out, "hello");
}

}  // namespace
}  // namespace sallyport::dataplane
