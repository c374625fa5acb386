// An upstream of the dialect as one of the core (reference apisix.md A1.6). Private to the folder.
#pragma once

#include "authsvc/dialects/apisix/objects.h"
#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::dialects::apisix {

// `upstream`: the document; `owner`: the object that it is, or stands inline in, under `made_id`.
[[nodiscard]] absl::Status ConvertUpstream(const Json& upstream, const v1::DialectObject& owner,
                                           absl::string_view made_id, const Objects& objects,
                                           v1::Upstream* out);
// connect, send and read in seconds, each > 0.
[[nodiscard]] absl::Status ConvertTimeout(const Json& object, v1::Timeouts* out);

}  // namespace sallyport::authsvc::dialects::apisix
