// How many questions one client may cause: a flood of callers without a cached answer must not
// reach authsvc. Not thread-safe but for the classes. Private to dataplane/authorize, but for
// AddressMisses, by which dataplane/listen counts handshakes, too.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "shared/base/mutex.h"
#include "shared/cache/store.h"

namespace sallyport::dataplane {

// A token bucket in two numbers; `left` < 0: not used yet. Rate 0: no limit.
[[nodiscard]] bool TakeOne(double per_second, double burst, int64_t now_ns, double* left,
                           int64_t* at_ns);

// Questions whose last answer let their caller in: who asks them again, because a change has
// evicted that answer, makes no flood, however many share an address. Thread-safe.
class LetInBefore {
 public:
  void Note(const cache::Hash128& key, bool let_in);
  [[nodiscard]] bool Knows(const cache::Hash128& key);

 private:
  struct Nothing {};
  static constexpr size_t kMost = 100'000;
  base::Mutex mutex_;
  cache::LruStore<Nothing> keys_ ABSL_GUARDED_BY(mutex_){kMost, kMost};
};

class AddressMisses {
 public:
  AddressMisses(double per_second, double burst) : per_second_(per_second), burst_(burst) {}
  [[nodiscard]] bool limits() const { return per_second_ > 0; }
  [[nodiscard]] bool Take(absl::string_view address, int64_t now_ns);

 private:
  struct Bucket {
    mutable double left = -1;
    mutable int64_t at_ns = 0;
  };
  const double per_second_, burst_;
  base::Mutex mutex_;
  cache::LruStore<Bucket> buckets_ ABSL_GUARDED_BY(mutex_){50'000, 8u << 20};
};

}  // namespace sallyport::dataplane
