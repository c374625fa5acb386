// What the upstream of an API is told about its callers: the API's own settings, whole, else the
// gateway's. Pure, thread-safe; the references live as long as the arguments.
#pragma once

#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

[[nodiscard]] inline const ::sallyport::v1::IdentityForwarding& IdentityForwardingOf(
    const ::sallyport::v1::Api& api, const ::sallyport::v1::GatewaySettings& gateway) {
  return api.has_identity_forwarding() ? api.identity_forwarding() : gateway.identity_forwarding();
}

// The verified path above the leaf is sent on.
[[nodiscard]] inline bool TellsPath(const ::sallyport::v1::IdentityForwarding& forwarding) {
  if (forwarding.client_cert_chain()) return true;
  for (const std::string& field : forwarding.xfcc_fields()) {
    if (field == "chain") return true;
  }
  return false;
}

}  // namespace sallyport::authsvc
