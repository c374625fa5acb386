// What the settings of identity_forwarding must fulfil. Pure functions; only for this folder.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "authsvc/change/checks.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

// Fields of the connection, of the framing or of the request's place, which no setting may name.
[[nodiscard]] bool IsConnectionsOwn(absl::string_view name);

// `header`: the name that XFCC has, Api.identity_header as written.
[[nodiscard]] absl::Status CheckIdentityForwarding(const CheckContext& context,
                                                   const v1::IdentityForwarding& forwarding,
                                                   absl::string_view header, Warnings* warnings);

}  // namespace sallyport::authsvc
