// A message on its way through, whatever versions of HTTP are spoken on both sides: a request's
// body to read, a place to put it, a place to put the answer. HTTP/1.1's are in dataplane/forward
// (http1_client.h, http1_upstream.h), HTTP/2's in dataplane/http2 (stream.h, client_stream.h). One
// loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dataplane/http/body.h"
#include "dataplane/http/head.h"
#include "dataplane/loop/stream.h"

namespace sallyport::dataplane {

// What the gateway does to an answer's fields.
struct AnswerChanges {
  absl::Span<const HeaderField> set;  // replace every copy, e.g. X-Request-Id
  absl::Span<const HeaderField> add;  // beside what is there, e.g. Vary
  absl::Span<const absl::string_view> remove;
  // The upstream was sent Client-Cert: a Vary that names it becomes "*" (RFC 9440), since no
  // cache in front of us sees that field.
  bool client_cert = false;
};

// The request's body, decoded: no chunk framing.
class RequestBody {
 public:
  virtual ~RequestBody() = default;
  // kLength or kChunked (length unknown).
  [[nodiscard]] virtual Framing framing() const = 0;
  [[nodiscard]] virtual uint64_t content_length() const = 0;
  // As BodyReader::TryNext: never waits.
  [[nodiscard]] virtual BodyPiece TryNext() = 0;
  // After a piece of kind kWant with `want` = piece.io.kind. A timeout loses nothing: wait again.
  [[nodiscard]] virtual boost::asio::awaitable<IoResult> Wait(IoResult::Kind want,
                                                              Deadline deadline) = 0;
  [[nodiscard]] virtual const HeaderFields& trailers() const = 0;
  // All that TryNext gave is where it goes: room for as much may be made for the client.
  virtual void Taken() {}
};

// The final answer's head as it goes to the client: cleaned, without framing fields.
struct AnswerHead {
  int status = 0;
  absl::string_view reason_phrase;
  HeaderFields fields;
  bool has_body = true;            // false: HEAD, 204, 304
  std::optional<uint64_t> length;  // of the body (or what HEAD and 304 announce); none: unknown
};

// Where a request's body goes. Appending only fills a buffer.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // Body bytes in order. False: more than was announced.
  [[nodiscard]] virtual bool Append(absl::string_view data) = 0;
  // The end, with trailers where the protocol has them. False: less than was announced.
  [[nodiscard]] virtual bool Finish(const HeaderFields& trailers) = 0;
  // Bytes that wait to be written.
  [[nodiscard]] virtual size_t pending() const = 0;
  // Until so few wait that more may be appended.
  [[nodiscard]] virtual boost::asio::awaitable<IoResult> Flush(Deadline deadline) = 0;
  // Nothing more is taken, though the body has not ended: what is appended is dropped.
  [[nodiscard]] virtual bool over() const { return false; }
  // What waits will not be written any more.
  virtual void Forget() = 0;
  // Wakes whoever waits for the upstream: the request will never be whole.
  virtual void Interrupt() = 0;
};

// Told, once, that the client has gone.
class GoneListener {
 public:
  virtual void OnClientGone() = 0;

 protected:
  ~GoneListener() = default;
};

// Where the answer goes. Appending only fills a buffer; Flush writes it and is where the client's
// speed is felt. After a failed Flush nothing more is written.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  // 1xx: appended; flush it. 101 comes with its Upgrade and Connection, and nothing after it.
  virtual void Interim(const AnswerHead& head) = 0;
  // Once (again after Abandon).
  virtual void Start(const AnswerHead& head) = 0;
  // Body bytes in order. False: more than Start announced.
  [[nodiscard]] virtual bool Append(absl::string_view data) = 0;
  // The end, with trailers where the protocol has them. False: less than Start announced.
  [[nodiscard]] virtual bool Finish(const HeaderFields& trailers) = 0;
  [[nodiscard]] virtual size_t pending() const = 0;
  [[nodiscard]] virtual boost::asio::awaitable<IoResult> Flush(Deadline deadline) = 0;
  // What Flush would say, where it has not to wait; nothing: some of it may be out, and Flush goes
  // on with the rest.
  [[nodiscard]] virtual std::optional<IoResult> TryFlush() = 0;
  // Forgets what was appended since Start when none of it was written: true, and another answer can
  // be started. False when it is too late.
  [[nodiscard]] virtual bool Abandon() = 0;
  // False when the client is known to have gone. Never waits.
  [[nodiscard]] virtual bool ClientIsThere() = 0;
  // True when the request was taken back or cut off: nothing of it may go out any more. Never
  // waits, costs nothing.
  [[nodiscard]] virtual bool IsCut() const = 0;
  // Tells `listener` as soon as the client is known to have gone, where that is learnt by itself;
  // null: no more. Without it ClientIsThere is asked now and then.
  virtual void TellWhenGone(GoneListener* /*listener*/) {}
};

}  // namespace sallyport::dataplane
