// One request on a stream of an HTTP/2 connection to an upstream (attempt.h).
#pragma once

#include <boost/asio/awaitable.hpp>

#include "dataplane/forward/attempt.h"
#include "dataplane/forward/replay_body.h"
#include "dataplane/http2/client_stream.h"

namespace sallyport::dataplane {

class Http2Attempt final : public Attempt {
 public:
  // `replay`: request.body, where there is one.
  Http2Attempt(UpstreamLease lease, Loop& loop, const ForwardRequest& request, ReplayBody* replay,
               const ForwardTimeouts& timeouts, Deadline total, ResponseSink& sink,
               ForwardOutcome* outcome);
  ~Http2Attempt();

  // Fills the outcome. kRetry: nothing was done to the client and the request may go out again.
  [[nodiscard]] boost::asio::awaitable<End> Run();
  // The upstream has not begun with the request: it said so, or was never asked.
  [[nodiscard]] bool refused() const { return refused_; }

 private:
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
  [[nodiscard]] boost::asio::awaitable<void> StopUpload();
  void NoteGrpcStatus(const HeaderFields& fields);
  Step FailEnd();
  [[nodiscard]] bool MayRetry();
  [[nodiscard]] bool CanSendAgain() const { return replay_ == nullptr || replay_->CanRewind(); }

  ReplayBody* const replay_;
  Http2ClientStream stream_;
  const ResponseHead* head_ = nullptr;  // that was read last
  bool answering_ = false;
  bool refused_ = false;  // nothing was done with it
};

}  // namespace sallyport::dataplane
