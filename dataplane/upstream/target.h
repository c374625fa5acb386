// Where a request goes: an http(s) URL taken apart once, when the route is built. Immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

struct UpstreamTarget {
  bool tls = false;
  std::string host;          // lower case, no trailing dot, IPv6 without brackets
  bool host_is_ip = false;
  uint16_t port = 0;         // written or default
  std::string written_port;  // as in the URL; empty: none
  std::string authority;     // for the Host header: host[:written_port], IPv6 in brackets
  std::string path;          // of the URL, without a trailing slash; "" for none
};
using UpstreamTargetPtr = std::shared_ptr<const UpstreamTarget>;

// Refuses other schemes, user info, fragments, queries, blanks, bad ports and bad hosts.
[[nodiscard]] absl::StatusOr<UpstreamTargetPtr> ParseTarget(absl::string_view url);

// target.path + "/" + rest (each slash once); `rest` is origin-form, with its query if any.
[[nodiscard]] std::string JoinPath(const UpstreamTarget& target, absl::string_view rest);

}  // namespace sallyport::dataplane
