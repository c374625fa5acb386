// Immutable map of domain patterns to values (DESIGN 7). The cost of a lookup depends on the length
// of the host and on how many *shapes* of wildcards are in use ("*.x.y", "a.*.y", …), not on the
// number of entries.
//
// Order: host:port > host > wildcard with port > wildcard; among wildcards labels are compared from
// the left and a literal beats `*` at the first difference. Wildcards never match IP addresses. `*`
// is the default and is reported as such: whether a default of one map beats a specific entry of
// another is the caller's rule.
//
//   auto map = DomainMap<std::string>::Build({{"*.x.example:8443", "id"}, {"*", "other"}});
//   if (const auto match = map->Find("a.x.example", 8443)) use(*match.value);
//
// Thread-safe once built. Values are owned by the map; a Match points into it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shared/domain/pattern.h"

namespace sallyport::domain {

// Patterns to positions, without the values.
class PatternIndex {
 public:
  static constexpr int kNone = -1;

  // Position i of `keys` is what Find answers. Refuses invalid keys and two keys that mean the
  // same.
  [[nodiscard]] static absl::StatusOr<PatternIndex> Build(
      const std::vector<absl::string_view>& keys);

  // `host` normalised (Host::name); `port` the effective one: as written, or the scheme's default.
  // So a key `h:443` matches https targets with or without a written port, `h:80` those of http.
  [[nodiscard]] int FindSpecific(absl::string_view host, uint16_t port) const;
  [[nodiscard]] int default_position() const { return default_; }

 private:
  struct Shape {
    bool with_port;
    std::vector<bool> star;  // by label from the left
  };
  struct Slot {
    int any_port = kNone;
    std::vector<std::pair<uint16_t, int>> ports;  // few
  };

  absl::Status Add(absl::string_view key, int position);
  void AddShape(const Pattern& pattern);
  [[nodiscard]] int FindWildcard(absl::string_view host, uint16_t port) const;

  absl::flat_hash_map<std::string, Slot> hosts_;      // exact names
  absl::flat_hash_map<std::string, Slot> wildcards_;  // by masked name: "*.x.y"
  std::vector<std::vector<Shape>> shapes_;            // by number of labels, most specific first
  int default_ = kNone;
};

template <typename T>
class DomainMap {
 public:
  struct Match {
    const T* value = nullptr;
    bool is_default = false;  // matched by `*`
    absl::string_view key;    // as it was written
    explicit operator bool() const { return value != nullptr; }
  };

  DomainMap() = default;

  [[nodiscard]] static absl::StatusOr<DomainMap> Build(
      std::vector<std::pair<std::string, T>> entries) {
    std::vector<absl::string_view> keys;
    keys.reserve(entries.size());
    for (const auto& entry : entries) keys.emplace_back(entry.first);
    auto index = PatternIndex::Build(keys);
    if (!index.ok()) return index.status();
    DomainMap map;
    map.index_ = *std::move(index);
    map.entries_ = std::move(entries);
    return map;
  }

  // The specific entry for host and effective port; none: a Match without value.
  [[nodiscard]] Match FindSpecific(absl::string_view host, uint16_t port) const {
    return At(index_.FindSpecific(host, port), false);
  }
  [[nodiscard]] Match FindDefault() const { return At(index_.default_position(), true); }
  // Specific, else default.
  [[nodiscard]] Match Find(absl::string_view host, uint16_t port) const {
    const Match specific = FindSpecific(host, port);
    return specific ? specific : FindDefault();
  }

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] size_t size() const { return entries_.size(); }
  [[nodiscard]] const std::vector<std::pair<std::string, T>>& entries() const { return entries_; }

 private:
  Match At(int position, bool is_default) const {
    if (position == PatternIndex::kNone) return {};
    const auto& entry = entries_[static_cast<size_t>(position)];
    return {&entry.second, is_default, entry.first};
  }

  PatternIndex index_;
  std::vector<std::pair<std::string, T>> entries_;
};

}  // namespace sallyport::domain
