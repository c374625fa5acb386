// Where the parts of a route stand: which hosts, and whose client certificates are asked for there.
// Pure. Private to the folder.
#pragma once

#include <string>
#include <vector>

#include "authsvc/dialects/apisix/route.h"

namespace sallyport::authsvc::dialects::apisix {

// Where one part of a route stands.
struct Placement {
  std::vector<std::string> hosts;
  uint32_t tier = 0;
  const SslIndex::Ssl* ssl = nullptr;
  const SslIndex::Ssl* client = nullptr;  // in its place; null: none of its own
};

[[nodiscard]] inline bool Demands(const SslIndex::Ssl* ssl) {
  return ssl != nullptr && !ssl->authorities.empty();
}

// Of a route with these hosts. Holds pointers into `ssls`.
[[nodiscard]] std::vector<Placement> PlacementsOf(const std::vector<std::string>& hosts,
                                                  const SslIndex& ssls);

}  // namespace sallyport::authsvc::dialects::apisix
