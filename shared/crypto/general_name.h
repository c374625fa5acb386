// Names of a certificate and constraints on them, as RFC 5280 4.2.1.6 and 4.2.1.10 have them.
// Values are the raw bytes of the certificate: nothing here says that they are well formed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shared/crypto/openssl.h"

namespace sallyport::crypto {

enum class NameKind : uint8_t { kEmail, kDns, kUri, kIp, kDirectory, kOther };

struct GeneralName {
  NameKind kind = NameKind::kOther;
  int type = 0;  // GEN_*: tells the kinds of kOther apart
  // Text bytes, or the address (constraint: address and mask), or the OID of an otherName as dotted
  // text; empty for others.
  std::string value;
  UniqueX509Name
      directory;  // kDirectory only: may be read from many threads (compare, never modify)
};

struct NameConstraints {
  std::vector<GeneralName> permitted;
  std::vector<GeneralName> excluded;
  bool has_distance = false;  // a subtree with minimum or maximum: not allowed by RFC 5280
};

}  // namespace sallyport::crypto
