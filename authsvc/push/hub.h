// Push: what every subscribed data plane must be sent. The hub keeps one bounded history of
// changes; a subscription is only a position in it, so a slow subscriber costs nothing, and one
// that falls behind the history gets a snapshot again. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "authsvc/push/change_record.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::v1 {
class ResumeToken;
class Update;
}  // namespace sallyport::v1

namespace sallyport::authsvc {

class Snapshot;
class Hub;

// One stream. Take() is called by one thread at a time; `wake` may be called from any thread, also
// while Take runs, and must not block or call back into the hub.
class Subscription {
 public:
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  // The next message to write, or null when there is nothing to say now.
  [[nodiscard]] std::shared_ptr<const v1::Update> Take();
  [[nodiscard]] const std::string& group() const { return group_; }
  // The revision that the subscriber has already; 0 when it gets a snapshot.
  [[nodiscard]] uint64_t resumed_from() const { return resumed_from_; }

 private:
  friend class Hub;
  struct Part;
  Subscription(Hub* hub, std::string group, std::function<void()> wake);
  std::shared_ptr<const v1::Update> TakeSnapshotPart();

  Hub* hub_;
  const std::string group_;
  const std::function<void()> wake_;
  uint64_t id_ = 0;
  uint64_t resumed_from_ = 0;
  uint64_t position_ = 0;       // revision that this stream has been brought to
  uint64_t heartbeat_ = 0;      // tick of the last heartbeat that was sent
  std::unique_ptr<Part> part_;  // a snapshot is under way
  bool stale_ = true;           // must get a snapshot; guarded by the hub's mutex
};

struct HubOptions {
  size_t history_changes = 4096;
  size_t history_bytes = 64 << 20;
  size_t part_bytes = 1 << 20;
  // Milliseconds since the snapshot was last proven current.
  std::function<int64_t()> proof_age_ms;
  std::function<uint32_t()> connected_replicas;
};

class Hub {
 public:
  Hub(std::shared_ptr<const Snapshot> first, HubOptions options);
  ~Hub();

  // Called by the writer's thread, in revision order, after `now` is published.
  void Publish(std::shared_ptr<const Snapshot> now, ChangeRecord record);
  // Everything was loaded anew: all subscribers start again with a snapshot.
  void Reset(std::shared_ptr<const Snapshot> now);
  // Every second: each subscription is due one heartbeat.
  void Beat();

  // A subscriber of this store and epoch that has seen more than this hub: it must ask another
  // authsvc (or this one later). A snapshot from here would take back what was revoked since.
  [[nodiscard]] bool IsBehind(const v1::ResumeToken& resume) const;
  // Ask IsBehind first where there is a token.
  [[nodiscard]] std::shared_ptr<Subscription> Subscribe(std::string group,
                                                        const v1::ResumeToken* resume,
                                                        std::function<void()> wake);
  [[nodiscard]] size_t subscriptions() const;

 private:
  friend class Subscription;
  struct Entry;
  bool CanResume(const v1::ResumeToken& token) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Trim() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Append(ChangeRecord record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Restart() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<std::function<void()>> Wakes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<const v1::Update> NextChange(Subscription* subscription)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<const v1::Update> HeartbeatFor(Subscription* subscription)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Remove(uint64_t id);

  const HubOptions options_;
  mutable base::Mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::unique_ptr<Entry>> history_ ABSL_GUARDED_BY(mutex_);
  size_t history_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t oldest_base_ ABSL_GUARDED_BY(mutex_);  // a stream at this revision or later can resume
  uint64_t server_version_
      ABSL_GUARDED_BY(mutex_);  // revision of the last change of a server certificate
  uint64_t tick_ ABSL_GUARDED_BY(mutex_) = 1;  // so that a new stream gets one at once
  std::map<uint64_t, Subscription*> subscribers_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace sallyport::authsvc
