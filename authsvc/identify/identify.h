// Who a caller is: the facts of its certificate and the name that it is known by (DESIGN 6).
// Pure functions, thread-safe.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "authsvc/verify/verify_path.h"
#include "sallyport/v1/identity.pb.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/crypto/certificate.h"

namespace sallyport::authsvc {

namespace v1 = ::sallyport::v1;

// For the wire, logs and `explain`.
[[nodiscard]] v1::CertificateFacts FactsOf(const crypto::Certificate& certificate);
// The same into an empty message.
void FillFacts(const crypto::Certificate& certificate, v1::CertificateFacts* facts);

[[nodiscard]] v1::PathFailure FailureOf(const PathFailure& failure);

// With a key: its alias, else its id. Without: the first URI SAN, else the first DNS SAN that is
// not a wildcard, else the first e-mail SAN, else the subject. A wildcard SAN names a set of hosts
// and is never an identity. Either may be null; with neither the answer is empty.
[[nodiscard]] std::string IdentityName(const v1::Key* key, const crypto::Certificate* leaf);

}  // namespace sallyport::authsvc
