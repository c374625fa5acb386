// Who a request comes from: the TCP peer, or what trusted proxies in front say in X-Forwarded-For.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dataplane/http/head.h"
#include "dataplane/route/route.h"

namespace sallyport::dataplane {

[[nodiscard]] bool IsTrustedProxy(const std::vector<AddressRange>& trusted,
                                  absl::string_view address);
// `peer` is trusted. The rightmost address of X-Forwarded-For that is not a trusted proxy; `peer`
// when there is none or what is there is no address.
[[nodiscard]] std::string ForwardedClient(const std::vector<AddressRange>& trusted,
                                          const HeaderFields& fields, absl::string_view peer);

}  // namespace sallyport::dataplane
