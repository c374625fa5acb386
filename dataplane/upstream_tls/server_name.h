// Names of a server certificate (RFC 6125, RFC 9110 §4.3.4). Pure, thread-safe.
#pragma once

#include <openssl/x509.h>

#include <string>

namespace sallyport::dataplane {

// `name`: a DNS name without a trailing dot, or an IP address without brackets. DNS names match
// dNSName SANs only, where "*" stands for the whole leftmost label and for one label; addresses
// match iPAddress SANs only. The subject's common name never counts.
[[nodiscard]] bool CertificateHasName(X509* certificate, const std::string& name);

// The last (most specific) common name of the subject as UTF-8; empty when there is none, or when
// it holds a NUL.
[[nodiscard]] std::string CommonName(X509* certificate);

[[nodiscard]] bool IsIpAddress(const std::string& name);

}  // namespace sallyport::dataplane
