// The server's side of one HTTP/2 connection (RFC 9113) over libnghttp2: bytes in, streams and
// bytes out. Knows nothing of sockets, nor of what requests mean. Refuses by the right error what
// the protocol forbids, and ends connections that cost more than they may (budget.h). Its owner
// feeds it, writes what Pump gives, and lends it streams. One loop's thread; no call from inside of
// Http2Events except where said.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dataplane/http2/peer.h"
#include "dataplane/http2/settings.h"
#include "dataplane/http2/stream.h"

namespace sallyport::dataplane {

// What the owner is told, mostly from inside of Feed: it must only take note, and act later.
class Http2Events : public Http2PeerEvents {
 public:
  // A free stream for a request that begins; null: there is none, it is refused and may come again.
  virtual Http2Stream* OnBegin() = 0;
  // Its head is complete: `stream->head` and `stream->verdict`.
  virtual void OnRequest(Http2Stream* stream) = 0;
  // It is closed. One that had no OnRequest has none any more.
  virtual void OnClosed(Http2Stream* stream) = 0;
  // A stream was reset; `code` of RFC 9113 7.
  virtual void OnReset(bool by_client, uint32_t code) = 0;

 protected:
  ~Http2Events() = default;
};

class Http2Session : public Http2Peer {
 public:
  // All outlive it. Null: no memory.
  [[nodiscard]] static std::unique_ptr<Http2Session> Create(const Http2Settings& settings,
                                                            Loop& loop, Http2Events& events);

  // False: no more is to be read; write what Pump gives, and close.
  [[nodiscard]] bool Feed(absl::string_view bytes);
  // Appends frames to `*out`, each open stream in turn, up to about `most` bytes in it.
  void Pump(std::string* out, size_t most);

  // Ends: no stream after those that are known. `at_once`: also none that is under way to us; else
  // the client is told first, and those that it began before it heard of it are served.
  void WindUp(bool at_once);
  // The connection is gone: every stream is.
  void Abort();

  // From time to time: resets streams that do not get on, fails a header block that does not end.
  void Sweep();
  // When Sweep has something to do at the latest, streams that do not get on apart.
  [[nodiscard]] Deadline sweep_by() const {
    return head_deadline_.Earlier(grace_).Earlier(stop_by_);
  }
  [[nodiscard]] size_t open_streams() const { return open_.size(); }
  // Bytes of answers that wait for the client.
  [[nodiscard]] size_t unsent() const { return unsent_; }

 private:
  friend class Http2Stream;
  friend struct Http2Calls<Http2Session>;
  static constexpr size_t kCrowdedBytes = 512 * 1024;
  static constexpr size_t kTurnBytes = 16 * 1024;
  static constexpr size_t kRemembered = 256;

  // How a stream ended; what comes on it afterwards is judged by it (RFC 9113 5.1).
  enum class Ended : uint8_t { kUnknown, kWhole, kByClient, kByUs };
  struct Past {
    int32_t id = 0;
    Ended how = Ended::kUnknown;
  };

  Http2Session(const Http2Settings& settings, Loop& loop, Http2Events& events);
  [[nodiscard]] bool Start();
  [[nodiscard]] bool Admit(const FrameHead& frame);
  [[nodiscard]] bool AdmitOnClosed(const FrameHead& frame);
  [[nodiscard]] Ended HowEnded(int32_t id) const;
  void Remember(int32_t id, Ended how);
  void Fault(Http2Stream* stream);

  // nghttp2's callbacks.
  void BeginHead(const nghttp2_frame& frame);
  void BeginTrailers(Http2Stream* stream);
  [[nodiscard]] bool Field(int32_t id, absl::string_view name, absl::string_view value);
  void FrameReceived(const nghttp2_frame& frame);
  void EndHead(Http2Stream* stream, bool end_stream);
  void EndTrailers(Http2Stream* stream, bool end_stream);
  void EndFrame(Http2Stream* stream, const nghttp2_frame_hd& frame);
  void Data(int32_t id, absl::string_view data);
  void RemoteEnd(Http2Stream* stream);
  void FrameSent(const nghttp2_frame& frame);
  void Closed(int32_t id, uint32_t code);
  void Close(Http2Stream* stream);
  // `source` is the stream.
  [[nodiscard]] ssize_t Read(int32_t id, void* source, size_t most, uint32_t* flags);
  [[nodiscard]] int Send(int32_t id, void* source, const uint8_t* frame_head, size_t size);
  void NotSent(const nghttp2_frame& frame);
  [[nodiscard]] Http2Stream* Find(int32_t id) const;
  // A stream waits for its next turn and the window of the connection is open.
  [[nodiscard]] bool turn_possible() const;
  void Open(Http2Stream* stream);

  // For streams.
  void Submit(Http2Stream* stream);
  void SubmitInterim(Http2Stream* stream, const AnswerHead& answer);
  void Resume(Http2Stream* stream);
  void Reset(Http2Stream* stream, uint32_t code);
  void ReturnWindow(Http2Stream* stream, size_t bytes);

  // The rest of a request that was answered is not wanted (RFC 9113 8.1). RST_STREAM(NO_ERROR)
  // waits until a PING behind the answer is acknowledged: clients that read both at once
  // (curl 7.88) forget the answer over the reset.
  void StopBody(Http2Stream* stream);
  void AskWhetherRead();
  void ResetAsked();
  [[nodiscard]] static bool IsStopPing(const nghttp2_frame& frame);
  void Keep(size_t bytes) { unsent_ += bytes; }
  void Forget(size_t bytes) { unsent_ -= bytes; }
  // Their answers fill the connection's share of memory.
  [[nodiscard]] bool crowded() const { return unsent_ > kCrowdedBytes; }

  const Http2Settings& settings_;
  Http2Events& events_;
  std::vector<Http2Stream*> open_;
  std::deque<int32_t> turns_;   // streams that have had theirs and have more
  std::vector<Past> past_;      // the last streams, by number
  int32_t highest_ = 0;         // of a stream that the client has begun
  std::string* out_ = nullptr;  // of the Pump that runs
  size_t most_ = 0;
  size_t unsent_ = 0;
  Deadline grace_;                // of a client that was told of the end
  std::vector<int32_t> asked_;    // streams whose answer is before the PING that is under way
  std::vector<int32_t> to_stop_;  // whose answer is behind it
  Deadline stop_by_;              // of the PING
  bool winding_up_ = false;
  bool last_named_ = false;  // the last stream was named
};

}  // namespace sallyport::dataplane
