// Objects of another gateway's store, put together as one write (`sallyctl import apisix`).
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "authsvc/apisix/surroundings.h"
#include "sallyport/v1/admin.pb.h"
#include "shared/base/clock.h"

namespace sallyport::authsvc {
class Writer;
}

namespace sallyport::authsvc::apisix {

// Each document is one object; its name is "COLLECTION/ID", whatever stands before it. In any
// order: they may refer to each other and to what is stored. One refusal refuses all, and the
// response says of each object what became of it and what works otherwise here. An error: the store
// did not take the write. Blocks on the store; thread-safe.
[[nodiscard]] absl::StatusOr<::sallyport::v1::ApplyResponse> ImportObjects(
    Writer& writer, const base::Clock& clock, absl::string_view who,
    const ::sallyport::v1::ApplyRequest& request, const Surroundings& surroundings);

}  // namespace sallyport::authsvc::apisix
