// The client's side of one HTTP/2 connection (RFC 9113), to an upstream, over libnghttp2: requests
// in, bytes out; bytes in, answers out. Knows nothing of sockets. An upstream is not trusted: what
// the protocol forbids is refused by the right error, and a connection that costs more than it may
// is ended (budget.h). Its owner feeds it and writes what Pump gives. One loop's thread; no call
// from inside of Http2ClientEvents.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "dataplane/http2/client_settings.h"
#include "dataplane/http2/client_stream.h"
#include "dataplane/http2/peer.h"

namespace sallyport::dataplane {

using Http2ClientEvents = Http2PeerEvents;

class Http2ClientSession : public Http2Peer {
 public:
  // All outlive it. Null: no memory.
  [[nodiscard]] static std::unique_ptr<Http2ClientSession> Create(
      const Http2ClientSettings& settings, Loop& loop, Http2ClientEvents& events);
  ~Http2ClientSession();

  // Begins a request; copies what `head` shows. False: no request can be begun on this connection
  // any more.
  [[nodiscard]] bool Request(const OutgoingHead& head, Http2ClientStream* stream);

  // Whether a head is within what the upstream said that it takes (RFC 9113 10.5.1). Beyond it an
  // upstream may end the connection, and with it what others wait for.
  [[nodiscard]] bool Fits(const OutgoingHead& head) const;

  // False: no more is to be read; write what Pump gives, and close.
  [[nodiscard]] bool Feed(absl::string_view bytes);
  // Appends frames to `*out`, up to about `most` bytes in it.
  void Pump(std::string* out, size_t most);
  // The upstream's GOAWAY, as text for operators; empty: none came.
  [[nodiscard]] absl::string_view goaway() const { return goaway_; }

  // Streams that may be open at once: what the upstream allows, and our own bound.
  [[nodiscard]] size_t limit() const;
  [[nodiscard]] size_t open_streams() const { return open_.size(); }
  // No request can be begun (any more).
  [[nodiscard]] bool going_away() const;
  // The upstream has sent its SETTINGS.
  [[nodiscard]] bool settled() const { return settled_; }

  // Ends: no request after those that are under way.
  void WindUp();
  // The connection is gone, and with it every stream.
  void Abort();

  // Asks a silent upstream whether it is there, fails a connection that does not answer, or whose
  // header block does not end. To be called at sweep_by().
  void Sweep();
  [[nodiscard]] Deadline sweep_by() const;

 private:
  friend class Http2ClientStream;
  friend struct Http2Calls<Http2ClientSession>;

  Http2ClientSession(const Http2ClientSettings& settings, Loop& loop, Http2ClientEvents& events);
  [[nodiscard]] bool Start();
  [[nodiscard]] bool Admit(const FrameHead& frame);
  [[nodiscard]] bool AdmitStray(const FrameHead& frame);
  [[nodiscard]] bool SpendStray(uint32_t* allowed, Nuisance kind);
  void Fault(Http2ClientStream* stream, const char* detail);
  void SendPing();
  void Heard();
  [[nodiscard]] Http2ClientStream* Find(int32_t id) const;

  // nghttp2's callbacks.
  void BeginHead(const nghttp2_frame& frame);
  [[nodiscard]] bool Field(int32_t id, absl::string_view name, absl::string_view value);
  void FrameReceived(const nghttp2_frame& frame);
  void EndHead(Http2ClientStream* stream, bool end_stream);
  void EndTrailers(Http2ClientStream* stream, bool end_stream);
  void EndFrame(Http2ClientStream* stream, const nghttp2_frame_hd& frame);
  void Data(int32_t id, absl::string_view data);
  void RemoteEnd(Http2ClientStream* stream);
  void FrameSent(const nghttp2_frame& frame);
  void NotSent(const nghttp2_frame& frame);
  void Closed(int32_t id, uint32_t code);
  // Streams may be gone before they are closed: they are found by number, `source` is null.
  [[nodiscard]] ssize_t Read(int32_t id, void* source, size_t most, uint32_t* flags);
  [[nodiscard]] int Send(int32_t id, void* source, const uint8_t* frame_head, size_t size);

  // For streams.
  void Resume(Http2ClientStream* stream);
  void ReturnWindow(const Http2ClientStream* stream, size_t bytes);
  void Leave(Http2ClientStream* stream, uint32_t code);
  void Remove(Http2ClientStream* stream);

  const Http2ClientSettings& settings_;
  NuisanceBudget cancels_;  // ours
  absl::flat_hash_map<int32_t, Http2ClientStream*> open_;
  std::string* out_ = nullptr;  // of the Pump that runs
  size_t most_ = 0;
  uint64_t stray_bytes_ = 0;  // that may still come on streams that are over for us
  uint32_t stray_heads_ = 0, stray_resets_ = 0;
  absl::Duration heard_;                        // loop time, of the last bytes
  Deadline silent_by_;                          // then a PING goes out
  Deadline pong_by_;                            // never: none is waited for
  Deadline next_ping_ = Deadline::AtMillis(0);  // not before
  bool first_bytes_ = true;
  bool settled_ = false;
  bool exhausted_ = false;  // no more stream numbers
  bool winding_up_ = false;
  bool worn_out_ = false;  // too much was taken back on it
  std::string goaway_;
};

}  // namespace sallyport::dataplane
