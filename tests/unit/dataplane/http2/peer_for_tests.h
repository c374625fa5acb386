// An owner for a session without a connection, and a client that writes frames as they are. For
// unit tests and the fuzz target.
#pragma once

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/http2/session.h"

namespace sallyport::dataplane::testing {

constexpr absl::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

using Pairs = std::vector<std::pair<std::string, std::string>>;

inline std::string MakeFrame(uint8_t type, uint8_t flags, uint32_t stream,
                             absl::string_view payload = {}) {
  std::string frame;
  for (int shift = 16; shift >= 0; shift -= 8)
    frame.push_back(static_cast<char>(payload.size() >> shift));
  frame.push_back(static_cast<char>(type));
  frame.push_back(static_cast<char>(flags));
  for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(stream >> shift));
  frame.append(payload.data(), payload.size());
  return frame;
}

inline std::string Number(uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text.push_back(static_cast<char>(value >> shift));
  return text;
}

// Fields without compression: as literals that go into no table.
inline std::string Encode(const Pairs& fields) {
  std::string block;
  const auto add = [&block](const std::string& text) {
    if (text.size() < 127) {
      block.push_back(static_cast<char>(text.size()));
    } else {
      size_t left = text.size() - 127;
      block.push_back(127);
      for (; left >= 128; left /= 128) block.push_back(static_cast<char>(left % 128 + 128));
      block.push_back(static_cast<char>(left));
    }
    block += text;
  };
  for (const auto& [name, value] : fields) {
    block.push_back(0);
    add(name);
    add(value);
  }
  return block;
}

struct GotFrame {
  uint8_t type = 0;
  uint8_t flags = 0;
  uint32_t stream = 0;
  std::string payload;
  [[nodiscard]] uint32_t number(size_t at = 0) const {
    uint32_t value = 0;
    for (size_t i = at; i < at + 4 && i < payload.size(); ++i)
      value = value << 8 | static_cast<uint8_t>(payload[i]);
    return value;
  }
};

// `bytes` are whole frames.
inline std::vector<GotFrame> Frames(absl::string_view bytes) {
  std::vector<GotFrame> frames;
  while (bytes.size() >= 9) {
    const auto byte = [bytes](size_t at) { return static_cast<uint8_t>(bytes[at]); };
    const size_t size =
        static_cast<size_t>(byte(0)) << 16 | static_cast<size_t>(byte(1)) << 8 | byte(2);
    GotFrame frame;
    frame.type = byte(3);
    frame.flags = byte(4);
    for (size_t i = 5; i < 9; ++i) frame.stream = frame.stream << 8 | byte(i);
    frame.payload = std::string(bytes.substr(9, size));
    bytes.remove_prefix(9 + frame.payload.size());
    frames.push_back(std::move(frame));
  }
  return frames;
}

// Lends as many streams as it was told, and keeps them until GiveBack.
class Owner final : public Http2Events {
 public:
  Owner(Loop& loop, size_t streams) : loop_(loop), most_(streams) {}

  Http2Stream* OnBegin() override {
    if (free_.empty() && made_.size() < most_) {
      made_.push_back(std::make_unique<Http2Stream>(loop_));
      free_.push_back(made_.back().get());
    }
    if (free_.empty()) return nullptr;
    Http2Stream* const stream = free_.back();
    free_.pop_back();
    return stream;
  }
  void OnRequest(Http2Stream* stream) override { requests.push_back(stream); }
  void OnClosed(Http2Stream* stream) override { closed.push_back(stream); }
  void OnWork() override { ++work; }
  void OnReset(bool by_client, uint32_t code) override { resets.emplace_back(by_client, code); }

  void GiveBack(Http2Stream* stream) { free_.push_back(stream); }
  // Runs what waits until nothing does.
  void Settle() { loop_.RunFor(absl::ZeroDuration()); }
  // Flushes as an exchange does; the result is kept.
  void Flush(Http2Stream* stream, Deadline deadline = Deadline::Never()) {
    ++flushing;
    boost::asio::co_spawn(loop_.context(), FlushIt(stream, deadline), boost::asio::detached);
    Settle();
  }
  void Answer(Http2Stream* stream, absl::string_view body, const HeaderFields& trailers = {}) {
    AnswerHead head;
    head.status = 200;
    head.fields = {{"X-Request-Id", "id"}};
    if (trailers.empty()) head.length = body.size();
    stream->Start(head);
    if (!stream->Append(body) || !stream->Finish(trailers)) std::abort();
    Flush(stream);
  }

  std::vector<Http2Stream*> requests, closed;
  std::vector<std::pair<bool, uint32_t>> resets;
  std::vector<IoResult::Kind> flushed;
  int flushing = 0;
  int work = 0;

 private:
  boost::asio::awaitable<void> FlushIt(Http2Stream* stream, Deadline deadline) {
    const IoResult result = co_await stream->Flush(deadline);
    flushed.push_back(result.kind);
    --flushing;
  }

  Loop& loop_;
  const size_t most_;
  std::vector<std::unique_ptr<Http2Stream>> made_;
  std::vector<Http2Stream*> free_;
};

}  // namespace sallyport::dataplane::testing
