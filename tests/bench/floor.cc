// The floor below every TLS proxy that uses OpenSSL: a loop that decrypts, copies and encrypts, and
// looks at nothing.
//
//   bench_floor PORT CHAIN KEY CLIENT-CA UPSTREAM-PORT      serves 127.0.0.1 until SIGTERM
//
// Each client has an upstream connection of its own. Client certificates are asked for and must be
// under the CA. What comes is passed on with the next call: no request, answer or name is parsed,
// nobody is identified, nothing is logged, counted or bounded. Not for anything but measuring.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace {

sockaddr_in Loopback(const char* port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(port)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int Fail(const char* what) {
  std::perror(what);
  return 1;
}

struct Pair;
struct Side {
  Pair* pair;
  bool client;
};

struct Pair {
  SSL* ssl = nullptr;
  int client = -1, upstream = -1;
  bool over = false;
  Side sides[2] = {{this, true}, {this, false}};
};

class Floor {
 public:
  Floor(SSL_CTX* context, int listener, const sockaddr_in& upstream)
      : context_(context), listener_(listener), upstream_(upstream), poll_(epoll_create1(0)) {
    Watch(listener_, nullptr, EPOLLIN);
  }

  void Run() {
    epoll_event events[256];
    for (;;) {
      const int count = epoll_wait(poll_, events, 256, -1);
      for (int i = 0; i < count; ++i) {
        const auto* side = static_cast<Side*>(events[i].data.ptr);
        if (side == nullptr) {
          Accept();
        } else if (!side->pair->over) {
          side->pair->over = side->client ? !FromClient(*side->pair) : !FromUpstream(*side->pair);
        }
      }
      // Only now: a pair's other side may be among the events.
      for (int i = 0; i < count; ++i)
        End(static_cast<Side*>(events[i].data.ptr), events + i, count - i);
    }
  }

 private:
  void Watch(int fd, Side* side, uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.ptr = side;
    epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
  }

  void Accept() {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    auto* pair = new Pair;
    pair->client = fd;
    pair->ssl = SSL_new(context_);
    SSL_set_fd(pair->ssl, fd);
    SSL_set_accept_state(pair->ssl);
    pair->upstream = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(pair->upstream, reinterpret_cast<const sockaddr*>(&upstream_), sizeof(upstream_)) !=
        0)
      std::exit(Fail("upstream"));
    fcntl(pair->upstream, F_SETFL, O_NONBLOCK);
    setsockopt(pair->upstream, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    Watch(fd, &pair->sides[0], EPOLLIN | EPOLLET);
    Watch(pair->upstream, &pair->sides[1], EPOLLIN | EPOLLET);
  }

  // Both false: the pair is over.
  bool FromClient(Pair& pair) {
    ERR_clear_error();
    size_t count = 0;
    while (SSL_read_ex(pair.ssl, buffer_, sizeof(buffer_), &count) == 1) {
      if (send(pair.upstream, buffer_, count, MSG_NOSIGNAL) != static_cast<ssize_t>(count))
        return false;
    }
    return SSL_get_error(pair.ssl, 0) == SSL_ERROR_WANT_READ;
  }
  bool FromUpstream(Pair& pair) {
    for (;;) {
      const ssize_t count = recv(pair.upstream, buffer_, sizeof(buffer_), 0);
      if (count < 0) return errno == EAGAIN;
      ERR_clear_error();
      size_t done = 0;
      if (count == 0 || SSL_write_ex(pair.ssl, buffer_, static_cast<size_t>(count), &done) != 1)
        return false;
      if (static_cast<size_t>(count) < sizeof(buffer_)) return true;
    }
  }

  static void End(Side* side, epoll_event* rest, int count) {
    if (side == nullptr || !side->pair->over) return;
    Pair* const pair = side->pair;
    for (int i = 0; i < count; ++i) {
      auto* const other = static_cast<Side*>(rest[i].data.ptr);
      if (other != nullptr && other->pair == pair) rest[i].data.ptr = nullptr;
    }
    close(pair->client);
    close(pair->upstream);
    SSL_free(pair->ssl);
    delete pair;
  }

  SSL_CTX* const context_;
  const int listener_;
  const sockaddr_in upstream_;
  const int poll_;
  char buffer_[16384];
};

}  // namespace

int main(int count, char** words) {
  if (count != 6) {
    std::fprintf(stderr, "usage: bench_floor PORT CHAIN KEY CLIENT-CA UPSTREAM-PORT\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("floor"), 5);
  if (SSL_CTX_use_certificate_chain_file(context, words[2]) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, words[3], SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_load_verify_locations(context, words[4], nullptr) != 1) {
    std::fprintf(stderr, "bench_floor: certificate, key or CA cannot be used\n");
    return 1;
  }
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in address = Loopback(words[1]);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener, 1024) != 0)
    return Fail("listen");
  std::make_unique<Floor>(context, listener, Loopback(words[5]))->Run();
}
