// Certificates as PEM inside a header field's value, where line ends cannot stand. Private to this
// folder. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::header {

// The DER of each block, in order. Blocks are "-----BEGIN CERTIFICATE-----" to
// "-----END CERTIFICATE-----" with base64 between them; line ends were kept, turned to blanks or
// tabs, or left out. A value with a '%' in it is percent-encoded (RFC 3986 2.1), once: '+' stays
// '+', as AWS sends it, except in the marks, where Java's URLEncoder puts it for the blank.
// InvalidArgument: none at all, anything beside blocks, more than `most`, base64 that is not
// canonical, no single DER SEQUENCE, more than kMostCertificateDer bytes.
[[nodiscard]] absl::StatusOr<std::vector<std::string>> ParsePemValue(absl::string_view value,
                                                                     size_t most);

inline constexpr size_t kMostCertificateDer = 16 << 10;
// One DER SEQUENCE (X.690 8.1, 10.1) that begins and ends with `bytes`, at most
// kMostCertificateDer. What is in it is not looked at.
[[nodiscard]] bool IsOneDerSequence(absl::string_view bytes);

}  // namespace sallyport::header
