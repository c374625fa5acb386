// One request on an HTTP/1.1 connection to an upstream (attempt.h).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>

#include "dataplane/forward/attempt.h"
#include "dataplane/forward/http1_upstream.h"

namespace sallyport::dataplane {

class ResponseParser;

class Http1Attempt final : public Attempt {
 public:
  Http1Attempt(UpstreamLease lease, Loop& loop, const ForwardRequest& request,
               const ForwardTimeouts& timeouts, Deadline total, ResponseSink& sink,
               ForwardOutcome* outcome);
  ~Http1Attempt();

  // Fills the outcome. kRetry: nothing was done to the client and the request may go out again.
  [[nodiscard]] boost::asio::awaitable<End> Run();
  // No byte of the request went out.
  [[nodiscard]] bool nothing_written() const { return nothing_written_; }

 private:
  void OnClientGone() override { connection_.stream->Cancel(); }
  void AppendHead();
  void AppendFraming(std::string* out) const;
  [[nodiscard]] boost::asio::awaitable<Step> Send();
  [[nodiscard]] boost::asio::awaitable<Step> AwaitContinue();
  [[nodiscard]] boost::asio::awaitable<Step> WriteOut();
  // What needs no waiting needs no coroutine. Nothing: the one of that name goes on from there.
  [[nodiscard]] std::optional<Step> TryWriteOut();
  [[nodiscard]] std::optional<Step> TryReadHead(ResponseParser* parser, IoResult::Kind* want);
  [[nodiscard]] std::optional<Step> TryAnswer();
  [[nodiscard]] Step Written(const IoResult& result);
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
  [[nodiscard]] boost::asio::awaitable<void> StopUpload();
  void StartAnswer();
  [[nodiscard]] Step AppendWholeBody();
  Step FailRead(const IoResult& result);
  Step FailBody(const BodyPiece& piece);
  void Conclude(bool whole);
  [[nodiscard]] bool MayRetry() const;

  UpstreamConnection& connection_;
  const bool is_head_;
  std::optional<Http1BodySink> body_sink_;
  bool got_bytes_ = false;       // of an answer
  bool nothing_written_ = true;  // of the request
  bool write_failed_ = false;
  bool appended_ = false;  // the whole answer; it is to be flushed
  int interim_ = 0;
};

}  // namespace sallyport::dataplane
