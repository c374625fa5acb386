// Certificate policies of a whole path (RFC 5280 6.1, any policy acceptable). Pure; thread-safe.
#pragma once

#include <vector>

#include "authsvc/verify/edge_checks.h"

namespace sallyport::authsvc {

// `path` ends at an anchor. False: it is refused and `out` says why.
bool CheckPolicies(PathView path, std::vector<Problem>* out);

}  // namespace sallyport::authsvc
