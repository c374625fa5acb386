// A request's body on its way to an upstream that speaks HTTP/1.1: framed into the buffer that
// holds its head, then written. One loop's thread.
#pragma once

#include <string>

#include "dataplane/http/body.h"
#include "dataplane/http/message.h"

namespace sallyport::dataplane {

class Http1BodySink final : public BodySink {
 public:
  // All outlive it. `out` may hold bytes that go first.
  Http1BodySink(Stream& stream, std::string* out, const RequestBody& body)
      : stream_(stream), out_(out) {
    writer_.Start(body.framing(), body.content_length());
  }
  [[nodiscard]] bool Append(absl::string_view data) override { return writer_.Append(data, out_); }
  [[nodiscard]] bool Finish(const HeaderFields& trailers) override {
    return writer_.Finish(trailers, out_);
  }
  [[nodiscard]] size_t pending() const override { return out_->size(); }
  [[nodiscard]] boost::asio::awaitable<IoResult> Flush(Deadline deadline) override;
  void Forget() override { out_->clear(); }
  void Interrupt() override { stream_.Cancel(); }

 private:
  Stream& stream_;
  std::string* out_;
  BodyWriter writer_;
};

}  // namespace sallyport::dataplane
