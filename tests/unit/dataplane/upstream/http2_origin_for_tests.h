// Scripts for an Origin that speaks HTTP/2 in frames as they are: no rule of the protocol is kept
// unless a test does.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/unit/dataplane/http2/peer_for_tests.h"
#include "tests/unit/dataplane/upstream/origin_for_tests.h"

namespace sallyport::dataplane::testing {

class Http2OriginConnection {
 public:
  explicit Http2OriginConnection(OriginConnection& connection) : connection_(connection) {}

  // The client's preface; then ours.
  bool Greet(const std::string& settings = {}) {
    return connection_.ReadBytes(kPreface.size()) == kPreface &&
           connection_.Write(MakeFrame(4, 0, 0, settings));
  }
  // False: the end.
  bool Next(GotFrame* frame) {
    const std::string head = connection_.ReadBytes(9);
    if (head.size() < 9) return false;
    const auto byte = [&head](size_t at) { return static_cast<uint8_t>(head[at]); };
    const size_t size =
        static_cast<size_t>(byte(0)) << 16 | static_cast<size_t>(byte(1)) << 8 | byte(2);
    frame->type = byte(3);
    frame->flags = byte(4);
    frame->stream = 0;
    for (size_t i = 5; i < 9; ++i) frame->stream = frame->stream << 8 | byte(i);
    frame->payload = connection_.ReadBytes(size);
    return frame->payload.size() == size;
  }
  // The stream of the next request that is whole; 0: the end. Acknowledges SETTINGS and PING
  // meanwhile.
  uint32_t NextRequest() {
    for (GotFrame frame; Next(&frame);) {
      if (frame.type == 4 && frame.flags == 0) Send(MakeFrame(4, 1, 0));
      if (frame.type == 6 && frame.flags == 0) Send(MakeFrame(6, 1, 0, frame.payload));
      if (frame.type == 0) body += frame.payload;
      if ((frame.type == 0 || frame.type == 1) && (frame.flags & 1) != 0) return frame.stream;
    }
    return 0;
  }
  bool Send(const std::string& frames) { return connection_.Write(frames); }
  void Answer(uint32_t stream, absl::string_view text = "ok", const Pairs& more = {}) {
    Pairs fields = {{":status", "200"}, {"content-length", std::to_string(text.size())}};
    fields.insert(fields.end(), more.begin(), more.end());
    Send(MakeFrame(1, text.empty() ? 5 : 4, stream, Encode(fields)) +
         (text.empty() ? "" : MakeFrame(0, 1, stream, text)));
  }
  [[nodiscard]] OriginConnection& raw() { return connection_; }

  std::string body;  // of all requests

 private:
  OriginConnection& connection_;
};

// Each request gets `text`.
inline Origin::Script ServesHttp2(std::string text = "ok", std::string settings = {}) {
  return [text = std::move(text), settings = std::move(settings)](OriginConnection& connection) {
    Http2OriginConnection http2(connection);
    if (!http2.Greet(settings)) return;
    while (const uint32_t stream = http2.NextRequest()) http2.Answer(stream, text);
  };
}

}  // namespace sallyport::dataplane::testing
