// The processes that run scripts: a bounded number, started when they are needed, each for one API
// as long as it lives, so that what one API's script might make of its process is never another's.
// One request at a time in each. One pool per data plane; thread-safe.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dataplane/loop/deadline.h"
#include "dataplane/script/body_budget.h"
#include "dataplane/script/helper.h"
#include "dataplane/upstream/admission.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {

class Loop;

struct ScriptPoolOptions {
  std::string program;           // ScriptProgram
  uint32_t helpers = 8;          // processes; 0: scripts are off here
  uint32_t helpers_per_api = 4;  // at work at once for one API
  uint32_t waiting = 1'024;      // requests that wait for one, of all APIs; of one: half of them
  absl::Duration wait = absl::Seconds(1);
  uint64_t all_body_bytes = 64u << 20;
};

class ScriptPool {
 public:
  // One process for one request. Destruction without Keep ends the process.
  class Lease {
   public:
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    [[nodiscard]] ScriptHelper& helper() const { return *helper_; }
    // It has answered and waits for the next request, which it may have served `busy` for.
    void Keep(absl::Duration busy);

   private:
    friend class ScriptPool;
    Lease(ScriptPool* pool, std::string api_id, std::shared_ptr<Admission> api,
          Admission::Ticket of_api, Admission::Ticket of_all)
        : pool_(pool),
          api_id_(std::move(api_id)),
          api_(std::move(api)),
          of_api_(std::move(of_api)),
          of_all_(std::move(of_all)) {}
    ScriptPool* pool_;
    std::string api_id_;
    std::shared_ptr<Admission> api_;
    Admission::Ticket of_api_, of_all_;  // given back first
    std::unique_ptr<ScriptHelper> helper_;
  };

  // `clock` outlives this, and this every lease.
  ScriptPool(ScriptPoolOptions options, const base::Clock& clock);
  ~ScriptPool();
  ScriptPool(const ScriptPool&) = delete;
  ScriptPool& operator=(const ScriptPool&) = delete;

  // On `loop`'s thread. RESOURCE_EXHAUSTED: all are busy and stay so until `deadline` or for
  // options.wait; UNAVAILABLE, NOT_FOUND: none can be started. A process is started within the
  // call, without a copy of this one's memory.
  [[nodiscard]] boost::asio::awaitable<absl::StatusOr<Lease>> Acquire(Loop& loop,
                                                                      std::string api_id,
                                                                      Deadline deadline);
  // Where there is no program scripts fail, and this says which file was looked for; else empty.
  [[nodiscard]] std::string NoProgram() const {
    return program_.fd() < 0 ? program_.file() : std::string();
  }
  // Of all requests' bodies and answers.
  [[nodiscard]] BodyBudget& bodies() { return bodies_; }
  // Ends what has been idle for a minute. Call it about once a second.
  void Sweep();

  struct Counts {
    size_t idle = 0;
    size_t busy = 0;
    size_t waiting = 0;
    size_t ending = 0;
    uint64_t started = 0;
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct Idle {
    std::string api_id;
    std::unique_ptr<ScriptHelper> helper;
    absl::Duration since;
  };
  struct Place {
    std::shared_ptr<Admission> admission;
    Admission::Ticket ticket;
  };

  [[nodiscard]] std::shared_ptr<Admission> OfApi(const std::string& api_id);
  [[nodiscard]] boost::asio::awaitable<bool> Enter(Loop& loop, Admission& admission,
                                                   TargetLimits limits, Deadline deadline,
                                                   Admission::Ticket* ticket);
  // Null: one must be started.
  [[nodiscard]] std::unique_ptr<ScriptHelper> TakeIdle(absl::string_view api_id);
  void Return(std::string api_id, std::unique_ptr<ScriptHelper> helper);
  void End(std::unique_ptr<ScriptHelper> helper) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReapEnded() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ScriptPoolOptions options_;
  const base::Clock& clock_;
  const ScriptProgram program_;
  BodyBudget bodies_;
  Admission all_;
  mutable base::Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<Admission>> apis_ ABSL_GUARDED_BY(mutex_);
  std::vector<Idle> idle_ ABSL_GUARDED_BY(mutex_);  // the longest idle first
  std::vector<std::unique_ptr<ScriptHelper>> ending_ ABSL_GUARDED_BY(mutex_);
  size_t busy_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t started_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace sallyport::dataplane
