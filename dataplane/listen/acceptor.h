// A listening socket of one loop (SO_REUSEPORT: each loop has its own) and its accept loop. Where
// another process or another acceptor has a descriptor of the same socket, the end of this one
// costs no connection that waits in the socket's queue. One loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "dataplane/loop/loop.h"
#include "dataplane/loop/readiness.h"

namespace sallyport::dataplane {

class Acceptor {
 public:
  // Takes the connection's descriptor (non-blocking) and the peer's address without port.
  using OnConnection = std::function<void(int fd, std::string address)>;
  // The process or the machine has no descriptor left: called before each pause. Connections wait
  // in the backlog meanwhile.
  using OnExhausted = std::function<void()>;
  // Takes `fd`, bound, whether it listens already or not. Nothing is accepted before Begin.
  Acceptor(Loop& loop, int fd, OnConnection on_connection, OnExhausted on_exhausted);
  ~Acceptor();  // closes; the accept loop ends by itself
  // Once. Listens where that has not been done.
  [[nodiscard]] absl::Status Begin();
  // Takes what waits in the queue now: before the socket is closed for good.
  void TakeWaiting();
  // As closed afterwards; the descriptor lives on and is the caller's.
  [[nodiscard]] int Release();
  [[nodiscard]] int fd() const { return fd_; }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

 private:
  struct State;
  static boost::asio::awaitable<void> Accept(std::shared_ptr<State> state);
  Loop& loop_;
  int fd_;  // -1: released
  OnConnection on_connection_;
  OnExhausted on_exhausted_;
  std::shared_ptr<State> state_;  // null before Begin
};

}  // namespace sallyport::dataplane
