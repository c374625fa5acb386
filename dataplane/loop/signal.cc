#include "dataplane/loop/signal.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <cstdlib>
#include <utility>

namespace sallyport::dataplane {

boost::asio::awaitable<WaitResult> Signal::Wait(Deadline deadline) {
  if (std::exchange(set_, false)) co_return WaitResult::kReady;
  if (loop_.Passed(deadline)) co_return WaitResult::kTimeout;
  if (waiter_ != nullptr) std::abort();  // a bug: the other one would never go on
  if (!deadline.is_never()) loop_.AddDeadline(&expiry_, deadline);
  auto wait = boost::asio::async_initiate<const boost::asio::deferred_t, void(WaitResult)>(
      [this](auto handler) { loop_.waiters().Hold(std::move(handler), &waiter_); },
      boost::asio::deferred);
  // Asio awaits an operation only where it is given away.
  // NOLINTNEXTLINE(performance-move-const-arg)
  const WaitResult result = co_await std::move(wait);
  // `this` may be gone where the wait was cancelled by its end.
  if (result != WaitResult::kCancelled && expiry_.linked()) DeadlineWheel::Remove(&expiry_);
  co_return result;
}

}  // namespace sallyport::dataplane
