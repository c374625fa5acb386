#include "dataplane/tls/strict_handshakes.h"

#include "dataplane/tls/strict_handshake.h"

namespace sallyport::dataplane {

bool StrictHandshakes::Enter(StrictHandshake* handshake, const std::string& group) {
  if (ended_ || waiting_.size() >= limits_.waiting) return false;
  const bool counted = !group.empty() && limits_.waiting_of_address != 0;
  if (counted && !addresses_.Enter(group, limits_.waiting_of_address)) return false;
  waiting_.insert(handshake);
  return true;
}

void StrictHandshakes::Leave(StrictHandshake* handshake, const std::string& group) {
  waiting_.erase(handshake);
  if (!group.empty() && limits_.waiting_of_address != 0) addresses_.Leave(group);
}

void StrictHandshakes::EndAll() {
  ended_ = true;
  // What one of them sets off may end others.
  while (!waiting_.empty()) (*waiting_.begin())->Abandon("cancelled");
}

}  // namespace sallyport::dataplane
