// The reads of service Admin, as functions of a snapshot. Private keys and token hashes never
// leave.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "authsvc/rpc/parts.h"
#include "sallyport/v1/admin.pb.h"

namespace sallyport::authsvc {

class Snapshot;
class Writer;

[[nodiscard]] absl::Status GetResource(const Snapshot& snapshot,
                                       const ::sallyport::v1::GetRequest& request,
                                       ::sallyport::v1::GetResponse* response);
// With the document that it came as, without its secrets. Blocks for the store.
[[nodiscard]] absl::Status ReadWithDocument(Writer& writer,
                                            const ::sallyport::v1::GetRequest& request,
                                            ::sallyport::v1::GetResponse* response);
[[nodiscard]] absl::Status ListResources(const Snapshot& snapshot,
                                         const ::sallyport::v1::ListRequest& request,
                                         ::sallyport::v1::ListResponse* response);
[[nodiscard]] absl::Status ListUses(const Snapshot& snapshot,
                                    const ::sallyport::v1::WhoUsesRequest& request,
                                    ::sallyport::v1::WhoUsesResponse* response);
void FillStatus(const ServiceParts& parts, ::sallyport::v1::StatusResponse* response);
// "Api", …; "?" without a body.
[[nodiscard]] absl::string_view KindTextOf(const ::sallyport::v1::Resource& resource);

}  // namespace sallyport::authsvc
