// A byte stream on a non-blocking descriptor: plain, or TLS with the SSL directly on the descriptor
// (server and client side alike). The Try calls never wait and never allocate, and make no system
// call where the loop knows that it would block; the awaitable functions below try first and wait
// for readiness only when they must. Belongs to one loop's thread.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dataplane/loop/deadline.h"
#include "dataplane/loop/readiness.h"

namespace sallyport::dataplane {

struct IoResult {
  enum class Kind : uint8_t {
    kDone,       // `bytes` moved; a handshake or shutdown has finished
    kWantRead,   // only from Try calls: wait until readable, then call again
    kWantWrite,  // only from Try calls: wait until writable, then call again
    kPaused,  // TLS: a callback asked to wait (client hello, verify): call again once it can go on
    kEof,     // orderly end: close_notify, or FIN on a plain stream
    kTruncated,  // FIN without close_notify on TLS: a body that ends by it is not whole
    kTimeout,    // only from awaitable calls
    kCancelled,  // only from awaitable calls: Cancel was called
    kError,      // `error` is errno, or 0 for a TLS failure: `tls_error` is the OpenSSL code
  };
  Kind kind = Kind::kDone;
  size_t bytes = 0;
  int error = 0;
  unsigned long tls_error =
      0;  // ERR_* code; for the alert of a failed handshake see ERR_GET_REASON

  [[nodiscard]] bool ok() const { return kind == Kind::kDone; }
  [[nodiscard]] bool wants() const { return kind == Kind::kWantRead || kind == Kind::kWantWrite; }
  // For logs; no secrets.
  [[nodiscard]] std::string ToString() const;
};

class Stream {
 public:
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // An empty span reads nothing and answers kDone, 0 bytes.
  [[nodiscard]] virtual IoResult TryRead(absl::Span<char> into) = 0;
  // May take a part; after kWantRead/kWantWrite call again with the same bytes (they may have
  // moved).
  [[nodiscard]] virtual IoResult TryWrite(absl::string_view bytes) = 0;
  // TLS: one step of the handshake (by SSL_do_handshake). Plain: kDone.
  [[nodiscard]] virtual IoResult TryHandshake() = 0;
  // Says that no more will be written (close_notify, FIN); best effort, never waits.
  virtual void TryShutdown() = 0;
  [[nodiscard]] virtual SSL* ssl() const { return nullptr; }
  // Bytes may have been read from the descriptor already: waiting for readiness could then wait too
  // long.
  [[nodiscard]] virtual bool HasBuffered() const { return false; }

  [[nodiscard]] int fd() const { return readiness_.fd(); }
  [[nodiscard]] Loop& loop() const { return readiness_.loop(); }
  [[nodiscard]] Readiness& readiness() { return readiness_; }
  // Ends every wait of now and later with kCancelled (severing, drain).
  void Cancel() { readiness_.Cancel(); }
  void Close() { readiness_.Close(); }
  // For a pooled connection, idle since the loop had `looks`: true when nothing is there to read
  // and the peer has not closed. As of the loop's last look where there was one since; otherwise
  // the kernel is asked.
  [[nodiscard]] bool IdleAndOpen(uint64_t looks) const;

 protected:
  Stream(Loop& loop, int fd) : readiness_(loop, fd) {}

 private:
  Readiness readiness_;
};

// Takes `fd` (non-blocking).
class PlainStream final : public Stream {
 public:
  PlainStream(Loop& loop, int fd) : Stream(loop, fd) {}
  [[nodiscard]] IoResult TryRead(absl::Span<char> into) override;
  [[nodiscard]] IoResult TryWrite(absl::string_view bytes) override;
  [[nodiscard]] IoResult TryHandshake() override { return {}; }
  void TryShutdown() override;
};

// Takes `fd` and `ssl` (either side: SSL_set_accept_state or SSL_set_connect_state was called).
class TlsStream final : public Stream {
 public:
  // `tickets`: the library context for the session tickets that a server's SSL makes and opens;
  // null for a client's.
  TlsStream(Loop& loop, int fd, SSL* ssl, OSSL_LIB_CTX* tickets = nullptr);
  ~TlsStream() override;
  [[nodiscard]] IoResult TryRead(absl::Span<char> into) override;
  [[nodiscard]] IoResult TryWrite(absl::string_view bytes) override;
  [[nodiscard]] IoResult TryHandshake() override;
  void TryShutdown() override;
  [[nodiscard]] SSL* ssl() const override { return ssl_; }
  [[nodiscard]] bool HasBuffered() const override { return SSL_has_pending(ssl_) == 1; }

 private:
  struct Transport;  // the BIO
  class TicketScope;
  [[nodiscard]] IoResult Failure(int result);
  SSL* ssl_;
  OSSL_LIB_CTX* const tickets_;
  bool broken_ = false;  // a fatal error was seen: SSL_shutdown must not be called
};

// At least one byte, or the end.
[[nodiscard]] boost::asio::awaitable<IoResult> Read(Stream& stream, absl::Span<char> into,
                                                    Deadline deadline);
// Writes as much of `*bytes` as goes without waiting, and takes it off. The result of the whole,
// whose bytes are those that went; nothing: what is left has to wait as `*want` says.
[[nodiscard]] std::optional<IoResult> TryWriteAll(Stream& stream, absl::string_view* bytes,
                                                  IoResult::Kind* want);
// All of `bytes`, which must stay valid; the deadline is for the whole.
[[nodiscard]] boost::asio::awaitable<IoResult> WriteAll(Stream& stream, absl::string_view bytes,
                                                        Deadline deadline);
// To the end, or kPaused.
[[nodiscard]] boost::asio::awaitable<IoResult> Handshake(Stream& stream, Deadline deadline);
// Waits as `result.kind` (kWantRead or kWantWrite) says: kDone, kTimeout or kCancelled.
[[nodiscard]] boost::asio::awaitable<IoResult> WaitFor(Stream& stream, IoResult::Kind want,
                                                       Deadline deadline);

// Lets everything else that is ready on the loop run first.
[[nodiscard]] boost::asio::awaitable<void> Yield(Loop& loop);

// How much a coroutine does without waiting before it yields: a peer that is always fast enough
// must not keep a loop to itself.
class FairShare {
 public:
  // True when it is time to Yield; counts anew from there.
  [[nodiscard]] bool Relay(size_t bytes) { return Spend(bytes + kEachPiece); }
  [[nodiscard]] bool Serve() { return Spend(kEachRequest); }
  // It has waited.
  void Renew() { spent_ = 0; }

 private:
  static constexpr size_t kShare = 256 * 1024;
  static constexpr size_t kEachPiece = 1024;  // tiny chunks cost as well
  static constexpr size_t kEachRequest = kShare / 16;
  [[nodiscard]] bool Spend(size_t amount) {
    spent_ += amount;
    if (spent_ < kShare) return false;
    spent_ = 0;
    return true;
  }
  size_t spent_ = 0;
};

}  // namespace sallyport::dataplane
