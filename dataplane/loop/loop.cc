#include "dataplane/loop/loop.h"

#include <chrono>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace sallyport::dataplane {

Loop::Loop(int index, const base::Clock& clock)
    : index_(index), clock_(clock), tick_(context_) {
  RefreshNow();
  wheel_.Advance(now_millis_);
}

Loop::~Loop() {
  Stop();
  Join();
}

void Loop::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Loop::Run() {
  RefreshNow();
  const auto work = boost::asio::make_work_guard(context_);
  context_.run();
}

void Loop::Stop() { context_.stop(); }

void Loop::Join() {
  if (thread_.joinable()) thread_.join();
}

void Loop::RunFor(absl::Duration time) {
  RefreshNow();
  context_.restart();
  context_.run_for(absl::ToChronoMilliseconds(time));
}

void Loop::Discard() { context_.shutdown(); }

void Loop::Post(std::function<void()> work) {
  boost::asio::post(context_, [this, task = std::move(work)] {
    RefreshNow();
    task();
  });
}

void Loop::RefreshNow() { now_millis_ = absl::ToInt64Milliseconds(clock_.Monotonic()); }

void Loop::AddDeadline(DeadlineNode* node, Deadline deadline) {
  wheel_.Add(node, deadline);
  if (!armed_ && wheel_.size() > 0) Arm();
}

void Loop::Arm() {
  armed_ = true;
  tick_.expires_after(std::chrono::milliseconds(DeadlineWheel::kTickMillis));
  tick_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    RefreshNow();
    wheel_.Advance(now_millis_);
    armed_ = false;
    if (wheel_.size() > 0) Arm();
  });
}

}  // namespace sallyport::dataplane
