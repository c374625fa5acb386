// An upstream for tests: real sockets on loopback, port 0, plain or TLS by OpenSSL, each connection
// on a thread of its own that runs a script. Destruction ends every script (their sockets are shut
// down).
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "shared/base/mutex.h"
#include "shared/crypto/openssl.h"
#include "tests/fakes/manual_clock.h"
#include "tests/unit/dataplane/upstream_tls/pki_for_tests.h"

namespace sallyport::dataplane::testing {

// One accepted connection. Blocking; every call ends when the origin is destroyed.
class OriginConnection {
 public:
  OriginConnection(int fd, SSL* ssl) : fd_(fd), ssl_(ssl) {}
  ~OriginConnection() { Close(); }
  OriginConnection(const OriginConnection&) = delete;
  OriginConnection& operator=(const OriginConnection&) = delete;

  // False at the end of the stream. Appends to buffer().
  bool ReadSome() {
    char block[16 * 1024];
    const int got = ssl_ != nullptr ? SSL_read(ssl_.get(), block, sizeof block)
                                    : static_cast<int>(read(fd_, block, sizeof block));
    if (got <= 0) return false;
    buffer_.append(block, static_cast<size_t>(got));
    return true;
  }
  // Up to and with `mark`; empty at the end of the stream.
  std::string ReadUntil(const std::string& mark) {
    size_t at = 0;
    while ((at = buffer_.find(mark)) == std::string::npos) {
      if (!ReadSome()) return {};
    }
    std::string text = buffer_.substr(0, at + mark.size());
    buffer_.erase(0, at + mark.size());
    return text;
  }
  std::string ReadHead() { return ReadUntil("\r\n\r\n"); }
  std::string ReadBytes(size_t count) {
    while (buffer_.size() < count && ReadSome()) {
    }
    std::string text = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return text;
  }
  bool Write(const std::string& text) {
    for (size_t done = 0; done < text.size();) {
      const int put =
          ssl_ != nullptr
              ? SSL_write(ssl_.get(), text.data() + done, static_cast<int>(text.size() - done))
              : static_cast<int>(send(fd_, text.data() + done, text.size() - done, MSG_NOSIGNAL));
      if (put <= 0) return false;
      done += static_cast<size_t>(put);
    }
    return true;
  }
  void Answer(const std::string& body, const std::string& fields = {}) {
    Write(absl::StrCat("HTTP/1.1 200 OK\r\n", fields, "Content-Length: ", body.size(), "\r\n\r\n",
                       body));
  }
  void Close() {
    if (fd_ < 0) return;
    if (ssl_ != nullptr) SSL_shutdown(ssl_.get());
    close(fd_);
    fd_ = -1;
  }
  void CloseWithoutNotify() {
    close(fd_);
    fd_ = -1;
  }
  void Reset() {
    const linger hard{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd_);
    fd_ = -1;
  }
  // SHA-256 of the client's leaf as it was presented now or in the resumed session; empty: none.
  [[nodiscard]] std::string ClientSpki() const;
  [[nodiscard]] SSL* ssl() const { return ssl_.get(); }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::string& buffer() { return buffer_; }

 private:
  int fd_;
  crypto::UniqueSsl ssl_;
  std::string buffer_;
};

inline std::string OriginConnection::ClientSpki() const {
  const crypto::UniqueX509 leaf(SSL_get1_peer_certificate(ssl_.get()));
  if (leaf == nullptr) return {};
  unsigned char digest[32];
  unsigned size = 0;
  X509_pubkey_digest(leaf.get(), EVP_sha256(), digest, &size);
  return {reinterpret_cast<char*>(digest), size};
}

struct OriginTls {
  std::vector<const Pair*> chain;   // leaf first; empty: plain
  const Pair* client_ca = nullptr;  // ask for client certificates of it
  bool require = false;
  int max_version = 0;
  int min_version = 0;
  std::string alpn;  // the one protocol that is chosen where it is offered; empty: no ALPN
};

class Origin {
 public:
  using Script = std::function<void(OriginConnection&)>;

  explicit Origin(Script script, const OriginTls& tls = {}) : script_(std::move(script)) {
    signal(SIGPIPE, SIG_IGN);  // as the data plane does: OpenSSL writes without MSG_NOSIGNAL
    if (!tls.chain.empty()) SetUp(tls);
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0) std::abort();
    if (listen(listener_, 128) != 0) std::abort();
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~Origin() {
    stop_ = true;
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    close(listener_);
    {
      const base::MutexLock lock(&mutex_);
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;

  // From then on nobody can connect; from any thread.
  void StopListening() { shutdown(listener_, SHUT_RDWR); }

  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] int accepted() const { return accepted_; }
  [[nodiscard]] int handshakes() const { return handshakes_; }
  [[nodiscard]] int resumed() const { return resumed_; }

 private:
  void SetUp(const OriginTls& tls) {
    ctx_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(ctx_.get(), tls.chain.front()->certificate.get());
    SSL_CTX_use_PrivateKey(ctx_.get(), tls.chain.front()->key.get());
    for (size_t i = 1; i < tls.chain.size(); ++i) {
      SSL_CTX_add1_chain_cert(ctx_.get(), tls.chain[i]->certificate.get());
    }
    SSL_CTX_set_mode(ctx_.get(), SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_security_level(ctx_.get(), 0);
    SSL_CTX_set_min_proto_version(ctx_.get(), tls.min_version);
    SSL_CTX_set_max_proto_version(ctx_.get(), tls.max_version);
    const unsigned char id[] = "origin";
    SSL_CTX_set_session_id_context(ctx_.get(), id, sizeof id);
    alpn_ = tls.alpn;
    if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(ctx_.get(), ChooseAlpn, &alpn_);
    if (tls.client_ca == nullptr) return;
    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx_.get()), tls.client_ca->certificate.get());
    SSL_CTX_set_verify(
        ctx_.get(), SSL_VERIFY_PEER | (tls.require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  }

  static int ChooseAlpn(SSL* /*ssl*/, const unsigned char** out, unsigned char* size,
                        const unsigned char* offered, unsigned offered_size, void* alpn) {
    const auto& wanted = *static_cast<const std::string*>(alpn);
    for (unsigned at = 0; at < offered_size; at += offered[at] + 1u) {
      const auto* const name = reinterpret_cast<const char*>(offered + at + 1);
      if (std::string(name, offered[at]) != wanted) continue;
      *out = offered + at + 1;
      *size = offered[at];
      return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
  }

  void Accept() {
    while (!stop_) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      const int watched = dup(fd);  // so that a closed number is never shut down for another
      const base::MutexLock lock(&mutex_);
      open_.push_back(watched);
      ++accepted_;
      threads_.emplace_back([this, fd, watched] { Serve(fd, watched); });
    }
  }

  // Closing with bytes unread would send a reset, which may overtake the alert.
  static void LetTheAlertBeRead(int fd) {
    shutdown(fd, SHUT_WR);
    char unread[4096];
    while (read(fd, unread, sizeof(unread)) > 0) {
    }
  }

  void Serve(int fd, int watched) {
    SSL* ssl = nullptr;
    bool good = true;
    if (ctx_ != nullptr) {
      ssl = SSL_new(ctx_.get());
      SSL_set_fd(ssl, fd);
      good = SSL_accept(ssl) == 1;
      if (good) {
        ++handshakes_;
        if (SSL_session_reused(ssl) == 1) ++resumed_;
      } else {
        LetTheAlertBeRead(fd);
      }
    }
    {
      OriginConnection connection(fd, ssl);
      if (good) script_(connection);
    }
    ERR_clear_error();
    const base::MutexLock lock(&mutex_);
    std::erase(open_, watched);
    close(watched);
  }

  const Script script_;
  std::string alpn_;
  crypto::UniqueSslCtx ctx_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<int> accepted_{0};
  std::atomic<int> handshakes_{0};
  std::atomic<int> resumed_{0};
  base::Mutex mutex_;
  std::vector<int> open_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// Time of the other side passes until something can be read here (or the stream ends).
inline void PassTimeUntilReadable(int fd, base::ManualClock* time) {
  pollfd one{fd, POLLIN, 0};
  while (poll(&one, 1, 1) == 0) time->Advance(absl::Milliseconds(50));
}
// Says nothing, while the time of the other side passes, until that closes: for its time limits.
inline void PassTimeUntilClosed(OriginConnection& connection, base::ManualClock* time) {
  do PassTimeUntilReadable(connection.fd(), time);
  while (connection.ReadSome());
}

// Keep-alive: every request without a body gets `body`.
inline Origin::Script Serves(std::string body) {
  return [body = std::move(body)](OriginConnection& connection) {
    while (!connection.ReadHead().empty()) connection.Answer(body);
  };
}

}  // namespace sallyport::dataplane::testing
