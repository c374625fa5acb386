// Checks of APIs of protocols tls and tcp, and of the ports that they have to themselves. Pure;
// only for this folder.
#pragma once

#include "absl/status/status.h"
#include "authsvc/change/checks.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

// What such an API must have and cannot have. One of HTTP, which has nothing of theirs, passes.
[[nodiscard]] absl::Status CheckProtocol(const v1::Api& api, Warnings* warnings);
// Its port is not that of another that could not be told from it, nor of an HTTP listener.
[[nodiscard]] absl::Status CheckPort(const CheckContext& context, const v1::Api& api);
// A listener's port is none of theirs.
[[nodiscard]] absl::Status CheckPort(const CheckContext& context, const v1::Listener& listener);
// They are deployed to data planes of a group together.
[[nodiscard]] bool ShareGroup(const v1::Api& a, const v1::Api& b);
// tcp://host:port or tls://host:port, nothing else.
[[nodiscard]] absl::Status CheckStreamTarget(absl::string_view url);

}  // namespace sallyport::authsvc
