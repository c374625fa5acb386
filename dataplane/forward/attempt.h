// One request on one upstream connection, from the first byte written to the last byte relayed.
// Inside of forward; one loop's thread; everything given outlives it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "dataplane/forward/forward.h"
#include "dataplane/forward/http1_upstream.h"
#include "dataplane/forward/upload.h"

namespace sallyport::dataplane {

class ResponseParser;

[[nodiscard]] bool IsIdempotent(absl::string_view method);  // RFC 9110 9.2.2

class Attempt final : private GoneListener {
 public:
  enum class End : uint8_t { kFinal, kRetry };

  Attempt(UpstreamLease lease, Loop& loop, const ForwardRequest& request,
          const ForwardTimeouts& timeouts, Deadline total, ResponseSink& sink,
          ForwardOutcome* outcome);
  ~Attempt();
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  // Fills the outcome. kRetry: nothing was done to the client and the request may go out again.
  [[nodiscard]] boost::asio::awaitable<End> Run();
  // No byte of the request went out.
  [[nodiscard]] bool nothing_written() const { return nothing_written_; }

 private:
  enum class Step : uint8_t { kGoOn, kStop };

  void OnClientGone() override { connection_.stream->Cancel(); }
  void AppendHead();
  void AppendFraming(std::string* out) const;
  [[nodiscard]] boost::asio::awaitable<Step> Send();
  [[nodiscard]] boost::asio::awaitable<Step> AwaitContinue();
  [[nodiscard]] boost::asio::awaitable<Step> SayContinue();
  [[nodiscard]] boost::asio::awaitable<Step> WriteOut();
  // What needs no waiting needs no coroutine. Nothing: the one of that name goes on from there.
  [[nodiscard]] std::optional<Step> TryWriteOut();
  [[nodiscard]] std::optional<Step> TryReadHead(ResponseParser* parser, IoResult::Kind* want);
  [[nodiscard]] std::optional<Step> TryAnswer();
  [[nodiscard]] Step Written(const IoResult& result);
  [[nodiscard]] Step Flushed(const IoResult& result);
  [[nodiscard]] boost::asio::awaitable<Step> ReadFinalHead(Deadline deadline);
  [[nodiscard]] boost::asio::awaitable<Step> ReadHead(Deadline deadline);
  [[nodiscard]] boost::asio::awaitable<Step> RelayInterim();
  [[nodiscard]] Step CheckSwitch();
  // After it the attempt is over.
  [[nodiscard]] boost::asio::awaitable<void> Switch();
  // `deadline` is put off while the request is still being sent.
  [[nodiscard]] boost::asio::awaitable<Step> WaitUpstream(IoResult::Kind want, Deadline* deadline);
  [[nodiscard]] boost::asio::awaitable<Step> Answer();
  [[nodiscard]] boost::asio::awaitable<Step> RelayBody();
  [[nodiscard]] boost::asio::awaitable<Step> FlushToClient();
  [[nodiscard]] boost::asio::awaitable<void> StopUpload();
  void StartAnswer();
  [[nodiscard]] Step AppendWholeBody();
  Step Fail(base::Reason reason, std::string detail);
  Step FailLate();
  Step FailGone();
  Step FailRead(const IoResult& result);
  Step FailBody(const BodyPiece& piece);
  void FailAnswer();
  void Conclude(bool whole);
  [[nodiscard]] bool MayRetry() const;
  [[nodiscard]] bool BudgetAllows();
  [[nodiscard]] bool StillSending();
  [[nodiscard]] Deadline Until(absl::Duration duration) const {
    return total_.Earlier(loop_.After(duration));
  }

  UpstreamLease lease_;
  UpstreamConnection& connection_;
  Loop& loop_;
  const ForwardRequest& request_;
  const ForwardTimeouts& timeouts_;
  const Deadline total_;
  ResponseSink& sink_;
  ForwardOutcome& outcome_;
  const bool is_head_;
  std::optional<Http1BodySink> body_sink_;
  std::shared_ptr<Upload> upload_;
  bool upload_running_ = false;
  bool was_sending_ = false;
  bool have_final_head_ = false;
  bool got_bytes_ = false;       // of an answer
  bool nothing_written_ = true;  // of the request
  bool write_failed_ = false;
  bool connection_ended_ = false;
  bool appended_ = false;  // the whole answer; it is to be flushed
  int interim_ = 0;
  static constexpr absl::Duration kLookAtClient = absl::Seconds(1);
  Deadline look_at_client_;
};

}  // namespace sallyport::dataplane
