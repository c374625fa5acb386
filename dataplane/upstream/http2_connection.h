// One HTTP/2 connection to an upstream, shared by requests with the same key: a coroutine that
// reads and one that writes move bytes between its stream and its session. It ends by itself when
// the upstream closes it, breaks the protocol or does not answer, and, once retired, with its last
// request. Belongs to one loop's thread; its coroutines keep it alive.
#pragma once

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "dataplane/http2/client_session.h"
#include "dataplane/upstream/connection.h"

namespace sallyport::dataplane {

class UpstreamHttp2 final : public Http2ClientEvents,
                            public std::enable_shared_from_this<UpstreamHttp2> {
 public:
  // For who shares it out: there may be room again, or, once, it is over. Never from inside of
  // Take.
  enum class Change : bool { kRoom, kOver };
  using OnChange = std::function<void(UpstreamHttp2&, Change)>;

  // `settings` outlives it. Null: no memory.
  [[nodiscard]] static std::shared_ptr<UpstreamHttp2> Start(
      std::unique_ptr<UpstreamConnection> connection, Loop& loop,
      const Http2ClientSettings& settings, OnChange on_change);
  ~UpstreamHttp2();
  UpstreamHttp2(const UpstreamHttp2&) = delete;
  UpstreamHttp2& operator=(const UpstreamHttp2&) = delete;

  // It takes requests: neither told to go, nor retired, nor over.
  [[nodiscard]] bool serving() const;
  // Another request may use it.
  [[nodiscard]] bool HasRoom() const {
    return serving() && taken_ < std::min(session_->limit(), most_);
  }
  // For one request, until Release.
  void Take();
  void Release();
  // The request at hand was refused though there was room: fewer are sent at once.
  void WasRefused();
  void WasAnswered();
  [[nodiscard]] bool Fits(const OutgoingHead& head) const { return session_->Fits(head); }
  [[nodiscard]] bool Request(const OutgoingHead& head, Http2ClientStream* stream);

  // No further request; closes when the last is over.
  void Retire();

  [[nodiscard]] UpstreamConnection& connection() const { return *connection_; }
  [[nodiscard]] size_t taken() const { return taken_; }
  // An answer has come on it: the upstream may have closed it just now, as any that is kept.
  [[nodiscard]] bool proven() const { return proven_; }
  [[nodiscard]] bool over() const { return over_; }
  [[nodiscard]] bool retired() const { return retired_; }
  [[nodiscard]] absl::Duration idle_since() const { return idle_since_; }
  // Why it ended, once it is over.
  [[nodiscard]] const UpstreamFailure& failure() const { return failure_; }
  // What the upstream did wrong, for metrics: a constant; empty: nothing.
  [[nodiscard]] absl::string_view fault() const { return session_->failure(); }

 private:
  UpstreamHttp2(std::unique_ptr<UpstreamConnection> connection, Loop& loop,
                const Http2ClientSettings& settings, OnChange on_change);
  void OnWork() override { work_.Set(); }
  static boost::asio::awaitable<void> Read(std::shared_ptr<UpstreamHttp2> self);
  static boost::asio::awaitable<void> Write(std::shared_ptr<UpstreamHttp2> self);
  [[nodiscard]] boost::asio::awaitable<bool> WriteAllThereIs();
  [[nodiscard]] IoResult TryFeed();
  void NoteEnd(const IoResult& result);
  void NoteFault();
  void SayGoodbye();
  void Close();
  void Ended();

  Loop& loop_;
  const Http2ClientSettings& settings_;
  const OnChange on_change_;
  std::unique_ptr<UpstreamConnection> connection_;
  std::unique_ptr<Http2ClientSession> session_;
  Signal work_;  // for the writer
  size_t taken_ = 0;
  size_t most_ = SIZE_MAX;  // that the upstream did not refuse
  size_t answered_ = 0;     // since that was found or tried
  absl::Duration idle_since_;
  UpstreamFailure failure_;
  Deadline last_look_;  // after a failed write, for what can still be read
  bool proven_ = false;
  bool heard_ = false;      // bytes have come
  bool fed_up_ = false;     // the session takes no more
  bool mid_write_ = false;  // half a frame may have gone out
  bool retired_ = false;
  bool closing_ = false;
  bool over_ = false;
};

}  // namespace sallyport::dataplane
