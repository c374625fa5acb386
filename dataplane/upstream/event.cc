#include "dataplane/upstream/event.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sallyport::dataplane {

boost::asio::awaitable<bool> Event::Wait(Deadline deadline) {
  if (set_) co_return true;
  timer_.expires_at(boost::asio::steady_timer::time_point::max());
  loop_.AddDeadline(&expiry_, deadline);
  constexpr auto kToken = boost::asio::as_tuple(boost::asio::use_awaitable);
  (void)co_await timer_.async_wait(kToken);
  DeadlineWheel::Remove(&expiry_);
  co_return set_;
}

}  // namespace sallyport::dataplane
