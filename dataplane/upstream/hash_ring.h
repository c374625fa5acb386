// Consistent hashing: each target owns points on a ring, as many as its weight says, and takes the
// keys that come before them. Every replica and loop builds the same ring; a target that comes or
// goes moves only the keys between its points and those before. Immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

// The same on every machine and in every version of this program.
[[nodiscard]] uint64_t StableHash(absl::string_view text);

class HashRing {
 public:
  static constexpr size_t kPointsPerWeight = 160;
  static constexpr size_t kMaxPoints = 65'536;
  struct Member {
    std::string name;
    uint32_t weight = 1;
  };

  HashRing() = default;
  explicit HashRing(const std::vector<Member>& members);

  // Offers the members from `hash` on, with repetitions, until `takes` is true for one: its index,
  // or -1.
  [[nodiscard]] int Find(uint64_t hash, absl::FunctionRef<bool(size_t)> takes) const;

 private:
  std::vector<std::pair<uint64_t, uint32_t>> points_;  // sorted
};

}  // namespace sallyport::dataplane
