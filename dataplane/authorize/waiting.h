// Lets a coroutine wait for a shared answer. Leaving (cancellation) drops the waiter only; the
// question goes on for the others. Private to dataplane/authorize.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "dataplane/authorize/shared_answers.h"

namespace sallyport::dataplane {

// Outlives the coroutine when that leaves before its answer comes, and perhaps the loop: the timer
// does not.
template <typename T>
struct WaitingFor {
  boost::asio::steady_timer* timer = nullptr;  // null: nobody waits any more
  std::optional<typename SharedAnswers<T>::Result> result;
};

template <typename T>
class Wakeable {
 public:
  Wakeable(std::shared_ptr<WaitingFor<T>> waiting, boost::asio::steady_timer* timer)
      : waiting_(std::move(waiting)) {
    waiting_->timer = timer;
  }
  ~Wakeable() { waiting_->timer = nullptr; }
  Wakeable(const Wakeable&) = delete;
  Wakeable& operator=(const Wakeable&) = delete;

 private:
  const std::shared_ptr<WaitingFor<T>> waiting_;
};

// Cancelled when the coroutine was; DeadlineExceeded should no completion ever come.
template <typename T>
boost::asio::awaitable<typename SharedAnswers<T>::Result> AskAndWait(
    SharedAnswers<T>& answers, const cache::Hash128& key,
    typename SharedAnswers<T>::Question question, Poster* poster, bool keep) {
  const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
  const auto waiting = std::make_shared<WaitingFor<T>>();
  boost::asio::steady_timer timer(executor);
  const Wakeable<T> wakeable(waiting, &timer);
  // More than two calls can take (DESIGN 8: 500 ms each).
  timer.expires_after(std::chrono::seconds(5));
  std::function<void(typename SharedAnswers<T>::Result)> done =
      [waiting](typename SharedAnswers<T>::Result result) {
        waiting->result = std::move(result);
        if (waiting->timer != nullptr) waiting->timer->cancel();
      };
  answers.Ask(key, std::move(question), poster, std::move(done), keep);
  const auto token = boost::asio::as_tuple(boost::asio::use_awaitable);
  const auto [error] = co_await timer.async_wait(token);
  if (waiting->result.has_value()) co_return *std::move(waiting->result);
  if (error) co_return absl::AbortedError("left");
  co_return absl::DeadlineExceededError("no completion");
}

}  // namespace sallyport::dataplane
