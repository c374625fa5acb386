// Whom data planes asked about lately and who was let in: the facts of the question, each caller of
// an API once. A change that is only tried out is held against them. In memory only, bounded by
// count, bytes and age. Thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "authsvc/decide/decide.h"
#include "sallyport/v1/admin.pb.h"
#include "sallyport/v1/decision.pb.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {

struct RecentOptions {
  size_t most = 20'000;
  size_t bytes = 64U << 20;
  absl::Duration kept = absl::Hours(24);
};

class RecentCallers {
 public:
  RecentCallers(const base::Clock* clock, RecentOptions options)
      : clock_(clock), options_(options) {}

  // Of an answer to a data plane. Callers by signed token or password are left out: what they
  // showed is not kept, so they cannot be asked about again.
  void Note(const ::sallyport::v1::AuthorizeRequest& question,
            const ::sallyport::v1::Decision& decision);

  // Those who are let in by `before` and would not be by `after`, the newest first; as many as can
  // be asked about in two seconds.
  [[nodiscard]] std::vector<::sallyport::v1::AffectedCaller> Refused(const Snapshot& before,
                                                                     const Snapshot& after,
                                                                     size_t limit) const;
  [[nodiscard]] size_t size() const;

 private:
  struct Caller {
    std::string key;
    std::shared_ptr<const std::string> packed;  // serialised AuthorizeRequest
    std::string identity;
    std::string key_id;
    std::string leaf;
    absl::Time seen;
  };
  void Trim() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const base::Clock* const clock_;
  const RecentOptions options_;
  mutable base::Mutex mutex_;
  std::list<Caller> callers_ ABSL_GUARDED_BY(mutex_);  // the newest first
  absl::flat_hash_map<std::string, std::list<Caller>::iterator> by_key_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace sallyport::authsvc
