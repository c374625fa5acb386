// A message that is in memory: a body to send, and a place where a bounded answer is kept. For what
// neither comes from a client nor goes to one. One loop's thread.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "dataplane/http/message.h"
#include "dataplane/script/wire/message.h"

namespace sallyport::dataplane {

class MemoryBody final : public RequestBody {
 public:
  explicit MemoryBody(std::string bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] Framing framing() const override { return Framing::kLength; }
  [[nodiscard]] uint64_t content_length() const override { return bytes_.size(); }
  [[nodiscard]] BodyPiece TryNext() override;
  [[nodiscard]] boost::asio::awaitable<IoResult> Wait(IoResult::Kind want,
                                                      Deadline deadline) override;
  [[nodiscard]] const HeaderFields& trailers() const override { return no_trailers_; }

 private:
  const std::string bytes_;
  const HeaderFields no_trailers_;
  bool given_ = false;
};

class MemorySink final : public ResponseSink {
 public:
  // Of its body and of its fields together. `abandoned`: nobody wants the answer any more; null:
  // always wanted.
  explicit MemorySink(size_t most_bytes, std::function<bool()> abandoned = nullptr)
      : most_(most_bytes), abandoned_(std::move(abandoned)) {}
  void Interim(const AnswerHead& /*head*/) override {}
  void Start(const AnswerHead& head) override;
  [[nodiscard]] bool Append(absl::string_view data) override;
  [[nodiscard]] bool Finish(const HeaderFields& /*trailers*/) override { return !too_large_; }
  [[nodiscard]] size_t pending() const override { return 0; }
  [[nodiscard]] boost::asio::awaitable<IoResult> Flush(Deadline deadline) override;
  [[nodiscard]] std::optional<IoResult> TryFlush() override { return IoResult(); }
  [[nodiscard]] bool Abandon() override;
  [[nodiscard]] bool ClientIsThere() override { return abandoned_ == nullptr || !abandoned_(); }
  [[nodiscard]] bool IsCut() const override { return false; }

  [[nodiscard]] bool too_large() const { return too_large_; }
  script::Fields fields;
  std::string body;

 private:
  [[nodiscard]] bool Take(size_t bytes);

  const size_t most_;
  const std::function<bool()> abandoned_;
  size_t taken_ = 0;
  bool too_large_ = false;
};

// As a Go server names fields, which is what scripts look for: each part begins upper case.
[[nodiscard]] std::string CanonicalFieldName(absl::string_view name);

}  // namespace sallyport::dataplane
