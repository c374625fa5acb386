// Lets a coroutine wait for a shared answer. Leaving (cancellation) drops the waiter only; the question
// goes on for the others. Private to dataplane/authorize.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "dataplane/authorize/shared_answers.h"

namespace sallyport::dataplane {

template <typename T>
struct WaitingFor {
  explicit WaitingFor(const boost::asio::any_io_executor& executor) : timer(executor) {}
  boost::asio::steady_timer timer;
  std::optional<typename SharedAnswers<T>::Result> result;
};

// Cancelled when the coroutine was; DeadlineExceeded should no completion ever come.
template <typename T>
boost::asio::awaitable<typename SharedAnswers<T>::Result> AskAndWait(SharedAnswers<T>& answers,
                                                                     const cache::Hash128& key,
                                                                     typename SharedAnswers<T>::Question question,
                                                                     Poster* poster, bool keep) {
  const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
  const auto waiting = std::make_shared<WaitingFor<T>>(executor);
  // More than two calls can take (DESIGN 8: 500 ms each).
  waiting->timer.expires_after(std::chrono::seconds(5));
  std::function<void(typename SharedAnswers<T>::Result)> done =
      [waiting](typename SharedAnswers<T>::Result result) {
        waiting->result = std::move(result);
        waiting->timer.cancel();
      };
  answers.Ask(key, std::move(question), poster, std::move(done), keep);
  const auto token = boost::asio::as_tuple(boost::asio::use_awaitable);
  const auto [error] = co_await waiting->timer.async_wait(token);
  if (waiting->result.has_value()) co_return *std::move(waiting->result);
  if (error) co_return absl::AbortedError("left");
  co_return absl::DeadlineExceededError("no completion");
}

}  // namespace sallyport::dataplane
