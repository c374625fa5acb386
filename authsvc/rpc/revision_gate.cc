#include "authsvc/rpc/revision_gate.h"

#include <utility>

#include "authsvc/snapshot/snapshot.h"

namespace sallyport::authsvc {

namespace {

// No writer is that far ahead: such a revision was made up.
constexpr uint64_t kMostAhead = 1'000'000;

}  // namespace

RevisionGate::RevisionGate(const base::Clock* clock, Source source, absl::Duration patience,
                           size_t most)
    : clock_(clock), source_(std::move(source)), patience_(patience), most_(most) {
  thread_ = std::thread([this] { Run(); });
}

RevisionGate::~RevisionGate() {
  {
    const base::MutexLock lock(&mutex_);
    closing_ = true;
    changed_.SignalAll();
  }
  thread_.join();
}

void RevisionGate::When(uint64_t revision, Then then) {
  const bool may_come = revision <= kMostAhead || revision - kMostAhead <= source_()->revision();
  if (may_come) {
    const base::MutexLock lock(&mutex_);
    if (!closing_ && waiting_.size() < most_) {
      waiting_.push_back({revision, clock_->Monotonic() + patience_, std::move(then)});
      // The thread sleeps until the first of them is due: another one does not change that, unless
      // what it waits for came just now.
      if (waiting_.size() == 1 || source_()->revision() >= revision) changed_.Signal();
      return;
    }
  }
  then(nullptr);
}

void RevisionGate::Advanced() {
  const base::MutexLock lock(&mutex_);
  if (!waiting_.empty()) changed_.Signal();
}

std::list<RevisionGate::Waiting> RevisionGate::TakeDue(uint64_t revision) {
  std::list<Waiting> due;
  const absl::Duration now = clock_->Monotonic();
  for (auto item = waiting_.begin(); item != waiting_.end();) {
    const auto next = std::next(item);
    if (closing_ || item->revision <= revision || item->until <= now)
      due.splice(due.end(), waiting_, item);
    item = next;
  }
  return due;
}

void RevisionGate::Run() {
  while (true) {
    std::list<Waiting> due;
    std::shared_ptr<const Snapshot> snapshot;
    {
      const base::MutexLock lock(&mutex_);
      snapshot = source_();
      due = TakeDue(snapshot->revision());
      if (due.empty()) {
        if (closing_) return;
        const absl::Duration wait =
            waiting_.empty() ? absl::Seconds(60) : waiting_.front().until - clock_->Monotonic();
        changed_.WaitWithTimeout(&mutex_, std::max(wait, absl::Milliseconds(1)));
        continue;
      }
    }
    for (Waiting& item : due) {
      item.then(item.revision <= snapshot->revision() ? snapshot : nullptr);
    }
  }
}

}  // namespace sallyport::authsvc
