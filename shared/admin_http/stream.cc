#include "shared/admin_http/stream.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <utility>

namespace sallyport::admin_http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

Stream::Stream(tcp::socket socket, SSL_CTX* tls)
    : socket_(std::move(socket)), timer_(socket_.get_executor()) {
  error_code error;
  socket_.native_non_blocking(true, error);
  if (error) broken_ = true;
  if (tls == nullptr) return;
  ssl_.reset(SSL_new(tls));
  if (ssl_ == nullptr || SSL_set_fd(ssl_.get(), socket_.native_handle()) != 1) {
    broken_ = true;
    return;
  }
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                               SSL_MODE_RELEASE_BUFFERS);
  SSL_set_accept_state(ssl_.get());
}

void Stream::Within(absl::Duration time) {
  deadline_ = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(time);
}

asio::awaitable<bool> Stream::Handshake() {
  while (Usable()) {
    ERR_clear_error();
    const Outcome outcome = OfTls(SSL_do_handshake(ssl_.get()), 1);
    if (outcome.want == Want::kNothing) co_return outcome.count != 0;
    if (!co_await Wait(outcome.want)) break;
  }
  co_return false;
}

asio::awaitable<size_t> Stream::Read(absl::Span<char> into) {
  const bool pending = ssl_ != nullptr && SSL_has_pending(ssl_.get()) == 1;
  if (!pending && !co_await Wait(Want::kRead)) co_return 0;
  while (Usable()) {
    const Outcome outcome = TryRead(into);
    if (outcome.want == Want::kNothing) co_return outcome.count;
    if (!co_await Wait(outcome.want)) break;
  }
  co_return 0;
}

asio::awaitable<bool> Stream::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    if (!Usable()) co_return false;
    const Outcome outcome = TryWrite(bytes);
    bytes.remove_prefix(outcome.count);
    if (outcome.count != 0) continue;
    if (outcome.want == Want::kNothing || !co_await Wait(outcome.want)) co_return false;
  }
  co_return true;
}

asio::awaitable<void> Stream::Shutdown() {
  while (Usable() && SSL_in_init(ssl_.get()) == 0) {
    ERR_clear_error();
    int result = SSL_shutdown(ssl_.get());  // 0: ours is sent
    if (result == 0) result = SSL_shutdown(ssl_.get());
    const Outcome outcome = OfTls(result, 1);
    if (outcome.want == Want::kNothing || !co_await Wait(outcome.want)) co_return;
  }
}

void Stream::ShutdownSend() {
  error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
}

void Stream::Close() {
  error_code ignored;
  socket_.close(ignored);
}

Stream::Outcome Stream::TryRead(absl::Span<char> into) {
  if (ssl_ == nullptr) {
    return OfSocket(recv(socket_.native_handle(), into.data(), into.size(), 0), Want::kRead);
  }
  ERR_clear_error();
  size_t count = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &count);
  return OfTls(result, count);
}

Stream::Outcome Stream::TryWrite(absl::string_view bytes) {
  if (ssl_ == nullptr) {
    return OfSocket(send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                    Want::kWrite);
  }
  ERR_clear_error();
  size_t count = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
  return OfTls(result, count);
}

Stream::Outcome Stream::OfSocket(ssize_t count, Want want) {
  if (count > 0) return {.count = static_cast<size_t>(count)};
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return {.want = want};
  broken_ = count < 0;  // after the peer's end an answer can still be written
  return {};
}

Stream::Outcome Stream::OfTls(int result, size_t count) {
  if (result == 1) return {.count = count};
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ) return {.want = Want::kRead};
  if (error == SSL_ERROR_WANT_WRITE) return {.want = Want::kWrite};
  // After a fatal error neither SSL_shutdown nor anything else may be called.
  if (error != SSL_ERROR_ZERO_RETURN) broken_ = true;
  ERR_clear_error();
  return {};
}

asio::awaitable<bool> Stream::Wait(Want want) {
  if (!Usable() || std::chrono::steady_clock::now() >= deadline_) co_return false;
  ArmTimer();
  constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
  const auto kind = want == Want::kRead ? tcp::socket::wait_read : tcp::socket::wait_write;
  const auto [error] = co_await socket_.async_wait(kind, kAwait);
  timer_.cancel();
  co_return !error && Usable();
}

// Cancels the wait at the deadline. An expiry that comes after its wait has ended must not cut the
// next.
void Stream::ArmTimer() {
  timer_.expires_at(deadline_);
  timer_.async_wait([weak = weak_from_this()](error_code error) {
    const std::shared_ptr<Stream> self = weak.lock();
    if (error || self == nullptr || std::chrono::steady_clock::now() < self->timer_.expiry())
      return;
    error_code ignored;
    self->socket_.cancel(ignored);
  });
}

}  // namespace sallyport::admin_http
