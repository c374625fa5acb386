#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>

#include "dataplane/loop/stream.h"

namespace sallyport::dataplane {

using Kind = IoResult::Kind;

// Between SSL and the descriptor: keeps the stream's readiness up to date, so that SSL never asks
// the kernel for what is known not to be there, and no SIGPIPE comes of a write.
struct TlsStream::Transport {
  static Readiness& Of(BIO* bio) { return *static_cast<Readiness*>(BIO_get_data(bio)); }

  static int Read(BIO* bio, char* into, size_t size, size_t* done) {
    Readiness& readiness = Of(bio);
    BIO_clear_retry_flags(bio);
    if (!readiness.MayTry(Direction::kRead)) {
      BIO_set_retry_read(bio);
      return 0;
    }
    const ssize_t count = recv(readiness.fd(), into, size, 0);
    if (count > 0) {
      *done = static_cast<size_t>(count);
      if (*done < size) readiness.ReadShort();
      return 1;
    }
    if (count == 0) {
      BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    } else if (MayRetry(Direction::kRead, readiness)) {
      BIO_set_retry_read(bio);
    }
    return 0;
  }

  static int Write(BIO* bio, const char* bytes, size_t size, size_t* done) {
    Readiness& readiness = Of(bio);
    BIO_clear_retry_flags(bio);
    if (!readiness.MayTry(Direction::kWrite)) {
      BIO_set_retry_write(bio);
      return 0;
    }
    const ssize_t count = send(readiness.fd(), bytes, size, MSG_NOSIGNAL);
    if (count >= 0) {
      *done = static_cast<size_t>(count);
      return 1;
    }
    if (MayRetry(Direction::kWrite, readiness)) BIO_set_retry_write(bio);
    return 0;
  }

  static bool MayRetry(Direction direction, Readiness& readiness) {
    if (errno == EINTR) return true;
    const bool would_block = errno == EAGAIN || errno == EWOULDBLOCK;
    if (would_block) {
      readiness.Drained(direction);
    } else {
      readiness.Broken();
    }
    return would_block;
  }

  static long Control(BIO* bio, int command, long /*number*/, void* pointer) {
    switch (command) {
      case BIO_CTRL_FLUSH: return 1;
      case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
      case BIO_C_GET_FD:
        if (pointer != nullptr) *static_cast<int*>(pointer) = Of(bio).fd();
        return Of(bio).fd();
      default: return 0;
    }
  }

  static BIO_METHOD* MakeMethod() {
    const int type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR;
    BIO_METHOD* const method = BIO_meth_new(type, "stream");
    if (method == nullptr) return nullptr;
    BIO_meth_set_read_ex(method, Read);
    BIO_meth_set_write_ex(method, Write);
    BIO_meth_set_ctrl(method, Control);
    return method;
  }

  // Null: no memory.
  static BIO* Make(Readiness* readiness) {
    static BIO_METHOD* const method = MakeMethod();
    BIO* const bio = method == nullptr ? nullptr : BIO_new(method);
    if (bio == nullptr) return nullptr;
    BIO_set_data(bio, readiness);
    BIO_set_init(bio, 1);
    return bio;
  }
};

namespace {

// What SSL_get_error looks at must be empty before each call. Emptying costs as much as a small
// record, and nearly always it is empty.
void ForgetErrors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

}  // namespace

// OpenSSL reads a session, also the copy that it makes for each ticket, in the library context that
// is the thread's default, whatever the SSL's is: among all algorithms, beside every other thread.
// So while it may do so, another is the default.
class TlsStream::TicketScope {
 public:
  explicit TicketScope(const TlsStream& stream) : ssl_(stream.ssl_) {
    if (stream.tickets_ != nullptr && SSL_in_init(ssl_) != 0)
      before_ = OSSL_LIB_CTX_set0_default(stream.tickets_);
  }
  ~TicketScope() {
    if (before_ == nullptr) return;
    OSSL_LIB_CTX_set0_default(before_);
    // A ticket's handshake takes both record buffers and gives back one, SSL_MODE_RELEASE_BUFFERS
    // or not: an idle connection would keep the other.
    if (HoldsNothing()) SSL_free_buffers(ssl_);
  }
  TicketScope(const TicketScope&) = delete;
  TicketScope& operator=(const TicketScope&) = delete;

 private:
  // Neither of a record of which only the head has come, nor what nobody has read yet. OpenSSL
  // before 3.0.14 gives back the buffer under both (CVE-2024-4741).
  [[nodiscard]] bool HoldsNothing() const {
    return SSL_in_init(ssl_) == 0 && SSL_has_pending(ssl_) == 0 &&
           absl::string_view(SSL_rstate_string(ssl_)) == "RH";
  }

  SSL* const ssl_;
  OSSL_LIB_CTX* before_ = nullptr;
};

TlsStream::TlsStream(Loop& loop, int fd, SSL* ssl, OSSL_LIB_CTX* tickets)
    : Stream(loop, fd), ssl_(ssl), tickets_(tickets) {
  SSL_set_mode(ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                         SSL_MODE_RELEASE_BUFFERS);
  BIO* const transport = Transport::Make(&readiness());
  broken_ = transport == nullptr;
  if (transport != nullptr) SSL_set_bio(ssl_, transport, transport);
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
  // SSL would come to the same end, but not as cheaply. What it still has to write it must be let
  // write.
  if (!readiness().MayTry(Direction::kRead) && !HasBuffered() && !SSL_want_write(ssl_)) {
    outcome.kind = Kind::kWantRead;
    return outcome;
  }
  const TicketScope scope(*this);
  ForgetErrors();
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
  const TicketScope scope(*this);
  ForgetErrors();
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
  const TicketScope scope(*this);
  ForgetErrors();
  errno = 0;
  const int result = SSL_do_handshake(ssl_);
  return result == 1 ? IoResult{} : Failure(result);
}

void TlsStream::TryShutdown() {
  if (broken_) return;
  const TicketScope scope(*this);
  ERR_clear_error();
  // A ticket that waits for the next write counts as a handshake to SSL_shutdown, and it would say
  // nothing.
  if (SSL_get_state(ssl_) == TLS_ST_OK && SSL_in_init(ssl_) != 0) SSL_do_handshake(ssl_);
  if (SSL_in_init(ssl_) == 0) SSL_shutdown(ssl_);
  ERR_clear_error();
  shutdown(fd(), SHUT_WR);
}

}  // namespace sallyport::dataplane
