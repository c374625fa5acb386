#include "dataplane/loop/loop.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "dataplane/loop/kept_memory.h"

namespace sallyport::dataplane {

Loop::Loop(int index, const base::Clock& clock) : index_(index), clock_(clock) {
  RefreshNow();
  wheel_.Advance(now_millis_);
  // Asio takes the descriptors of its timers with the first one: now, not when there may be none
  // left.
  const boost::asio::steady_timer first(context_);
}

Loop::~Loop() {
  Stop();
  Join();
  Discard();
}

void Loop::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Loop::Run() {
  const KeptMemory kept;
  const auto work = boost::asio::make_work_guard(context_);
  RefreshNow();
  turn_began_millis_ = now_millis_;
  more_posted_ = true;
  while (!context_.stopped()) Turn(DeadlineWheel::kTickMillis);
}

void Loop::Stop() {
  context_.stop();
  poller_.Wake();
}

void Loop::Join() {
  if (thread_.joinable()) thread_.join();
}

void Loop::RunFor(absl::Duration time) {
  const auto work = boost::asio::make_work_guard(context_);
  const base::Clock& real = base::SystemClock();  // `clock_` may stand still
  const absl::Duration until = real.Monotonic() + time;
  RefreshNow();
  context_.restart();
  more_posted_ = true;
  absl::Duration left = time;
  do {
    Turn(static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)))));
    left = until - real.Monotonic();
  } while (left > absl::ZeroDuration() && !context_.stopped());
}

void Loop::Discard() {
  // The end of a coroutine is posted to the context.
  waiters_.DropAll();
  context_.shutdown();
}

void Loop::Turn(int most_millis) {
  const bool busy = more_posted_ || waiters_.AnyFinished() || waiters_.AnyQueued();
  RefreshNow();
  queue_delay_millis_ = now_millis_ - turn_began_millis_;
  // The wheel turns at whole ticks.
  constexpr int64_t kTick = DeadlineWheel::kTickMillis;
  const auto to_tick = static_cast<int>(kTick - now_millis_ % kTick);
  if (poller_.Wait(busy ? 0 : std::min(most_millis, to_tick))) ++looks_;
  RefreshNow();
  turn_began_millis_ = now_millis_;
  ++turn_;
  wheel_.Advance(now_millis_);
  poller_.Dispatch();
  waiters_.ResumeFinished();
  RunPosted();
  RunLongWork();
}

void Loop::RunPosted() {
  // Some of it: what keeps posting must not keep events waiting.
  constexpr int kMost = 256;
  int count = 0;
  while (count < kMost && context_.poll_one() > 0) ++count;
  more_posted_ = count == kMost;
}

// One piece a turn, and what else there is time for: when very many clients connect at once, who is
// connected already does not wait for all of their handshakes.
void Loop::RunLongWork() {
  if (!waiters_.AnyQueued()) return;
  constexpr absl::Duration kShare = absl::Milliseconds(1);
  const absl::Duration until = clock_.Monotonic() + kShare;
  do waiters_.ResumeQueued();
  while (waiters_.AnyQueued() && clock_.Monotonic() < until);
}

void Loop::Post(std::function<void()> work) {
  boost::asio::post(context_, [this, task = std::move(work)] {
    RefreshNow();
    task();
  });
  poller_.Wake();
}

void Loop::RefreshNow() { now_millis_ = absl::ToInt64Milliseconds(clock_.Monotonic()); }

void Loop::AddDeadline(DeadlineNode* node, Deadline deadline) { wheel_.Add(node, deadline); }

}  // namespace sallyport::dataplane
