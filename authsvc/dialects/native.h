// Native documents: `apiVersion: sallyport/v1`, `kind:` Certificate, Api, Key, Policy,
// GatewaySettings, Listener or TrustBundle; the other members are the fields of that message of
// resources.proto, in protobuf's JSON mapping (lowerCamelCase or the name in the .proto), at the
// top or below `spec:`. Unknown fields are refused, with "did you mean". Certificate takes `pem:`
// and Key `token:` (stored as its SHA-256) in place of fields that are made by the system. Pure,
// thread-safe.
#pragma once

#include <string>

#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::dialects {

[[nodiscard]] Conversion ConvertNative(const Node& document, const ConvertOptions& options);
[[nodiscard]] bool IsNative(const Node& document);

// The document that ConvertNative would take for this resource, as JSON. No secrets.
[[nodiscard]] std::string NativeJson(const v1::Resource& resource);

}  // namespace sallyport::authsvc::dialects
