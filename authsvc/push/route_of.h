// The part of an API that a data plane may hold. Pure.
#pragma once

#include "authsvc/push/change_record.h"
#include "sallyport/v1/distribution.pb.h"

namespace sallyport::authsvc {

struct ApiEntry;
class Snapshot;

[[nodiscard]] ::sallyport::v1::Route RouteOf(const Snapshot& snapshot, const ApiEntry& entry);
// Not present when the API is inactive.
[[nodiscard]] Audience AudienceOf(const ApiEntry& entry);
[[nodiscard]] ::sallyport::v1::GatewayFacts GatewayFactsOf(const Snapshot& snapshot,
                                                           uint64_t server_certificates_version);

}  // namespace sallyport::authsvc
