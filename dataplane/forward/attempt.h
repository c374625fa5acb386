// One request on one upstream connection, from the first byte sent to the last byte relayed: what
// is the same whatever version of HTTP the upstream speaks. Inside of forward; one loop's thread;
// everything given outlives it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "dataplane/forward/forward.h"
#include "dataplane/forward/upload.h"

namespace sallyport::dataplane {

[[nodiscard]] bool IsIdempotent(absl::string_view method);  // RFC 9110 9.2.2

class Attempt : protected GoneListener {
 public:
  // kRetry: nothing was done to the client and the request may go out again.
  enum class End : uint8_t { kFinal, kRetry };

  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

 protected:
  enum class Step : uint8_t { kGoOn, kStop };
  static constexpr size_t kGatherBytes = 64 * 1024;  // of a body that goes with its head
  static constexpr absl::Duration kContinueWait = absl::Seconds(1);  // for "100 Continue"

  Attempt(UpstreamLease lease, Loop& loop, const ForwardRequest& request,
          const ForwardTimeouts& timeouts, Deadline total, ResponseSink& sink,
          ForwardOutcome* outcome);
  ~Attempt() = default;

  // The request's body, into `to`: what of it is there, at most kGatherBytes.
  [[nodiscard]] Upload::State BeginUpload(BodySink& to);
  // The rest of it, while the answer is waited for.
  void GoOnUploading();
  // True: it is under way, and what it waits for at the upstream is to be cancelled.
  [[nodiscard]] bool DiscardUpload();
  // Where one is under way. It uses the client's body and the upstream's stream: it must be over
  // before we are.
  [[nodiscard]] boost::asio::awaitable<void> AwaitUpload();
  // True while the request is under way, and once after its end: the time for an answer counts from
  // there.
  [[nodiscard]] bool StillSending();

  // The upstream says nothing to an expectation (RFC 9110 10.1.1): the client is told to go on, and
  // that the time is up is forgiven.
  [[nodiscard]] boost::asio::awaitable<Step> SayContinue();
  [[nodiscard]] boost::asio::awaitable<Step> FlushToClient();
  [[nodiscard]] Step Flushed(const IoResult& result);
  // Now and then, however busy the upstream is. False: it has left.
  [[nodiscard]] bool ClientIsThere();
  // When it is asked again, at the earliest.
  [[nodiscard]] Deadline look_at_client() const { return look_at_client_; }
  [[nodiscard]] Deadline Until(absl::Duration duration) const {
    return total_.Earlier(loop_.After(duration));
  }

  Step Fail(base::Reason reason, std::string detail);
  Step FailLate();
  Step FailGone();
  // The answer was begun and has no end.
  void CutAnswer();
  // As if nothing had failed: the next one fills the outcome.
  void Forgive();
  [[nodiscard]] bool BudgetAllows();
  [[nodiscard]] bool WasRead() const;  // the whole request

  UpstreamLease lease_;
  Loop& loop_;
  const ForwardRequest& request_;
  const ForwardTimeouts& timeouts_;
  const Deadline total_;
  ResponseSink& sink_;
  ForwardOutcome& outcome_;
  std::shared_ptr<Upload> upload_;
  bool upload_running_ = false;
  bool have_final_head_ = false;
  bool connection_ended_ = false;

 private:
  bool was_sending_ = false;
  Deadline look_at_client_;
};

}  // namespace sallyport::dataplane
