// A request's body that can be read again from its start while no more than a little of it was
// read: so that a request which an upstream has not begun with can be sent once more. One loop's
// thread.
#pragma once

#include <cstddef>
#include <string>

#include "dataplane/http/message.h"

namespace sallyport::dataplane {

class ReplayBody final : public RequestBody {
 public:
  explicit ReplayBody(RequestBody& body) : body_(body) {}

  [[nodiscard]] Framing framing() const override { return body_.framing(); }
  [[nodiscard]] uint64_t content_length() const override { return body_.content_length(); }
  [[nodiscard]] BodyPiece TryNext() override;
  [[nodiscard]] boost::asio::awaitable<IoResult> Wait(IoResult::Kind want,
                                                      Deadline deadline) override {
    return body_.Wait(want, deadline);
  }
  [[nodiscard]] const HeaderFields& trailers() const override { return body_.trailers(); }
  void Taken() override { body_.Taken(); }

  // All that was read is still here.
  [[nodiscard]] bool CanRewind() const { return !lost_; }
  void Rewind() { at_ = 0; }
  // Nothing was read.
  [[nodiscard]] bool untouched() const { return !lost_ && !ended_ && kept_.empty(); }
  // It will not be sent again: nothing more is kept.
  void LetGo();

 private:
  static constexpr size_t kMostKept = 64 * 1024;

  RequestBody& body_;
  std::string kept_;
  size_t at_ = 0;  // up to here it was given (again)
  bool lost_ = false;
  bool ended_ = false;
};

}  // namespace sallyport::dataplane
