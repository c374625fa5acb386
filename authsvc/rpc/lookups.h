// Asks the connected data planes whether one of them let a request in: the question goes out on
// their Subscribe streams, the answers come by Telemetry.Report. Each question to each stream has a
// random id of its own, which nobody else is told: a data plane can answer for itself alone, and
// what was not asked for, or comes too late, finds nothing that it belongs to. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "authsvc/rpc/role.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::v1 {
class AllowedRequest;
class LookupAnswer;
class Update;
}  // namespace sallyport::v1

namespace sallyport::authsvc {

// Data planes are named as "NAME (group GROUP)", by the name that they call themselves.
struct LookupResult {
  std::shared_ptr<const v1::AllowedRequest>
      allowed;                 // null: nobody has it, as far as they answered
  std::string replica, group;  // who has it
  uint32_t asked = 0;
  std::vector<std::string> unanswered;  // of those asked
  std::vector<std::string> not_asked;   // connected, but they keep no allowed requests
};

class Lookups {
 public:
  explicit Lookups(const base::Clock* clock) : clock_(clock) {}

  // One per live Subscribe stream. `wake` says that Take has something: from any thread, without a
  // lock held.
  [[nodiscard]] uint64_t Join(Peer peer, std::string name, bool keeps_allowed,
                              std::function<void()> wake);
  void Leave(uint64_t stream);
  // The next question for that stream, or null.
  [[nodiscard]] std::shared_ptr<const v1::Update> Take(uint64_t stream);

  // Blocks until one has it, all have answered or are gone, or `limit` is over.
  [[nodiscard]] LookupResult Ask(const std::string& request_id, absl::Duration limit);
  // What `peer` reported.
  void Answered(const Peer& peer, const v1::LookupAnswer& answer);
  // Ends every wait of now and later at once.
  void Close();

 private:
  struct Stream {
    Peer peer;
    std::string name;
    bool keeps_allowed = false;
    std::function<void()> wake;
    std::deque<std::pair<std::string, std::shared_ptr<const v1::Update>>> waiting;  // by lookup id
  };
  struct Question {
    const std::string& request_id;
    LookupResult result;
    size_t open = 0;
  };
  struct Open {
    Question* question;
    uint64_t stream;
  };

  [[nodiscard]] std::vector<std::function<void()>> Put(Question* question)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(Question* question) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GiveUp(const Open& open) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const base::Clock* const clock_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::map<uint64_t, Stream> streams_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 1;
  absl::flat_hash_map<std::string, Open> open_ ABSL_GUARDED_BY(mutex_);  // by lookup id
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace sallyport::authsvc
