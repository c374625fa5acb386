// What forward needs of the client's side, whatever protocol it speaks: a request, a body to read, a place
// to put the answer. HTTP/1.1's implementations are in http1_client.h; HTTP/2 will bring its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dataplane/http/head.h"
#include "dataplane/loop/stream.h"

namespace sallyport::dataplane {

// The request's body, decoded: no chunk framing. Reads are in order, one at a time.
class RequestBody {
 public:
  struct Piece {
    IoResult io;              // kTimeout: nothing is lost, read again; other failures are final
    absl::string_view data;   // valid until the next Read
    bool last = false;        // the body ended with this piece (data may be empty)
  };
  virtual ~RequestBody() = default;
  // Known from the head: no value means chunked.
  [[nodiscard]] virtual std::optional<uint64_t> length() const = 0;
  [[nodiscard]] virtual boost::asio::awaitable<Piece> Read(Deadline deadline) = 0;
  // After the last piece.
  [[nodiscard]] virtual absl::Span<const HeaderField> trailers() const { return {}; }
};

// The final answer's head as it goes to the client: cleaned, without framing headers.
struct AnswerHead {
  int status = 0;
  absl::string_view reason_phrase;
  std::vector<HeaderField> headers;
  bool has_body = true;                  // false: HEAD, 204, 304
  std::optional<uint64_t> length;        // of the body (or the one that HEAD and 304 announce); none: unknown
};

// Where the answer goes. After a failed call nothing more is written.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  // 1xx other than 101. Written at once.
  [[nodiscard]] virtual boost::asio::awaitable<IoResult> Interim(const AnswerHead& head,
                                                                 Deadline deadline) = 0;
  // Once. Nothing need be written before the first Write.
  virtual void Start(const AnswerHead& head) = 0;
  // Body bytes in order; `last` ends the message, with `trailers` where the protocol has them.
  [[nodiscard]] virtual boost::asio::awaitable<IoResult> Write(
      absl::string_view data, bool last, absl::Span<const HeaderField> trailers, Deadline deadline) = 0;
  // False when the client is known to have gone. Never waits; called about once a second while the
  // upstream is silent.
  [[nodiscard]] virtual bool ClientIsThere() = 0;
};

}  // namespace sallyport::dataplane
