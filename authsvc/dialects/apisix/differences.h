// What of a document works otherwise here than in APISIX, for whoever moves in. Pure.
#pragma once

#include <string>
#include <vector>

#include "authsvc/dialects/apisix/schema.h"

namespace sallyport::authsvc::dialects::apisix {

// A line for each. The document need not have been checked.
[[nodiscard]] std::vector<std::string> Differences(const Collection& collection,
                                                   const Json& document);

}  // namespace sallyport::authsvc::dialects::apisix
