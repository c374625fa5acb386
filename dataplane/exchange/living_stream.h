// A connection to an API of protocol tls or tcp: to what, and by which handshake.
#pragma once

#include <cstdint>

namespace sallyport::dataplane {

struct ListenerStyle;
struct Route;
struct TlsPeer;

// Lives in its exchange.
struct LivingStream {
  const Route* api = nullptr;
  const TlsPeer* peer = nullptr;
  const ListenerStyle* listener = nullptr;
  uint64_t strict_version = 0;  // of the rule by which its certificate was validated; 0: none
};

}  // namespace sallyport::dataplane
