#include "dataplane/upstream/hash_ring.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {

uint64_t StableHash(absl::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  // Its high bits depend on too little of a short text: the finaliser of SplitMix64.
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
  return hash ^ (hash >> 31);
}

HashRing::HashRing(const std::vector<Member>& members) {
  uint32_t divisor = 0;
  for (const Member& member : members) divisor = std::gcd(divisor, std::max(member.weight, 1u));
  if (divisor == 0) return;
  size_t weights = 0;
  for (const Member& member : members) weights += std::max(member.weight, 1u) / divisor;
  const double per_weight = std::min<double>(
      kPointsPerWeight, static_cast<double>(kMaxPoints) / static_cast<double>(weights));
  for (size_t i = 0; i < members.size(); ++i) {
    const uint32_t weight = std::max(members[i].weight, 1u) / divisor;
    const auto count = static_cast<size_t>(std::max(1.0, per_weight * weight));
    for (size_t point = 0; point < count; ++point) {
      points_.emplace_back(StableHash(absl::StrCat(members[i].name, "#", point)),
                           static_cast<uint32_t>(i));
    }
  }
  std::sort(points_.begin(), points_.end());
}

int HashRing::Find(uint64_t hash, absl::FunctionRef<bool(size_t)> takes) const {
  const auto from =
      std::lower_bound(points_.begin(), points_.end(), std::pair<uint64_t, uint32_t>(hash, 0));
  const auto start = static_cast<size_t>(from - points_.begin());
  for (size_t i = 0; i < points_.size(); ++i) {
    const uint32_t member = points_[(start + i) % points_.size()].second;
    if (takes(member)) return static_cast<int>(member);
  }
  return -1;
}

}  // namespace sallyport::dataplane
