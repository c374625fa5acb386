// Routes whose upstream, service, plugins or client certificate were taken away by force. They keep
// their places and all that they ask of callers, and answer 502 (reference apisix.md A4.1): gone, a
// wider route would serve what they guarded. Private to this folder.
#pragma once

#include <vector>

#include "authsvc/snapshot/snapshot.h"

namespace sallyport::authsvc::apisix {

// The APIs that `route` has in the snapshot, closed, to be placed anew. `were_closed`: whether all
// of them were.
[[nodiscard]] std::vector<v1::Api> ClosedApis(const Snapshot& snapshot,
                                              const v1::DialectObject& route, bool* were_closed);

}  // namespace sallyport::authsvc::apisix
