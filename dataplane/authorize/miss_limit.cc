#include "dataplane/authorize/miss_limit.h"

#include <algorithm>
#include <limits>

#include "absl/time/time.h"

namespace sallyport::dataplane {

bool TakeOne(double per_second, double burst, int64_t now_ns, double* left, int64_t* at_ns) {
  if (per_second <= 0) return true;
  if (*left < 0) {
    *left = burst;
  } else {
    const double passed = static_cast<double>(now_ns - *at_ns) / 1e9;
    *left = std::min(burst, *left + std::max(passed, 0.0) * per_second);
  }
  *at_ns = now_ns;
  if (*left < 1) return false;
  *left -= 1;
  return true;
}

void LetInBefore::Note(const cache::Hash128& key, bool let_in) {
  static const auto nothing = std::make_shared<const Nothing>();
  const base::MutexLock lock(&mutex_);
  if (!let_in) return keys_.Erase(key);
  keys_.Put(key, nothing, 1, std::numeric_limits<int64_t>::max());
}

bool LetInBefore::Knows(const cache::Hash128& key) {
  const base::MutexLock lock(&mutex_);
  return keys_.Find(key, 0) != nullptr;
}

bool AddressMisses::Take(absl::string_view address, int64_t now_ns) {
  if (per_second_ <= 0) return true;
  const cache::Hash128 key = cache::KeyedHash(cache::ProcessHashKey(), address);
  base::MutexLock lock(&mutex_);
  const std::shared_ptr<const Bucket>* found = buckets_.Find(key, now_ns);
  std::shared_ptr<const Bucket> bucket = found == nullptr ? nullptr : *found;
  if (bucket == nullptr) bucket = std::make_shared<const Bucket>();
  // Kept for longer than an empty bucket takes to be full again.
  const double full_after = burst_ / per_second_ * 1e9 + 1e9;
  buckets_.Put(key, bucket, sizeof(Bucket) + 96, now_ns + static_cast<int64_t>(full_after));
  return TakeOne(per_second_, burst_, now_ns, &bucket->left, &bucket->at_ns);
}

}  // namespace sallyport::dataplane
