// A forward proxy for tests: leads every CONNECT to the port that it names, on loopback, whatever
// the host is.
#pragma once

#include <string>
#include <vector>

#include "tests/unit/dataplane/upstream/origin_for_tests.h"

namespace sallyport::dataplane::testing {

inline constexpr char kAccepted[] = "HTTP/1.1 200 Connection established\r\n\r\n";

// Bytes both ways until one side ends.
inline void Pump(int a, int b) {
  pollfd both[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
  while (poll(both, 2, -1) > 0) {
    for (int from = 0; from < 2; ++from) {
      if (both[from].revents == 0) continue;
      char block[16 * 1024];
      const ssize_t got = read(both[from].fd, block, sizeof block);
      if (got <= 0) return;
      if (send(both[1 - from].fd, block, static_cast<size_t>(got), MSG_NOSIGNAL) != got) return;
    }
  }
}

inline int ConnectTo(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

// Keeps what it was asked.
class ProxyForTests {
 public:
  ProxyForTests() : origin_([this](OriginConnection& connection) { Serve(connection); }) {}
  [[nodiscard]] uint16_t port() const { return origin_.port(); }
  [[nodiscard]] int accepted() const { return origin_.accepted(); }
  std::vector<std::string> heads() {
    const base::MutexLock lock(&mutex_);
    return heads_;
  }

 private:
  void Serve(OriginConnection& connection) {
    const std::string head = connection.ReadHead();
    if (head.size() < 8) return;
    {
      const base::MutexLock lock(&mutex_);
      heads_.push_back(head);
    }
    const std::string authority = head.substr(8, head.find(' ', 8) - 8);
    uint32_t port = 0;
    if (!absl::SimpleAtoi(authority.substr(authority.rfind(':') + 1), &port)) return;
    const int target = ConnectTo(static_cast<uint16_t>(port));
    if (target < 0) return;
    connection.Write(kAccepted);
    Pump(connection.fd(), target);
    close(target);
  }

  base::Mutex mutex_;
  std::vector<std::string> heads_ ABSL_GUARDED_BY(mutex_);
  Origin origin_;
};

}  // namespace sallyport::dataplane::testing
