// What data planes reported: refusals by request id (bounded by count, bytes and age), last use of
// keys and leaves, handshakes that failed. In memory only, lost on restart. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::v1 {
class HandshakeFailure;
class HandshakeQuery;
class Refusal;
class ReportRequest;
class Use;
}  // namespace sallyport::v1

namespace sallyport::authsvc {

struct TelemetryOptions {
  size_t refusals = 1'000'000;
  size_t bytes = 512ULL << 20;
  size_t uses = 2'000'000;
  size_t handshakes = 20'000;
  absl::Duration kept = absl::Hours(24);
};

struct LastUse {
  int64_t last_unix_ms = 0;
  uint64_t allowed = 0;
  uint64_t refused = 0;
  // Of a key's quota, as each replica counts it; windows that are over are left out by whoever
  // reads.
  struct Quota {
    std::string replica;
    int64_t used = 0;
    int64_t window_end_unix = 0;  // 0: never renews
  };
  std::vector<Quota> quotas;
};

class TelemetryStore {
 public:
  TelemetryStore(const base::Clock* clock, TelemetryOptions options);
  ~TelemetryStore();

  // `replica`: who reports.
  void Add(const v1::ReportRequest& report, absl::string_view replica = "");
  // Called with every report after it was added, on the thread that adds. Set once, before any.
  void Observe(std::function<void(const v1::ReportRequest&)> observer);
  [[nodiscard]] std::optional<v1::Refusal> FindRefusal(absl::string_view request_id) const;
  [[nodiscard]] std::optional<LastUse> KeyUse(absl::string_view key_id) const;
  [[nodiscard]] std::optional<LastUse> LeafUse(absl::string_view leaf_sha256) const;
  // The newest first.
  [[nodiscard]] std::vector<v1::HandshakeFailure> FindHandshakes(
      const v1::HandshakeQuery& query) const;
  [[nodiscard]] size_t refusals() const;
  [[nodiscard]] size_t bytes() const;
  [[nodiscard]] uint64_t lost() const;

 private:
  struct Stored {
    std::string request_id;
    std::string packed;  // serialised v1::Refusal
    absl::Time received;
  };
  struct StoredHandshake {
    std::string packed;  // serialised v1::HandshakeFailure
    absl::Time received;
  };
  // Two generations: when the younger one is full it becomes the older one and the older one goes,
  // so that a flood of ids cannot keep what is used now from being seen.
  struct Uses {
    absl::flat_hash_map<std::string, LastUse> young;
    absl::flat_hash_map<std::string, LastUse> old;
    [[nodiscard]] const LastUse* Find(absl::string_view id) const;
    LastUse& Get(absl::string_view id, size_t most);
  };

  void AddRefusal(const v1::Refusal& refusal) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddUse(const v1::Use& use, absl::string_view replica) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddHandshake(const v1::HandshakeFailure& failure, absl::string_view replica)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  LastUse* Merge(absl::string_view id, const v1::Use& use, Uses* uses) const;
  void Trim() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const base::Clock* clock_;
  const TelemetryOptions options_;
  std::function<void(const v1::ReportRequest&)> observer_;
  mutable base::Mutex mutex_;
  std::list<Stored> refusals_ ABSL_GUARDED_BY(mutex_);  // oldest first
  absl::flat_hash_map<std::string, std::list<Stored>::iterator> by_id_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t lost_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<StoredHandshake> handshakes_ ABSL_GUARDED_BY(mutex_);  // oldest first
  Uses key_uses_ ABSL_GUARDED_BY(mutex_);
  Uses leaf_uses_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::authsvc
