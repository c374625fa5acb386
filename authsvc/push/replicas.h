// The data planes that are connected now and what each has applied, and for an hour those that
// were. Fed by the rpc layer, read by
// `/tyk/reload?block=true`, Status and metrics. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {

struct ReplicaFacts {
  std::string name;  // as it calls itself; unique per certificate identity
  std::string group;
  std::string address;  // of its stream's peer
  uint64_t epoch = 0;   // acknowledged: every loop of it has applied this
  uint64_t revision = 0;
  absl::Time connected;
  absl::Time certificate_not_after = absl::InfiniteFuture();  // of its control certificate
  absl::Time gone = absl::InfinitePast();                     // of one that is gone: since when
};

class Replicas {
 public:
  explicit Replicas(const base::Clock* clock) : clock_(clock) {}

  // One per live Subscribe stream; epoch and revision of `replica` are what it resumed from (0:
  // nothing). `connected` and `gone` are filled in here. One that was gone and has this name and
  // group is back.
  [[nodiscard]] uint64_t Join(ReplicaFacts replica);
  void Leave(uint64_t id);
  // Unknown names are ignored: an acknowledgement may arrive after its stream ended. So is one that
  // was overtaken by a newer one; one of another epoch takes the place of what was said of the old.
  void Acknowledge(const std::string& group, const std::string& name, uint64_t epoch,
                   uint64_t revision);

  [[nodiscard]] std::vector<ReplicaFacts> List() const;
  [[nodiscard]] uint32_t Connected() const;
  // Those that left within the last hour, at most 1,000, and have not come back under their name;
  // by the time when they left.
  [[nodiscard]] std::vector<ReplicaFacts> Gone() const;
  // Blocks an admin thread until every connected replica has applied `revision` of `epoch`; false
  // on time-out. True at once when none is connected.
  [[nodiscard]] bool WaitAcknowledged(uint64_t epoch, uint64_t revision,
                                      absl::Duration limit) const;
  // Ends every wait of now and later at once, with false unless there is nothing to wait for.
  void EndWaits();

 private:
  void Forget() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool IsConnected(const ReplicaFacts& replica) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool AllAt(uint64_t epoch, uint64_t revision) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const base::Clock* clock_;
  mutable base::Mutex mutex_;
  mutable base::CondVar changed_;
  std::map<uint64_t, ReplicaFacts> by_stream_ ABSL_GUARDED_BY(mutex_);
  mutable std::deque<ReplicaFacts> gone_ ABSL_GUARDED_BY(mutex_);  // oldest first
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 1;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace sallyport::authsvc
