// A blocking HTTP/1.1 client over loopback for tests: sends exactly the bytes it is given, by TLS
// where a context is given, and reads one answer. Every wait ends after a minute.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/crypto/openssl.h"

namespace sallyport::testing {

struct RawAnswer {
  int status = 0;  // 0: none came
  std::string head;
  std::string body;
  [[nodiscard]] std::string Header(absl::string_view name) const {
    const std::string lower = absl::AsciiStrToLower(head);
    const size_t at = lower.find(absl::StrCat("\r\n", absl::AsciiStrToLower(name), ": "));
    if (at == std::string::npos) return "";
    const size_t begin = at + 4 + name.size();
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

class RawClient {
 public:
  explicit RawClient(uint16_t port, SSL_CTX* tls = nullptr) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval limit{60, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    if (tls == nullptr || !connected_) return;
    ssl_.reset(SSL_new(tls));
    SSL_set_fd(ssl_.get(), fd_);
    connected_ = SSL_connect(ssl_.get()) == 1;
  }
  ~RawClient() {
    ssl_.reset();
    close(fd_);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] SSL* ssl() const { return ssl_.get(); }

  // The server has taken the connection out of the listening socket's queue: it is some process's
  // (proc(5), net/tcp: its inode).
  [[nodiscard]] bool Accepted() const {
    constexpr unsigned kEstablished = 1;
    // Of the server's end: others may have one of its ports, also ends that are over.
    const sockaddr_in near = EndOf(getpeername), far = EndOf(getsockname);
    std::ifstream table("/proc/net/tcp");
    std::string line;
    while (std::getline(table, line)) {
      unsigned address[2] = {}, port[2] = {}, state = 0, inode = 0;
      const int read =
          std::sscanf(line.c_str(), " %*d: %x:%x %x:%x %x %*x:%*x %*x:%*x %*x %*d %*d %u",
                      &address[0], &port[0], &address[1], &port[1], &state, &inode);
      if (read == 6 && state == kEstablished && address[0] == near.sin_addr.s_addr &&
          port[0] == ntohs(near.sin_port) && address[1] == far.sin_addr.s_addr &&
          port[1] == ntohs(far.sin_port)) {
        return inode != 0;
      }
    }
    return false;
  }

  bool Send(absl::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                              : send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }

  // `no_body`: the answer to a HEAD.
  RawAnswer Read(bool no_body = false) {
    RawAnswer answer;
    size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!Fill()) return answer;
    }
    answer.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    answer.status = std::atoi(answer.head.c_str() + 9);
    const size_t length =
        no_body || answer.status == 100
            ? 0
            : static_cast<size_t>(std::atol(answer.Header("content-length").c_str()));
    while (buffer_.size() < length && Fill()) {
    }
    answer.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return answer;
  }

  // True when the server ends the connection (nothing more to read).
  bool Ended() {
    while (Fill()) {
    }
    return buffer_.empty();
  }

  RawAnswer Call(absl::string_view method, absl::string_view target, absl::string_view headers = "",
                 absl::string_view body = "") {
    Send(absl::StrCat(method, " ", target, " HTTP/1.1\r\nHost: x\r\n", headers,
                      "Content-Length: ", body.size(), "\r\n\r\n", body));
    return Read(method == "HEAD");
  }

 private:
  [[nodiscard]] sockaddr_in EndOf(decltype(getsockname)& which) const {
    sockaddr_in end{};
    socklen_t size = sizeof(end);
    which(fd_, reinterpret_cast<sockaddr*>(&end), &size);
    return end;
  }

  bool Fill() {
    char bytes[16384];
    const auto count =
        ssl_ ? SSL_read(ssl_.get(), bytes, sizeof(bytes)) : recv(fd_, bytes, sizeof(bytes), 0);
    if (count <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(count));
    return true;
  }

  int fd_;
  crypto::UniqueSsl ssl_;
  bool connected_ = false;
  std::string buffer_;
};

}  // namespace sallyport::testing
