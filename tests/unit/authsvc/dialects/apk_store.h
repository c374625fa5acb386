// What several applies of WSO2 APK's documents leave behind. For the tests of this folder.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/authsvc/dialects/apk_for_tests.h"

namespace sallyport::authsvc::dialects::apk {

// What is stored, as later applies find it.
class Store {
 public:
  [[nodiscard]] ConvertOptions Options() const {
    ConvertOptions options = TestOptions();
    options.apk_stored = [this] {
      std::vector<v1::Resource> objects;
      for (const auto& [id, resource] : resources_) {
        if (resource.has_dialect_object()) objects.push_back(resource);
      }
      return objects;
    };
    options.stored_api = [this](const std::string& id) -> std::optional<v1::Resource> {
      const auto found = resources_.find(id);
      if (found == resources_.end()) return std::nullopt;
      return found->second;
    };
    return options;
  }

  ApplyPlan Apply(const std::vector<std::string>& texts, const std::string& prune_set = "") {
    ApplyPlan plan = PlanOf(texts, Options(), prune_set);
    EXPECT_FALSE(plan.refused) << MessagesOf(plan);
    if (plan.refused) return plan;
    if (!prune_set.empty()) {
      std::erase_if(resources_, [&](const auto& one) { return one.second.set() == prune_set; });
    }
    for (const std::string& id : plan.gone_apis) resources_.erase(id);
    for (const PlannedPut& put : plan.puts) resources_[put.put.resource.id()] = put.put.resource;
    return plan;
  }

  ApplyPlan Refused(const std::vector<std::string>& texts) const {
    ApplyPlan plan = PlanOf(texts, Options());
    EXPECT_TRUE(plan.refused);
    return plan;
  }

  [[nodiscard]] const v1::Api& Api(const std::string& id) { return resources_[id].api(); }
  [[nodiscard]] size_t size() const { return resources_.size(); }
  std::map<std::string, v1::Resource>& resources() { return resources_; }

 private:
  std::map<std::string, v1::Resource> resources_;
};

}  // namespace sallyport::authsvc::dialects::apk
