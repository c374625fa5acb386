// The TLS versions that objects of dialects allow at the names that their certificates serve. Data
// planes get them as the names of a listener without a port: none is opened for it, and they hold
// at every listener. A handshake is narrowed by the answer that has the certificates; by these a
// data plane sees that a request names a host whose handshake could not have been this one. Pure.
#pragma once

#include <memory>

#include "absl/strings/string_view.h"
#include "sallyport/v1/distribution.pb.h"

namespace sallyport::authsvc {

class Snapshot;

// No Listener resource can have it.
inline constexpr absl::string_view kServedVersionsId = "/served-versions";

// Null: no object has any. Of several objects with a name the one written last counts.
[[nodiscard]] std::shared_ptr<const ::sallyport::v1::Listener> ServedVersions(
    const Snapshot& snapshot);
// Whether they may differ by what became of this object.
[[nodiscard]] bool ServedVersionsDiffer(const Snapshot& before, const Snapshot& after,
                                        absl::string_view object_id);

}  // namespace sallyport::authsvc
