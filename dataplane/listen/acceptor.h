// A listening socket of one loop (SO_REUSEPORT: each loop has its own) and its accept loop. One
// loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/loop/loop.h"
#include "dataplane/loop/readiness.h"

namespace sallyport::dataplane {

// Opens, binds and listens; the descriptor. `address` is an IPv4 or IPv6 literal; "::" takes IPv4
// as well, and is 0.0.0.0 on a machine without IPv6. The message says what to do.
[[nodiscard]] absl::StatusOr<int> OpenListener(const std::string& address, uint16_t port);

class Acceptor {
 public:
  // Takes the connection's descriptor (non-blocking) and the peer's address without port.
  using OnConnection = std::function<void(int fd, std::string address)>;
  // The process or the machine has no descriptor left: called before each pause. Connections wait
  // in the backlog meanwhile.
  using OnExhausted = std::function<void()>;
  // Takes `fd`.
  Acceptor(Loop& loop, int fd, OnConnection on_connection, OnExhausted on_exhausted);
  ~Acceptor();  // closes; the accept loop ends by itself
  // The bound port (of interest when port 0 was asked for).
  [[nodiscard]] uint16_t port() const;
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

 private:
  struct State;
  static boost::asio::awaitable<void> Accept(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace sallyport::dataplane
