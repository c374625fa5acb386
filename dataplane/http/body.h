// Bodies: BodyReader turns what a connection carries into pieces of data (by length, chunked with
// trailers, until close); BodyWriter frames pieces anew. Chunk extensions never pass, and a body
// that is mostly extensions is malformed. One loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "dataplane/http/head.h"
#include "dataplane/loop/buffer.h"
#include "dataplane/loop/stream.h"

namespace sallyport::dataplane {

struct BodyPiece {
  enum class Kind : uint8_t {
    kData,       // `data`, not empty; valid until the next call of the reader
    kEnd,        // the body is whole; trailers() may be read
    kWant,       // only from TryNext: nothing to give now; `io.kind` says what to wait for
    kMalformed,  // the framing is wrong: the connection must be closed
    kTooLarge,   // over max_bytes
    kIo,         // end of the connection before the end of the body, timeout, error: see `io`
  };
  Kind kind = Kind::kEnd;
  absl::string_view data;
  IoResult io;
};

class BodyReader {
 public:
  // `stream` and `buffer` outlive the reader; bytes after the body stay in `buffer` (pipelining).
  BodyReader(Stream& stream, ReadBuffer& buffer) : stream_(&stream), buffer_(&buffer) {}

  void Start(Framing framing, uint64_t content_length, uint64_t max_bytes = UINT64_MAX);
  [[nodiscard]] BodyPiece TryNext();
  [[nodiscard]] boost::asio::awaitable<BodyPiece> Next(Deadline deadline);

  [[nodiscard]] bool done() const { return state_ == State::kDone; }
  [[nodiscard]] bool failed() const { return state_ == State::kFailed; }
  [[nodiscard]] uint64_t bytes() const { return seen_; }
  [[nodiscard]] const HeaderFields& trailers() const { return trailers_; }

 private:
  enum class State : uint8_t {
    kLength,
    kUntilClose,
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailers,
    kDone,
    kFailed,
  };
  enum class Step : uint8_t { kPiece, kMoreBytes };

  Step Decode(BodyPiece* piece);  // from what is in the buffer
  Step DecodeSize(BodyPiece* piece);
  Step DecodeData(BodyPiece* piece);
  Step DecodeChunkEnd(BodyPiece* piece);
  Step DecodeTrailers(BodyPiece* piece);
  Step Fail(BodyPiece::Kind kind, BodyPiece* piece);
  Step Finish(BodyPiece* piece);
  BodyPiece Fill(bool* filled);  // one read into the buffer

  Stream* stream_;
  ReadBuffer* buffer_;
  State state_ = State::kDone;
  uint64_t left_ = 0;      // of the length or of the chunk
  uint64_t overhead_ = 0;  // bytes of chunk framing beyond what honest chunks of this data need
  uint64_t seen_ = 0;
  uint64_t max_ = UINT64_MAX;
  std::string trailer_bytes_;
  HeaderFields trailers_;
};

// Frames a body that goes out. Appends to a buffer of the caller, so that a head, a chunk and an
// end can go out in one write.
class BodyWriter {
 public:
  void Start(Framing framing, uint64_t content_length);
  // Pieces go out as they are (no frame around them): the caller may write them without copying.
  [[nodiscard]] bool raw() const { return framing_ != Framing::kChunked; }
  // Counts a piece that goes out raw. False when the body would be longer than announced.
  [[nodiscard]] bool Count(uint64_t bytes);
  // Appends the framed piece; false as Count.
  [[nodiscard]] bool Append(absl::string_view piece, std::string* out);
  // The end, with trailers when chunked. False when a length body is short: the connection must
  // close.
  [[nodiscard]] bool Finish(const HeaderFields& trailers, std::string* out);

 private:
  Framing framing_ = Framing::kNone;
  uint64_t left_ = 0;
};

}  // namespace sallyport::dataplane
