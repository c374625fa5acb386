// The request's body on its way to the upstream: framed anew into a buffer, at the upstream's
// speed. A small body goes out together with the head; a larger one runs as a coroutine of its own,
// so that an answer that comes early is seen. Belongs to one loop's thread; shared by the exchange
// and its coroutine.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/types/span.h"
#include "dataplane/http/message.h"
#include "dataplane/upstream/event.h"
#include "shared/base/reason.h"

namespace sallyport::dataplane {

class Upload {
 public:
  struct Cleaning {  // of trailers, as of the head
    absl::Span<const HeaderField> set;
    absl::Span<const absl::string_view> remove;
  };
  // `sink` may hold the request's head; everything given lives until ended.
  Upload(RequestBody& body, BodySink& sink, Cleaning cleaning, Loop& loop, absl::Duration idle);

  enum class State : uint8_t { kMore, kWant, kWhole, kFailed };
  // Appends to the sink what is there, until `limit` bytes wait in it. Never waits.
  State Fill(size_t limit);
  // Flushes the sink, then the rest, until the end, a failure or the end of discarding. Wakes
  // whoever waits for the upstream when the client fails.
  [[nodiscard]] static boost::asio::awaitable<void> Run(std::shared_ptr<Upload> self);
  // No more is sent; what the client still sends is read and dropped, up to a bound and this
  // deadline.
  void Discard(Deadline until);
  // The whole body was in the sink, and that was flushed by the exchange itself.
  void MarkSent() { sent_ = true; }
  // The answer gets on: a client that says nothing meanwhile is waited for.
  void Renew() { idle_until_ = loop_.After(idle_); }
  // Everything that came went on: who runs out of time now has the client to blame, not the
  // upstream.
  [[nodiscard]] bool waits_for_client() const { return waits_for_client_; }

  [[nodiscard]] bool touched() const { return touched_; }   // bytes of the body were taken
  [[nodiscard]] bool body_ended() const { return ended_; }  // all of it was read from the client
  [[nodiscard]] bool sent() const { return sent_; }         // all of it was written to the upstream
  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  // kAllowed, or how the client failed: kClientGone, kBadRequest, kBodyTooLarge, kRequestTimeout.
  [[nodiscard]] base::Reason reason() const { return reason_; }
  [[nodiscard]] Event& finished() { return finished_; }

 private:
  State Fail(base::Reason reason);
  bool Take(absl::string_view data);
  [[nodiscard]] boost::asio::awaitable<void> FlushOut();
  [[nodiscard]] boost::asio::awaitable<bool> WaitForClient();
  [[nodiscard]] bool DiscardedEnough() const;

  RequestBody& body_;
  BodySink& sink_;
  Cleaning cleaning_;
  Loop& loop_;
  absl::Duration idle_;
  Deadline idle_until_;
  IoResult::Kind want_ = IoResult::Kind::kWantRead;
  bool touched_ = false;
  bool ended_ = false;
  bool sent_ = false;
  bool waits_for_client_ = false;
  bool discarding_ = false;
  Deadline discard_until_;
  uint64_t discarded_ = 0;
  uint64_t bytes_ = 0;
  base::Reason reason_ = base::Reason::kAllowed;
  Event finished_;
};

}  // namespace sallyport::dataplane
