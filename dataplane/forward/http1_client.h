// The client's side of forward on HTTP/1.1: the request body from a BodyReader, the answer onto the
// connection's stream. Everything given outlives the object; one loop's thread.
#pragma once

#include <functional>
#include <string>

#include "dataplane/http/message.h"

namespace sallyport::dataplane {

class Http1RequestBody final : public RequestBody {
 public:
  // `reader` was started with the head's framing and the limit that holds.
  Http1RequestBody(Stream& stream, BodyReader& reader, Framing framing, uint64_t content_length)
      : stream_(stream), reader_(reader), framing_(framing), content_length_(content_length) {}

  [[nodiscard]] Framing framing() const override { return framing_; }
  [[nodiscard]] uint64_t content_length() const override { return content_length_; }
  [[nodiscard]] BodyPiece TryNext() override { return reader_.TryNext(); }
  [[nodiscard]] boost::asio::awaitable<IoResult> Wait(IoResult::Kind want,
                                                      Deadline deadline) override;
  [[nodiscard]] const HeaderFields& trailers() const override { return reader_.trailers(); }

 private:
  Stream& stream_;
  BodyReader& reader_;
  Framing framing_;
  uint64_t content_length_;
};

class Http1ResponseSink final : public ResponseSink {
 public:
  struct Options {
    int minor_version = 1;   // of the request
    bool keep_alive = true;  // the connection may serve another request
    // Asked when the answer's head is composed: a drain may have begun since. Empty: no.
    std::function<bool()> is_last = nullptr;
  };
  // `out`: what is to be written, kept by the connection for its capacity. It may hold earlier
  // answers of a pipeline that were not flushed yet.
  Http1ResponseSink(Stream& stream, Options options, std::string* out);

  void Interim(const AnswerHead& head) override;
  void Start(const AnswerHead& head) override;
  [[nodiscard]] bool Append(absl::string_view data) override;
  [[nodiscard]] bool Finish(const HeaderFields& trailers) override;
  [[nodiscard]] size_t pending() const override { return out_->size(); }
  [[nodiscard]] boost::asio::awaitable<IoResult> Flush(Deadline deadline) override;
  [[nodiscard]] std::optional<IoResult> TryFlush() override;
  [[nodiscard]] bool Abandon() override;
  [[nodiscard]] bool ClientIsThere() override;
  [[nodiscard]] bool IsCut() const override { return stream_.readiness().cancelled(); }

  // Before Start: this answer is the connection's last (draining, unread body).
  void Close() { options_.keep_alive = false; }
  // After Finish: whether the connection can carry another answer.
  [[nodiscard]] bool keep_alive() const { return options_.keep_alive && !failed_; }
  [[nodiscard]] bool started() const { return started_; }
  // Bytes of this answer's head and body that were written, framing included.
  [[nodiscard]] uint64_t written() const { return written_; }

 private:
  [[nodiscard]] Framing FramingOf(const AnswerHead& head) const;

  Stream& stream_;
  Options options_;
  std::string* out_;
  BodyWriter writer_;
  size_t start_at_ = 0;  // where this answer begins in *out_
  bool started_ = false;
  bool some_written_ = false;  // of what follows start_at_
  bool failed_ = false;
  bool keep_alive_wish_;
  uint64_t written_ = 0;
};

}  // namespace sallyport::dataplane
