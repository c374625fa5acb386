// Strict server names of SSL objects: where a listener of the data planes is named for it, the
// handshake for their names waits for the path of the client's certificate (reference apisix.md
// A3.1). Whatever happens there, every request is decided as always. Private to this
// folder.
#pragma once

#include <optional>
#include <string>

#include "authsvc/apisix/stored_objects.h"
#include "authsvc/apisix/surroundings.h"
#include "authsvc/change/writer.h"

namespace sallyport::authsvc::apisix {

// What brings the listener "apisix" in line with the objects; none: it is.
[[nodiscard]] std::optional<Mutation> StrictMutation(const Snapshot& snapshot,
                                                     const dialect::Objects& objects,
                                                     const StrictPlace& place);

}  // namespace sallyport::authsvc::apisix
