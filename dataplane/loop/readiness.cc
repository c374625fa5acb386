#include "dataplane/loop/readiness.h"

#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sallyport::dataplane {
namespace {

size_t IndexOf(Direction direction) { return direction == Direction::kRead ? 0 : 1; }

}  // namespace

void Readiness::Expiry::OnDeadline() {
  fired = true;
  boost::system::error_code ignored;
  owner->descriptor_.cancel(ignored);
}

Readiness::Readiness(Loop& loop, int fd) : loop_(loop), fd_(fd), descriptor_(loop.context(), fd) {
  expiry_[0].owner = expiry_[1].owner = this;
}

Readiness::~Readiness() { Close(); }

boost::asio::awaitable<WaitResult> Readiness::Wait(Direction direction, Deadline deadline) {
  constexpr auto kToken = boost::asio::as_tuple(boost::asio::use_awaitable);
  const size_t index = IndexOf(direction);
  Expiry& expiry = expiry_[index];
  expiry.fired = false;
  const auto kind = direction == Direction::kRead
                        ? boost::asio::posix::stream_descriptor::wait_read
                        : boost::asio::posix::stream_descriptor::wait_write;
  for (;;) {
    if (cancelled_ || fd_ < 0) co_return WaitResult::kCancelled;
    if (loop_.Passed(deadline)) co_return WaitResult::kTimeout;
    loop_.AddDeadline(&expiry, deadline);
    waiting_[index] = true;
    const auto [error] = co_await descriptor_.async_wait(kind, kToken);
    waiting_[index] = false;
    DeadlineWheel::Remove(&expiry);
    loop_.RefreshNow();
    if (!error) co_return WaitResult::kReady;
    if (cancelled_ || fd_ < 0) co_return WaitResult::kCancelled;
    if (expiry.fired) co_return WaitResult::kTimeout;
    // The other direction's deadline cancelled both: wait again.
    if (error != boost::asio::error::operation_aborted) co_return WaitResult::kReady;
  }
}

void Readiness::Cancel() {
  cancelled_ = true;
  boost::system::error_code ignored;
  descriptor_.cancel(ignored);
}

void Readiness::Close() {
  if (fd_ < 0) return;
  fd_ = -1;
  boost::system::error_code ignored;
  descriptor_.close(ignored);
}

}  // namespace sallyport::dataplane
