// Policies of apk-conf: those that change headers; the others are refused by name. Pure,
// thread-safe. Private to this folder.
#pragma once

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects::apk {

// `policies`: {request: [], response: []}.
void ReadPolicies(const Fields& policies, v1::HeaderChange* request, v1::HeaderChange* response);

}  // namespace sallyport::authsvc::dialects::apk
