// The header of the PROXY protocol, versions 1 and 2, with which a proxy that only passes bytes on
// tells who its client is (haproxy.org, "The PROXY protocol", 2.1 and 2.2). Pure, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::header {

struct ProxyHeader {
  enum class Kind : uint8_t {
    kMore,  // so far it may become one
    kDone,
    kBad,
  };
  Kind kind = Kind::kMore;
  size_t size = 0;  // kDone: of the header; what is behind it belongs to the client
  std::string
      source;  // kDone: the client's address as text, without port; empty: nobody's, the proxy
               // speaks for itself (LOCAL, a health check) or does not know (UNKNOWN, UNSPEC)
  const char* problem = nullptr;  // kBad: a constant
};

// No header that ParseProxyHeader takes is longer: a longer one is kBad as soon as its length is
// known.
inline constexpr size_t kMostProxyHeader = 16 + 2048;

// Of the first bytes of a connection. Sockets of another kind than TCP over IPv4 or IPv6 are kBad;
// what version 2 says beside the addresses (TLVs) is passed over, never believed.
[[nodiscard]] ProxyHeader ParseProxyHeader(absl::string_view bytes);

}  // namespace sallyport::header
