#include "dataplane/upstream/target_registry.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {

TargetStatePtr TargetRegistry::Of(absl::string_view api_id, const UpstreamTarget& target) {
  const std::string key = absl::StrCat(api_id.size(), ":", api_id, target.tls ? "https" : "http",
                                       "|", target.host, "|", target.port, "|", target.proxy);
  const base::MutexLock lock(&mutex_);
  if (entries_.size() >= forget_at_) Forget();
  Entry& entry = entries_[key];
  TargetStatePtr state = entry.state.lock();
  if (state != nullptr) return state;
  state = std::make_shared<TargetState>();
  entry = Entry{std::string(api_id), state};
  return state;
}

void TargetRegistry::Forget() {
  for (auto it = entries_.begin(); it != entries_.end();) {
    const auto now = it++;
    if (now->second.state.expired()) entries_.erase(now);
  }
  forget_at_ = std::max<size_t>(256, entries_.size() * 2);
}

std::vector<TargetRegistry::Counts> TargetRegistry::CountAll(int64_t now_millis) const {
  absl::flat_hash_map<std::string, Counts> by_api;
  const base::MutexLock lock(&mutex_);
  for (const auto& [key, entry] : entries_) {
    const TargetStatePtr state = entry.state.lock();
    if (state == nullptr) continue;
    Counts& counts = by_api[entry.api_id];
    if (state->down()) {
      ++counts.down;
    } else if (state->ejected(now_millis)) {
      ++counts.ejected;
    } else {
      ++counts.usable;
    }
  }
  std::vector<Counts> all;
  for (auto& [api_id, counts] : by_api) {
    counts.api_id = api_id;
    all.push_back(std::move(counts));
  }
  return all;
}

}  // namespace sallyport::dataplane
