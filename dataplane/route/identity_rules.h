// What the upstream of an API is told about its callers. Values; the templates are compiled once.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "shared/header/identity_template.h"
#include "shared/header/xfcc.h"

namespace sallyport::dataplane {

// Envoy's modes of x-forwarded-client-cert.
enum class XfccMode : uint8_t {
  kSanitize,           // never sent
  kForwardOnly,        // a trusted proxy's with a verified certificate, nobody else's
  kAppendForward,      // the same, and an element of ours behind it
  kSanitizeSet,        // an element of ours alone
  kAlwaysForwardOnly,  // a trusted proxy's, also without a certificate
};

struct IdentityRules {
  XfccMode xfcc = XfccMode::kSanitizeSet;
  header::XfccParts parts;
  bool client_cert = false;        // RFC 9440
  bool client_cert_chain = false;  // only beside client_cert
  std::vector<std::pair<std::string, header::IdentityTemplate>> headers;

  // An element of ours is written.
  [[nodiscard]] bool Sets() const {
    return xfcc == XfccMode::kSanitizeSet || xfcc == XfccMode::kAppendForward;
  }
  [[nodiscard]] bool Forwards() const {
    return xfcc != XfccMode::kSanitizeSet && xfcc != XfccMode::kSanitize;
  }
};

}  // namespace sallyport::dataplane
