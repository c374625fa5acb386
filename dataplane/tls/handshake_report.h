// What is known of a handshake that failed. Values only.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

// A certificate that was sent in a handshake that failed: nobody has shown to have its key. Whoever
// copied it from elsewhere can send it. Printable ASCII, each text at most 512 bytes.
struct UnprovenLeaf {
  std::string sha256;           // lower-case hex, of the DER
  std::string subject, issuer;  // RFC 2253
  std::string serial;           // hex
};

struct HandshakeReport {
  absl::string_view label;  // why: a constant of a bounded set, for metrics and logs
  std::string alert;  // "sent handshake failure (40)", "received unknown CA (48)"; empty: none
  std::string sni;    // lower case; empty: none, or it did not get that far
  bool hello_seen = false;  // a whole ClientHello came
  std::optional<UnprovenLeaf> presented;
};

}  // namespace sallyport::dataplane
