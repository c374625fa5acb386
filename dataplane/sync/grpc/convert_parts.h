// Conversions that several convert*.cc files need. Private to dataplane/sync.
#pragma once

#include <string>
#include <vector>

#include "dataplane/route/route.h"

namespace sallyport::v1 {
class Route;
class RouteMatching;
}  // namespace sallyport::v1

namespace sallyport::dataplane {

// After targets and versions. Protocol, timeouts, balancing, retries, ejection, health checks,
// limits. False: something that cannot be followed.
[[nodiscard]] bool UpstreamRulesFrom(const v1::Route& wire, Route* route);

// Versions and how one is named. False: something that cannot be followed.
[[nodiscard]] bool VersionsFrom(const v1::Route& wire, Route* route);
// False: something that this build does not know, or that cannot be read.
[[nodiscard]] bool MatchingFrom(const v1::RouteMatching& wire, MatchRules* rules);

template <typename Repeated>
std::vector<std::string> List(const Repeated& wire) {
  return std::vector<std::string>(wire.begin(), wire.end());
}

}  // namespace sallyport::dataplane
