// An origin that says what it was asked.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {

// Answers every request with 200 and the head that it got as body, one for /hold not before
// Release; one thread per connection.
class EchoUpstream {
 public:
  EchoUpstream() {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where = {};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&where), sizeof(where)), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    socklen_t size = sizeof(where);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~EchoUpstream() {
    if (!released_) Release();
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    close(listener_);
    {
      const base::MutexLock lock(&mutex_);
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }
  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] int requests() const { return requests_; }
  void Release() {
    released_ = true;
    gate_.set_value();
  }

 private:
  void Accept() {
    for (;;) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      {
        const base::MutexLock lock(&mutex_);
        open_.push_back(fd);
      }
      threads_.emplace_back([this, fd] { Serve(fd); });
    }
  }
  void Serve(int fd) {
    std::string bytes;
    char buffer[4096];
    for (;;) {
      const size_t end = bytes.find("\r\n\r\n");
      if (end == std::string::npos) {
        const ssize_t count = recv(fd, buffer, sizeof(buffer), 0);
        if (count <= 0) break;
        bytes.append(buffer, static_cast<size_t>(count));
        continue;
      }
      const std::string head = bytes.substr(0, end + 4);
      bytes.erase(0, end + 4);
      ++requests_;
      if (absl::StrContains(head, "/hold ")) opened_.wait();
      const std::string answer =
          absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", head.size(), "\r\n\r\n", head);
      if (send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) break;
    }
    close(fd);
  }

  int listener_;
  uint16_t port_ = 0;
  std::atomic<int> requests_{0};
  bool released_ = false;
  std::promise<void> gate_;
  std::shared_future<void> opened_{gate_.get_future()};
  std::thread acceptor_;
  base::Mutex mutex_;
  std::vector<int> open_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace sallyport::dataplane
