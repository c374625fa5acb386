// One request on a stream of an HTTP/2 upstream connection, from its head to the last byte relayed:
// what attempt.h is for HTTP/1.1. Inside of forward; one loop's thread; everything given outlives
// it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "dataplane/forward/attempt.h"
#include "dataplane/forward/replay_body.h"
#include "dataplane/http2/client_stream.h"

namespace sallyport::dataplane {

class Http2Attempt final : private GoneListener {
 public:
  using End = Attempt::End;

  // `replay`: request.body, where there is one.
  Http2Attempt(UpstreamLease lease, Loop& loop, const ForwardRequest& request, ReplayBody* replay,
               const ForwardTimeouts& timeouts, Deadline total, ResponseSink& sink,
               ForwardOutcome* outcome);
  ~Http2Attempt();
  Http2Attempt(const Http2Attempt&) = delete;
  Http2Attempt& operator=(const Http2Attempt&) = delete;

  // Fills the outcome. kRetry: nothing was done to the client and the request may go out again.
  [[nodiscard]] boost::asio::awaitable<End> Run();
  // The upstream has not begun with the request: it said so, or was never asked.
  [[nodiscard]] bool refused() const { return refused_; }

 private:
  enum class Step : uint8_t { kGoOn, kStop };

  void OnClientGone() override { stream_.Interrupt(); }
  [[nodiscard]] Step Begin();
  [[nodiscard]] boost::asio::awaitable<Step> Send();
  [[nodiscard]] boost::asio::awaitable<Step> AwaitContinue();
  [[nodiscard]] boost::asio::awaitable<Step> ReadFinalHead(Deadline deadline);
  [[nodiscard]] boost::asio::awaitable<Step> ReadHead(Deadline deadline);
  [[nodiscard]] boost::asio::awaitable<Step> RelayInterim(const ResponseHead& head);
  // `deadline` is put off while the request is still being sent.
  [[nodiscard]] boost::asio::awaitable<Step> WaitUpstream(Deadline* deadline);
  [[nodiscard]] boost::asio::awaitable<Step> Answer();
  void StartAnswer(const ResponseHead& head);
  [[nodiscard]] boost::asio::awaitable<Step> RelayBody();
  [[nodiscard]] boost::asio::awaitable<Step> FlushToClient();
  [[nodiscard]] boost::asio::awaitable<void> StopUpload();
  void NoteGrpcStatus(const HeaderFields& fields);
  Step Fail(base::Reason reason, std::string detail);
  Step FailLate();
  Step FailEnd();
  [[nodiscard]] bool MayRetry();
  [[nodiscard]] bool StillSending();
  [[nodiscard]] bool CanSendAgain() const { return replay_ == nullptr || replay_->CanRewind(); }
  [[nodiscard]] Deadline Until(absl::Duration duration) const {
    return total_.Earlier(loop_.After(duration));
  }

  UpstreamLease lease_;
  Loop& loop_;
  const ForwardRequest& request_;
  ReplayBody* const replay_;
  const ForwardTimeouts& timeouts_;
  const Deadline total_;
  ResponseSink& sink_;
  ForwardOutcome& outcome_;
  Http2ClientStream stream_;
  const ResponseHead* head_ = nullptr;  // that was read last
  std::shared_ptr<Upload> upload_;
  bool upload_running_ = false;
  bool was_sending_ = false;
  bool have_final_head_ = false;
  bool answering_ = false;
  bool refused_ = false;  // nothing was done with it
  bool connection_ended_ = false;
  Deadline look_at_client_;
};

}  // namespace sallyport::dataplane
