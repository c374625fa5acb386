// What explain says of a caller that is let in: which limits count its requests, and with which
// certificate, pins and trust each of the API's targets would be spoken to. Pure.
#pragma once

#include "absl/time/time.h"
#include "sallyport/v1/decision.pb.h"

namespace sallyport::authsvc {

class Snapshot;

// Adds steps `limits` and `upstream` to `response`; nothing when there is no such API. No private
// key is opened.
void ExplainGranted(const Snapshot& snapshot, const ::sallyport::v1::AuthorizeRequest& question,
                    const ::sallyport::v1::Decision& decision, absl::Time now,
                    ::sallyport::v1::ExplainResponse* response);

}  // namespace sallyport::authsvc
