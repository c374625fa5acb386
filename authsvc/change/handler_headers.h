// Header values of an API's webhooks that are credentials (events/credential_headers.h), on their
// way into the store and out of it. Only for this folder. Texts of errors never hold one.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "authsvc/change/sealed_value.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc {

// Seals them in `api`. An empty one is that of `secrets` (an export; one of an older version names
// no event, and is taken where one handler alone has the URL), else the one that `stored`
// (may be null) has for the same event and URL, or for the URL alone: a credential follows to no
// other place by itself. Refused: an empty one that several stored values could be, and two values
// of one header (its name in any case) for the same event and URL.
[[nodiscard]] absl::Status CompleteHandlerHeaders(
    const ValueSealing& sealing, const std::map<std::string, base::Secret>& secrets,
    const v1::Api* stored, v1::Api* api);

[[nodiscard]] absl::StatusOr<base::Secret> OpenHandlerHeader(const ValueSealing& sealing,
                                                             const v1::Api& api,
                                                             const v1::EventHandler& handler,
                                                             const std::string& name);

// Its name among the secrets of a resource: header, event and URL.
[[nodiscard]] std::string HandlerHeaderSecret(const v1::EventHandler& handler,
                                              absl::string_view name);

}  // namespace sallyport::authsvc
