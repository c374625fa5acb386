// RFC 9440: Client-Cert and Client-Cert-Chain. Pure, thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace sallyport::header {

// ":base64 of the DER:" (RFC 8941 byte sequence).
[[nodiscard]] std::string ClientCertValue(absl::string_view leaf_der);
// The validated chain without the leaf, in TLS order; "" for an empty one.
[[nodiscard]] std::string ClientCertChainValue(absl::Span<const std::string> chain_without_leaf);
// The DER out of one byte sequence; InvalidArgument for anything else (parameters, several
// members).
[[nodiscard]] absl::StatusOr<std::string> ParseClientCertValue(absl::string_view value);

}  // namespace sallyport::header
