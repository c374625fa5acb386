// One request to an upstream on an HTTP/2 connection, and its answer. What goes out waits here
// until the upstream's windows let it go; the upstream's room for the answer grows only when the
// client has taken what came (Taken). Belongs to its session's loop; for one request. May be
// destroyed at any time: a stream that is not over is reset with CANCEL.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "dataplane/http/message.h"
#include "dataplane/http2/field_block.h"
#include "dataplane/http2/response_fields.h"
#include "dataplane/loop/signal.h"

namespace sallyport::dataplane {

class Http2ClientSession;

// Why no more comes.
struct Http2End {
  enum class Kind : uint8_t {
    kOpen,         // more may come
    kWhole,        // the answer is whole
    kRefused,      // nothing was done with the request: it may be sent again
    kMalformed,    // the answer is not what RFC 9113 allows: `detail`
    kReset,        // by the upstream: `code`
    kConnection,   // the connection has ended
    kInterrupted,  // by us
  };
  Kind kind = Kind::kOpen;
  uint32_t code = 0;         // of RFC 9113 7
  absl::string_view detail;  // a constant
};

class Http2ClientStream final : public BodySink {
 public:
  explicit Http2ClientStream(Loop& loop) : readable_(loop), writable_(loop) {}
  ~Http2ClientStream() override;
  Http2ClientStream(const Http2ClientStream&) = delete;
  Http2ClientStream& operator=(const Http2ClientStream&) = delete;

  // The request's body, after the session's Request.
  [[nodiscard]] bool Append(absl::string_view data) override;
  [[nodiscard]] bool Finish(const HeaderFields& trailers) override;
  [[nodiscard]] size_t pending() const override { return forgotten_ ? 0 : unsent(); }
  [[nodiscard]] bool over() const override { return !open() && !out_ended_; }
  [[nodiscard]] boost::asio::awaitable<IoResult> Flush(Deadline deadline) override;
  void Forget() override;
  void Interrupt() override;

  // The answer. Its next head, interim ones first: null when none has come that was not taken.
  // Valid until the next call.
  [[nodiscard]] const ResponseHead* NextHead();
  // After the final head. kWant: Wait. Never kIo: see end().
  [[nodiscard]] BodyPiece TryNext();
  // All that TryNext gave is where it goes.
  void Taken();
  [[nodiscard]] const HeaderFields& trailers() const { return trailers_; }
  // Until something comes or it ends. kDone or kTimeout.
  [[nodiscard]] boost::asio::awaitable<IoResult> Wait(Deadline deadline);
  [[nodiscard]] const Http2End& end() const { return end_; }
  [[nodiscard]] bool answered() const { return some_came_; }  // bytes of an answer have come
  // Its head has gone into the connection's output: the upstream may act on it.
  [[nodiscard]] bool sent() const { return sent_; }

  // Gives it up. `code`: of RFC 9113 7.
  void Cancel(uint32_t code);

 private:
  friend class Http2ClientSession;
  static constexpr uint64_t kNotSaid = UINT64_MAX;

  void End(Http2End::Kind kind, uint32_t code = 0, absl::string_view detail = {});
  [[nodiscard]] bool open() const { return id_ != 0; }
  [[nodiscard]] size_t unsent() const { return out_.size() - out_at_; }

  Http2ClientSession* session_ = nullptr;
  int32_t id_ = 0;  // 0: not open (any more)
  Http2End end_;

  // What goes out.
  std::string out_;
  size_t out_at_ = 0;
  uint64_t left_ = 0;  // of the announced length
  bool has_length_ = false;
  bool out_ended_ = true;  // all of the request is in out_
  bool deferred_ = false;  // nghttp2 must be told that there is more
  bool sent_ = false;
  bool forgotten_ = false;  // what is unsent stays so
  FieldBlock request_trailers_;

  // What comes in.
  bool to_head_ = false;
  bool some_came_ = false;
  bool final_came_ = false;
  bool remote_ended_ = false;
  bool in_head_ = false;  // a header block is coming in
  ResponseFields fields_;
  std::deque<std::unique_ptr<ResponseHead>> heads_;  // the last may be coming in
  std::unique_ptr<ResponseHead> shown_;
  size_t interim_ = 0;
  uint64_t said_ = kNotSaid;  // by Content-Length
  uint64_t received_ = 0;
  std::string in_;
  size_t in_at_ = 0;
  size_t given_ = 0;     // of the window, by TryNext
  size_t in_frame_ = 0;  // of the frame at hand
  std::string trailer_bytes_;
  HeaderFields trailers_;
  Signal readable_;
  Signal writable_;
};

}  // namespace sallyport::dataplane
