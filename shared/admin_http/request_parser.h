// One HTTP/1.1 request from its bytes (RFC 9112), by Boost.Beast's parser and our bounds. One
// thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "shared/admin_http/message.h"

namespace sallyport::admin_http {

class RequestParser {
 public:
  enum class Step : uint8_t {
    kMore,  // needs more bytes
    kHead,  // the head is whole and a body follows: comes once, before any of the body is taken
    kDone,  // all is there; do not feed again
    kHeadTooLarge,  // also: trailers, or the line of a chunk
    kBodyTooLarge,
    kMalformed,
  };

  RequestParser(size_t max_head_bytes, size_t max_body_bytes);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Takes from the front of `bytes` what it can use: the rest must be there again in the next call,
  // followed by more (kMore) or not (kHead), or belongs to the next request (kDone).
  [[nodiscard]] Step Feed(std::string* bytes);

  // RFC 9112 §6.3: anything but exactly `chunked` could be read otherwise by a proxy in front. Once
  // the head is there.
  [[nodiscard]] bool FramingIsPlain() const;
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] unsigned version() const;  // 10 or 11

  // What has come of `method`, `target`, `headers` and `body`; the other members are the caller's.
  // Trailers are thrown away.
  [[nodiscard]] Request& request();

 private:
  class Sink;
  const size_t max_head_bytes_;
  size_t head_bytes_ = 0;
  std::unique_ptr<Sink> sink_;
};

}  // namespace sallyport::admin_http
