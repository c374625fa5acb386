#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "dataplane/http/body.h"
#include "dataplane/http/head_parser.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kMaxChunkLine = 1024;        // size, extensions, line end
constexpr uint64_t kUsualOverhead = 16;       // of a chunk: its size and two line ends
constexpr uint64_t kMaxOverhead = 16 * 1024;  // of a body, beyond twice its data and what is usual
constexpr size_t kMaxTrailerBytes = 8 * 1024;
constexpr size_t kMaxUnread = 32 * 1024;

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// `line` is without CRLF: hex digits, then nothing or an extension, which is looked at only to
// refuse control characters.
bool ParseChunkLine(absl::string_view line, uint64_t* size) {
  size_t digits = 0;
  uint64_t value = 0;
  for (; digits < line.size(); ++digits) {
    const int digit = HexValue(line[digits]);
    if (digit < 0) break;
    if (digits >= 15) return false;
    value = value * 16 + static_cast<uint64_t>(digit);
  }
  if (digits == 0) return false;
  if (digits < line.size() && line[digits] != ';') return false;
  for (const char c : line.substr(digits)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) return false;
  }
  *size = value;
  return true;
}

}  // namespace

void BodyReader::Start(Framing framing, uint64_t content_length, uint64_t max_bytes) {
  trailers_.clear();
  seen_ = overhead_ = 0;
  max_ = max_bytes;
  left_ = content_length;
  switch (framing) {
    case Framing::kNone: state_ = State::kDone; break;
    case Framing::kLength: state_ = content_length == 0 ? State::kDone : State::kLength; break;
    case Framing::kChunked: state_ = State::kChunkSize; break;
    case Framing::kUntilClose: state_ = State::kUntilClose; break;
  }
}

BodyReader::Step BodyReader::Fail(BodyPiece::Kind kind, BodyPiece* piece) {
  state_ = State::kFailed;
  piece->kind = kind;
  return Step::kPiece;
}

BodyReader::Step BodyReader::Finish(BodyPiece* piece) {
  state_ = State::kDone;
  piece->kind = BodyPiece::Kind::kEnd;
  return Step::kPiece;
}

BodyReader::Step BodyReader::DecodeData(BodyPiece* piece) {
  if (buffer_->empty()) return Step::kMoreBytes;
  const bool bounded = state_ != State::kUntilClose;
  const size_t count =
      bounded ? static_cast<size_t>(std::min<uint64_t>(buffer_->size(), left_)) : buffer_->size();
  piece->kind = BodyPiece::Kind::kData;
  piece->data = buffer_->data().substr(0, count);
  buffer_->Consume(count);
  seen_ += count;
  if (seen_ > max_) return Fail(BodyPiece::Kind::kTooLarge, piece);
  if (!bounded) return Step::kPiece;
  left_ -= count;
  if (left_ == 0) state_ = state_ == State::kLength ? State::kDone : State::kChunkEnd;
  return Step::kPiece;
}

BodyReader::Step BodyReader::DecodeSize(BodyPiece* piece) {
  const absl::string_view bytes = buffer_->data();
  const size_t feed = bytes.find('\n');
  if (feed == absl::string_view::npos) {
    return bytes.size() > kMaxChunkLine ? Fail(BodyPiece::Kind::kMalformed, piece)
                                        : Step::kMoreBytes;
  }
  if (feed == 0 || feed > kMaxChunkLine || bytes[feed - 1] != '\r' ||
      !ParseChunkLine(bytes.substr(0, feed - 1), &left_)) {
    return Fail(BodyPiece::Kind::kMalformed, piece);
  }
  buffer_->Consume(feed + 1);
  // Else a body keeps the loop reading kilobytes of extensions for every byte that anybody wants.
  const uint64_t allowed = kUsualOverhead + 2 * std::min<uint64_t>(left_, kMaxOverhead);
  overhead_ += std::max<uint64_t>(feed + 1, allowed) - allowed;
  overhead_ -= std::min<uint64_t>(overhead_, allowed - std::min<uint64_t>(feed + 1, allowed));
  if (overhead_ > kMaxOverhead) return Fail(BodyPiece::Kind::kMalformed, piece);
  if (left_ > max_ - std::min(seen_, max_)) return Fail(BodyPiece::Kind::kTooLarge, piece);
  state_ = left_ == 0 ? State::kTrailers : State::kChunkData;
  return Decode(piece);
}

BodyReader::Step BodyReader::DecodeChunkEnd(BodyPiece* piece) {
  const absl::string_view bytes = buffer_->data();
  if (bytes.size() < 2) {
    return !bytes.empty() && bytes[0] != '\r' ? Fail(BodyPiece::Kind::kMalformed, piece)
                                              : Step::kMoreBytes;
  }
  if (bytes[0] != '\r' || bytes[1] != '\n') return Fail(BodyPiece::Kind::kMalformed, piece);
  buffer_->Consume(2);
  state_ = State::kChunkSize;
  return Decode(piece);
}

BodyReader::Step BodyReader::DecodeTrailers(BodyPiece* piece) {
  const absl::string_view bytes = buffer_->data();
  if (bytes.size() < 2) return Step::kMoreBytes;
  size_t end = 2;
  if (bytes.substr(0, 2) != "\r\n") {
    const size_t blank = bytes.substr(0, kMaxTrailerBytes).find("\r\n\r\n");
    if (blank == absl::string_view::npos) {
      return bytes.size() >= kMaxTrailerBytes ? Fail(BodyPiece::Kind::kMalformed, piece)
                                              : Step::kMoreBytes;
    }
    end = blank + 4;
  }
  if (!ParseTrailers(bytes.substr(0, end), &trailer_bytes_, &trailers_)) {
    return Fail(BodyPiece::Kind::kMalformed, piece);
  }
  buffer_->Consume(end);
  return Finish(piece);
}

BodyReader::Step BodyReader::Decode(BodyPiece* piece) {
  switch (state_) {
    case State::kLength:
    case State::kUntilClose:
    case State::kChunkData: return DecodeData(piece);
    case State::kChunkSize: return DecodeSize(piece);
    case State::kChunkEnd: return DecodeChunkEnd(piece);
    case State::kTrailers: return DecodeTrailers(piece);
    case State::kDone: return Finish(piece);
    case State::kFailed: break;
  }
  return Fail(BodyPiece::Kind::kMalformed, piece);
}

BodyPiece BodyReader::Fill(bool* filled) {
  BodyPiece piece;
  const absl::Span<char> space = buffer_->Space(kMaxUnread);
  if (space.empty()) {
    Fail(BodyPiece::Kind::kMalformed, &piece);
    return piece;
  }
  if (stream_->readiness().cancelled()) {  // a body that flows never waits
    piece.io.kind = IoResult::Kind::kCancelled;
    Fail(BodyPiece::Kind::kIo, &piece);
    return piece;
  }
  piece.io = stream_->TryRead(space);
  *filled = piece.io.ok();
  if (piece.io.ok()) {
    buffer_->Commit(piece.io.bytes);
  } else if (piece.io.wants()) {
    piece.kind = BodyPiece::Kind::kWant;
  } else if (piece.io.kind == IoResult::Kind::kEof && state_ == State::kUntilClose) {
    Finish(&piece);
  } else {
    Fail(BodyPiece::Kind::kIo, &piece);
  }
  return piece;
}

BodyPiece BodyReader::TryNext() {
  for (;;) {
    BodyPiece piece;
    if (Decode(&piece) == Step::kPiece) return piece;
    bool filled = false;
    piece = Fill(&filled);
    if (!filled) return piece;
  }
}

boost::asio::awaitable<BodyPiece> BodyReader::Next(Deadline deadline) {
  for (;;) {
    BodyPiece piece = TryNext();
    if (piece.kind != BodyPiece::Kind::kWant) co_return piece;
    const IoResult waited = co_await WaitFor(*stream_, piece.io.kind, deadline);
    if (waited.ok()) continue;
    Fail(BodyPiece::Kind::kIo, &piece);
    piece.io = waited;
    co_return piece;
  }
}

}  // namespace sallyport::dataplane
