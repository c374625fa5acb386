// One request of an HTTP/2 connection and its answer: a body that comes in frames, and a place for
// the answer that goes out when its turn is. The room that the client has for its body grows only
// when the upstream has taken what came (Taken); the answer's source is held up while more than a
// little of it waits here. Belongs to its session's loop; used for one request after the other.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

#include "dataplane/http/head.h"
#include "dataplane/http/message.h"
#include "dataplane/http2/field_block.h"
#include "dataplane/http2/request_fields.h"
#include "dataplane/loop/signal.h"

namespace sallyport::dataplane {

class Http2Session;

class Http2Stream : public RequestBody, public ResponseSink {
 public:
  explicit Http2Stream(Loop& loop) : loop_(loop), readable_(loop), writable_(loop) {}

  RequestHead head;
  HeadVerdict verdict;  // of the head

  // The client took the request back, it was cut, or its connection is gone: nothing can be
  // answered.
  [[nodiscard]] bool gone() const { return gone_; }
  // Over for the protocol: all was sent and received, or it was reset. What was received can still
  // be read.
  [[nodiscard]] bool closed() const { return closed_; }
  // Gives the stream up, unless it is closed. `code`: of RFC 9113 7.
  void Reset(uint32_t code);
  // Ends the request at once, whether or not the client reads that it was reset.
  void Cut();
  // Who answers is through: what is not whole will never be.
  void AnswerOver();

  // The body: may be called again before anything was read.
  void LimitBody(uint64_t max_bytes) { max_bytes_ = max_bytes; }
  [[nodiscard]] Framing framing() const override { return head.framing; }
  [[nodiscard]] uint64_t content_length() const override { return head.content_length; }
  [[nodiscard]] BodyPiece TryNext() override;
  [[nodiscard]] boost::asio::awaitable<IoResult> Wait(IoResult::Kind want,
                                                      Deadline deadline) override;
  [[nodiscard]] const HeaderFields& trailers() const override { return trailers_; }
  void Taken() override;

  // The answer.
  void Interim(const AnswerHead& answer) override;
  void Start(const AnswerHead& answer) override;
  [[nodiscard]] bool Append(absl::string_view data) override;
  [[nodiscard]] bool Finish(const HeaderFields& trailers) override;
  [[nodiscard]] size_t pending() const override;
  [[nodiscard]] boost::asio::awaitable<IoResult> Flush(Deadline deadline) override;
  [[nodiscard]] std::optional<IoResult> TryFlush() override;
  [[nodiscard]] bool Abandon() override;
  [[nodiscard]] bool ClientIsThere() override { return !gone_; }
  [[nodiscard]] bool IsCut() const override { return gone_; }
  void TellWhenGone(GoneListener* listener) override { listener_ = listener; }

 private:
  friend class Http2Session;
  static constexpr size_t kNotOpen = SIZE_MAX;

  void Begin(Http2Session* session, int32_t id);
  void Close(bool gone);
  void Leave();
  void Submit();
  [[nodiscard]] bool MustWait() const;  // Flush
  [[nodiscard]] size_t unread() const;
  [[nodiscard]] size_t unsent() const { return out_.size() - out_at_; }

  Loop& loop_;
  Http2Session* session_ = nullptr;
  int32_t id_ = 0;
  size_t open_at_ = kNotOpen;  // of the session's open streams
  bool gone_ = false;
  bool closed_ = true;
  GoneListener* listener_ = nullptr;

  // What comes in.
  RequestFields fields_;
  std::string in_;
  size_t in_at_ = 0;  // up to here it was given
  static constexpr uint64_t kNotSaid = UINT64_MAX;
  uint64_t said_ = kNotSaid;  // by Content-Length
  uint64_t received_ = 0;     // of the body
  uint64_t max_bytes_ = UINT64_MAX;
  size_t not_returned_ = 0;  // bytes of the windows
  size_t given_ = 0;         // of those, what TryNext gave
  size_t in_frame_ = 0;      // of the frame at hand
  bool head_done_ = false;
  bool remote_ended_ = false;
  bool faulty_ = false;  // what came is not what the head says
  bool reset_by_client_ = false;
  std::string trailer_bytes_;
  HeaderFields trailers_;
  Signal readable_;

  // What goes out.
  FieldBlock answer_;
  FieldBlock answer_trailers_;
  std::string out_;
  size_t out_at_ = 0;
  size_t credit_ = 0;  // bytes that may go out in this turn
  uint64_t left_ = 0;  // of the announced length
  bool has_length_ = false;
  bool has_body_ = false;
  bool started_ = false;
  bool submitted_ = false;
  bool ended_ = false;  // by who answers
  bool end_sent_ = false;
  bool dropped_ = false;   // of the body, what came after that
  bool deferred_ = false;  // nghttp2 must be told that there is more
  bool queued_ = false;    // waits for its turn
  int64_t stalled_since_ =
      0;                   // milliseconds: when enough bytes had gone out last, or began to wait
  size_t sent_since_ = 0;  // bytes since then
  Signal writable_;
};

}  // namespace sallyport::dataplane
