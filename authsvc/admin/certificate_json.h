// Certificates as Tyk's API shows them (reference tyk.md §2.1): never PEM, never a private key.
// Pure.
#pragma once

#include "authsvc/admin/answers.h"
#include "authsvc/snapshot/entries.h"

namespace sallyport::authsvc::admin {

// CertificateMeta. One that does not parse still has its id and what the store knows of it.
[[nodiscard]] Json CertificateMeta(const CertificateEntry& entry);
// CertificateBasics, for listings.
[[nodiscard]] Json CertificateBasics(const CertificateEntry& entry);

}  // namespace sallyport::authsvc::admin
