// x-forwarded-client-cert (Envoy's header, reference wire.md C3): how the upstream learns who
// called. Built by ourselves with everything escaped; parsed tolerantly, because others do not
// escape. Pure, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace sallyport::header {

// Which pairs an element has.
struct XfccParts {
  bool hash = true, cert = false, chain = false, subject = true, uri = true, dns = true;
};
struct XfccFacts {
  absl::string_view hash;     // lower-case hex SHA-256 of the leaf
  absl::string_view subject;  // RFC 2253
  absl::Span<const std::string> uri_sans;
  absl::Span<const std::string> dns_sans;
  absl::string_view leaf_der;             // for cert and chain; empty: neither is written
  absl::Span<const std::string> issuers;  // DER, the verified path above the leaf: for chain
};
// Hash=..;Cert="..";Chain="..";Subject="..";URI=..;DNS=.. in Envoy's order. Values are quoted where
// needed; control characters and bytes >= 0x80 become "%XX", so the value is always a legal header
// field value (RFC 9110 §5.5). Cert and Chain are URL-encoded PEM. "" when no pair is left.
[[nodiscard]] std::string BuildXfcc(const XfccFacts& facts, const XfccParts& parts = {});

struct XfccElement {
  std::string hash, cert, chain, subject;  // cert and chain as written (URL-encoded PEM), unquoted
  std::vector<std::string> by, uri, dns;
  bool has_cert = false;
};
// The rightmost element: written by the nearest hop. InvalidArgument for what is not XFCC at all
// (open quote, pair without '=', empty, Hash/Cert/Chain/Subject twice). At most 64 KB.
[[nodiscard]] absl::StatusOr<XfccElement> ParseRightmostXfcc(absl::string_view value);
// Each element by the same rules, in printable ASCII, and quotes that every reader sees alike: an
// element that is put behind it stands for itself.
[[nodiscard]] absl::Status CheckXfcc(absl::string_view value);

}  // namespace sallyport::header
