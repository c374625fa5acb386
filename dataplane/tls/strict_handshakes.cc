#include "dataplane/tls/strict_handshakes.h"

#include "dataplane/tls/strict_handshake.h"

namespace sallyport::dataplane {

bool StrictHandshakes::Enter(StrictHandshake* handshake, const std::string& group) {
  if (ended_ || waiting_.size() >= limits_.waiting) return false;
  if (!group.empty() && limits_.waiting_of_address != 0) {
    size_t& count = by_group_[group];
    if (count >= limits_.waiting_of_address) return false;
    ++count;
  }
  waiting_.insert(handshake);
  return true;
}

void StrictHandshakes::Leave(StrictHandshake* handshake, const std::string& group) {
  waiting_.erase(handshake);
  if (group.empty() || limits_.waiting_of_address == 0) return;
  const auto found = by_group_.find(group);
  if (found != by_group_.end() && --found->second == 0) by_group_.erase(found);
}

void StrictHandshakes::EndAll() {
  ended_ = true;
  // What one of them sets off may end others.
  while (!waiting_.empty()) (*waiting_.begin())->Abandon("cancelled");
}

}  // namespace sallyport::dataplane
