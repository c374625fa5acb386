// The certificate of a caller as a proxy tells of it in a header field. Whether the proxy may be
// believed is not known here: see dataplane/exchange. Pure, thread-safe, bounded.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace sallyport::header {

inline constexpr size_t kMostAssertedCertificates = 8;
inline constexpr size_t kMostCertificateHeader = 64 << 10;  // of a value, as received

struct AssertedCertificate {
  std::vector<std::string> chain_der;  // leaf first, at most 8; empty: the proxy tells of none
  std::string leaf_sha256_hex;         // as the header claims it, lower case; empty: it does not
};

// `value` of the field `name`. What is read depends on the name:
//   client-cert              RFC 9440: one byte sequence, without parameters
//   x-forwarded-client-cert  the rightmost element, by its Cert; its Chain must begin with the same
//   any other                PEM, raw or percent-encoded: leaf first; or one byte sequence
// An empty value is no certificate (HAProxy and AWS send that). InvalidArgument: anything else,
// also bare base64 or DER, an XFCC element without Cert, and XFCC that two readers could split at
// different places; messages never show what was sent.
[[nodiscard]] absl::StatusOr<AssertedCertificate> ParseCertificateHeader(absl::string_view name,
                                                                         absl::string_view value);
// Appends the members of a Client-Cert-Chain field (RFC 9440 2.3: a list, which several fields may
// share) to the leaf that Client-Cert gave. On an error `certificate` is as it was.
[[nodiscard]] absl::Status AddCertificateChain(absl::string_view value,
                                               AssertedCertificate* certificate);

}  // namespace sallyport::header
