#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>

#include "dataplane/loop/stream.h"

namespace sallyport::dataplane {

using Kind = IoResult::Kind;

TlsStream::TlsStream(Loop& loop, int fd, SSL* ssl) : Stream(loop, fd), ssl_(ssl) {
  SSL_set_mode(ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                         SSL_MODE_RELEASE_BUFFERS);
  if (SSL_set_fd(ssl_, fd) != 1) broken_ = true;
}

TlsStream::~TlsStream() {
  // The descriptor is closed by the base class; SSL does not own it.
  SSL_free(ssl_);
}

IoResult TlsStream::Failure(int result) {
  const int saved_errno = errno;
  IoResult outcome;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ: outcome.kind = Kind::kWantRead; return outcome;
    case SSL_ERROR_WANT_WRITE: outcome.kind = Kind::kWantWrite; return outcome;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB:
    case SSL_ERROR_WANT_X509_LOOKUP:
    case SSL_ERROR_WANT_RETRY_VERIFY:
    case SSL_ERROR_WANT_ASYNC:
    case SSL_ERROR_WANT_ASYNC_JOB: outcome.kind = Kind::kPaused; return outcome;
    case SSL_ERROR_ZERO_RETURN: outcome.kind = Kind::kEof; return outcome;
    default: break;
  }
  broken_ = true;
  outcome.kind = Kind::kError;
  outcome.tls_error = ERR_peek_last_error();
  if (outcome.tls_error == 0) {
    outcome.error = saved_errno;
    if (saved_errno == 0) outcome.kind = Kind::kTruncated;
  } else if (ERR_GET_REASON(outcome.tls_error) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    outcome.kind = Kind::kTruncated;
  }
  ERR_clear_error();
  return outcome;
}

IoResult TlsStream::TryRead(absl::Span<char> into) {
  if (into.empty()) return {};
  IoResult outcome;
  if (broken_) {
    outcome.kind = Kind::kError;
    return outcome;
  }
  ERR_clear_error();
  errno = 0;
  const int result = SSL_read_ex(ssl_, into.data(), into.size(), &outcome.bytes);
  return result == 1 ? outcome : Failure(result);
}

IoResult TlsStream::TryWrite(absl::string_view bytes) {
  if (bytes.empty()) return {};
  IoResult outcome;
  if (broken_) {
    outcome.kind = Kind::kError;
    return outcome;
  }
  ERR_clear_error();
  errno = 0;
  const int result = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &outcome.bytes);
  return result == 1 ? outcome : Failure(result);
}

IoResult TlsStream::TryHandshake() {
  if (broken_) {
    IoResult outcome;
    outcome.kind = Kind::kError;
    return outcome;
  }
  ERR_clear_error();
  errno = 0;
  const int result = SSL_do_handshake(ssl_);
  return result == 1 ? IoResult{} : Failure(result);
}

void TlsStream::TryShutdown() {
  if (broken_ || SSL_in_init(ssl_) != 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
  shutdown(fd(), SHUT_WR);
}

}  // namespace sallyport::dataplane
