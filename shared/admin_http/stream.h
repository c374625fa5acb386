// The bytes of one connection: plain, or TLS with the SSL directly on the non-blocking socket.
// Lives on the server's thread only; the awaitable functions keep a reference to it by the
// caller's.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <memory>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "shared/crypto/openssl.h"

namespace sallyport::admin_http {

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  // Held by a shared_ptr only. `tls` null: plain. A socket or context that cannot be used makes a
  // stream that is over.
  Stream(boost::asio::ip::tcp::socket socket, SSL_CTX* tls);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // From now on every wait ends `time` from now at the latest, as if the connection had ended.
  void Within(absl::Duration time);

  // TLS only. False: failed, too late or closed.
  [[nodiscard]] boost::asio::awaitable<bool> Handshake();
  // At least one byte; 0: the end, an error, too late or closed. Lets whatever else is ready run
  // first.
  [[nodiscard]] boost::asio::awaitable<size_t> Read(absl::Span<char> into);
  // All of `bytes`, which must stay valid.
  [[nodiscard]] boost::asio::awaitable<bool> Write(absl::string_view bytes);
  // TLS: close_notify both ways, best effort.
  [[nodiscard]] boost::asio::awaitable<void> Shutdown();
  // Plain: no more will be written.
  void ShutdownSend();
  // Ends every wait. The descriptor is not touched again.
  void Close();

  // Null: plain.
  [[nodiscard]] SSL* ssl() const { return ssl_.get(); }
  [[nodiscard]] boost::asio::any_io_executor executor() { return socket_.get_executor(); }

 private:
  enum class Want : unsigned char { kNothing, kRead, kWrite };
  struct Outcome {
    size_t count = 0;            // of bytes; a finished handshake or shutdown counts 1
    Want want = Want::kNothing;  // nothing and no count: over
  };
  [[nodiscard]] bool Usable() const { return socket_.is_open() && !broken_; }
  Outcome TryRead(absl::Span<char> into);
  Outcome TryWrite(absl::string_view bytes);
  Outcome OfSocket(ssize_t count, Want want);
  Outcome OfTls(int result, size_t count);
  boost::asio::awaitable<bool> Wait(Want want);
  void ArmTimer();

  boost::asio::ip::tcp::socket socket_;
  crypto::UniqueSsl ssl_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer::time_point deadline_ = boost::asio::steady_timer::time_point::max();
  bool broken_ = false;  // nothing can be read or written any more
};

}  // namespace sallyport::admin_http
