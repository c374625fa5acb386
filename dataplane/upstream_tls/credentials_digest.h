// What makes two answers of the auth service interchangeable for a connection: 32 bytes over the
// client certificate, its key, trust, pins, TLS settings, server name and forward proxy; not over
// tags, revision or times. It is computed here from the fields themselves, so that two identities
// can never meet on one connection. Pure, thread-safe.
#pragma once

#include <string>

#include "dataplane/sync/credentials.h"

namespace sallyport::dataplane {

[[nodiscard]] std::string CredentialsDigest(const UpstreamCredentials& credentials);

}  // namespace sallyport::dataplane
