// What objects of the Admin API are read with beside themselves: this process's settings. A plain
// value.
#pragma once

#include <cstdint>
#include <string>

#include "authsvc/dialects/apisix/keyring.h"
#include "authsvc/dialects/apisix/references.h"

namespace sallyport::authsvc::apisix {

// A listener of the data planes where SSL objects with `client` are strict; port 0: none.
struct StrictPlace {
  std::string address;
  uint16_t port = 0;
  // Handshakes there without a server name are treated as this one (apisix.ssl.fallback_sni);
  // empty: they get the listener's default certificate.
  std::string fallback_server_name;
};

struct Surroundings {
  StrictPlace strict;
  dialects::apisix::Environment environment;
  dialects::apisix::Keyring keyring;  // of private keys that come sealed
  // apisix.ssl.ssl_trusted_certificate: CA certificates in PEM that upstreams may be issued by,
  // beside the data planes' system store; empty: none.
  std::string trusted_certificates;
};

}  // namespace sallyport::authsvc::apisix
