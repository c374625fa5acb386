// What one write means to data planes: whose routes changed, which cached answers are void, whose
// connections must go. Pure data, made by change_rules.h from (old snapshot, new snapshot, changed
// ids).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sallyport::v1 {
class Eviction;
class GatewayFacts;
class Listener;
class Route;
}  // namespace sallyport::v1

namespace sallyport::authsvc {

// Groups that may see something; empty and present: all.
struct Audience {
  bool present = false;
  std::vector<std::string> groups;
  [[nodiscard]] bool Includes(const std::string& group) const;
};

struct RouteDelta {
  std::string api_id;
  Audience before;
  Audience after;
  std::shared_ptr<const v1::Route> route;  // null when nobody may see it any more
};

struct ListenerDelta {
  std::string id;
  std::shared_ptr<const v1::Listener> listener;  // null: removed
};

struct ChangeRecord {
  uint64_t base_revision = 0;  // of the snapshot before
  uint64_t revision = 0;
  std::vector<RouteDelta> routes;
  std::vector<ListenerDelta> listeners;
  std::shared_ptr<const v1::GatewayFacts> gateway;  // null: unchanged
  std::vector<v1::Eviction> evictions;              // the same for every group

  ChangeRecord();
  ~ChangeRecord();
  ChangeRecord(ChangeRecord&&) noexcept;
  ChangeRecord& operator=(ChangeRecord&&) noexcept;
};

}  // namespace sallyport::authsvc
