// Holds a question that needs a newer snapshot than this process has, for a short time: a data
// plane that learned of a change from another authsvc must not be answered from before it.
// Thread-safe; waiting questions are answered on the gate's own thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <thread>

#include "absl/time/time.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {

class Snapshot;

class RevisionGate {
 public:
  using Source = std::function<std::shared_ptr<const Snapshot>()>;
  // Null: did not arrive in time (or too many are waiting): UNAVAILABLE.
  using Then = std::function<void(std::shared_ptr<const Snapshot>)>;

  RevisionGate(const base::Clock* clock, Source source,
               absl::Duration patience = absl::Milliseconds(50), size_t most = 20'000);
  ~RevisionGate();  // answers all with null
  RevisionGate(const RevisionGate&) = delete;
  RevisionGate& operator=(const RevisionGate&) = delete;

  // A revision far ahead of the snapshot (no writer gets there in time) is answered with null at
  // once.
  void When(uint64_t revision, Then then);
  // A newer snapshot was published.
  void Advanced();

 private:
  struct Waiting {
    uint64_t revision;
    absl::Duration until;
    Then then;
  };
  void Run();
  // Takes out those that can be answered, or all when `closing_`.
  std::list<Waiting> TakeDue(uint64_t revision) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const base::Clock* clock_;
  const Source source_;
  const absl::Duration patience_;
  const size_t most_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::list<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);  // by arrival, so also by time-out
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sallyport::authsvc
