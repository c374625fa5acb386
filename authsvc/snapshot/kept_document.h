// The document that an API was put as, on its way out of the store. Pure, thread-safe.
#pragma once

#include <string>

namespace sallyport::authsvc {

// Empties the header values of webhooks that are credentials (events/credential_headers.h), in
// every dialect: versions before they were sealed left them there. Others stay byte for byte.
void HideCredentialHeaders(std::string* document);

}  // namespace sallyport::authsvc
