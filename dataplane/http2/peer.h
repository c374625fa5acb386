// What both sides of an HTTP/2 connection have in common: nghttp2's session, which of the peer's
// frames it gets to see, and how the connection fails. One loop's thread; private to this folder.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "dataplane/http2/budget.h"
#include "dataplane/http2/frames.h"
#include "dataplane/loop/deadline.h"
#include "dataplane/loop/loop.h"

namespace sallyport::dataplane {

// nghttp2's callbacks (callbacks.h); a friend of the session that they are handed on to.
template <typename Session>
struct Http2Calls;

class Http2PeerEvents {
 public:
  // Pump has something to give.
  virtual void OnWork() = 0;

 protected:
  ~Http2PeerEvents() = default;
};

using Http2Options = std::unique_ptr<nghttp2_option, decltype(&nghttp2_option_del)>;
// Windows and messages are ours to judge. `most_head`: bytes of a header block that we send. Null:
// no memory.
[[nodiscard]] Http2Options MakeHttp2Options(size_t most_head);

class Http2Peer {
 public:
  Http2Peer(const Http2Peer&) = delete;
  Http2Peer& operator=(const Http2Peer&) = delete;

  // All is said: once what Pump gave is written, the connection is to be closed.
  [[nodiscard]] bool done() const;
  // Why the connection had to end; empty: it had not. A constant, and more for operators.
  [[nodiscard]] absl::string_view failure() const { return failure_; }
  [[nodiscard]] const std::string& failure_detail() const { return detail_; }
  // An error of the connection, by a constant of the owner.
  void Fail(absl::string_view failure, uint32_t code);

 protected:
  // `streams`: that may be open at once. `frame_bytes`: the longest frame that the peer may send.
  // `preface_bytes`: what comes before the first frame.
  Http2Peer(Loop& loop, Http2PeerEvents& events, uint32_t streams, uint32_t frame_bytes,
            uint32_t preface_bytes);
  ~Http2Peer() { nghttp2_session_del(session_); }

  [[nodiscard]] bool wants_write() const { return nghttp2_session_want_write(session_) != 0; }

  // `admit(head)` is asked of each frame before nghttp2 sees its payload; false ends it. False: no
  // more is to be read.
  template <typename Admit>
  [[nodiscard]] bool FeedFrames(absl::string_view bytes, Admit admit) {
    while (!bytes.empty()) {
      const FrameCutter::Cut cut = cutter_.Next(bytes);
      if (cut.begins && (FailWrongSize(cut.head) || !admit(cut.head))) return false;
      if (!Take(bytes.substr(0, cut.bytes))) return false;
      bytes.remove_prefix(cut.bytes);
    }
    return true;
  }
  [[nodiscard]] bool Spend(Nuisance kind);
  // A header block begins; it must be complete within `time`.
  void BeginBlock(absl::Duration time);
  // Counts one of its fields. False: so much more than `max_head_bytes` that the rest is not
  // decoded; the connection fails.
  [[nodiscard]] bool CountField(absl::string_view name, absl::string_view value,
                                size_t max_head_bytes);
  // It does not end. True: the connection has failed by it.
  bool FailSlowHead();
  void SetDetail(absl::string_view text);
  // One of the frames that we sent.
  void NoteGoaway(const nghttp2_goaway& frame);
  void Work() { events_.OnWork(); }

  Loop& loop_;
  nghttp2_session* session_ = nullptr;
  NuisanceBudget budget_;   // of the peer
  Deadline head_deadline_;  // of the header block at hand; never: there is none
  bool aborted_ = false;
  absl::string_view failure_;

 private:
  [[nodiscard]] bool Take(absl::string_view bytes);
  [[nodiscard]] bool FailWrongSize(const FrameHead& frame) {
    if (!frame.WrongSize(frame_bytes_)) return false;
    Fail("FRAME_SIZE_ERROR", NGHTTP2_FRAME_SIZE_ERROR);
    return true;
  }
  void FailLibrary(int error);

  Http2PeerEvents& events_;
  FrameCutter cutter_;
  const uint32_t frame_bytes_;
  const size_t most_queued_;  // frames that wait for the peer to read
  size_t block_bytes_ = 0;    // of the header block at hand, decoded
  std::string detail_;
};

}  // namespace sallyport::dataplane
