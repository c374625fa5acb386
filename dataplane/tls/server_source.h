// What the server side of TLS must be told while a ClientHello waits: whether to ask for a client
// certificate at this SNI, and which server certificate to show. Implemented over the route table
// and the credential cache. Called on the loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dataplane/route/offered_tls.h"
#include "dataplane/route/strict_table.h"
#include "dataplane/tls/server_credential.h"

namespace sallyport::dataplane {

// Where a connection came in.
struct ListenerFacts {
  std::string id;
  uint32_t place = 0;  // where its routes are found; says nothing to TLS
  bool http2 = true;   // offered by ALPN
  bool http = true;    // else what is spoken inside is not known, and no protocol is chosen by ALPN
  std::string socket{};  // ListenerPlace: its address and port
};

struct ClientTlsAnswer {
  bool request_certificate = false;
  uint64_t version = 0;  // hash of all client-TLS settings of this SNI
  std::shared_ptr<const std::vector<std::string>>
      ca_names;  // DER names to announce; null or empty: none
  // Not null: a certificate that comes is validated within the handshake by this rule.
  StrictRulePtr strict{};
  uint64_t served_version = 0;       // TlsPeer's
  OfferedTlsPtr offered{};           // not null: in place of what the listener offers
  bool require_certificate = false;  // none: the handshake ends with certificate_required
};

class ServerSource {
 public:
  virtual ~ServerSource() = default;
  // `sni` is lower case, without trailing dot; empty: none was sent.
  virtual ClientTlsAnswer ClientTls(absl::string_view sni, const ListenerFacts& listener) = 0;

  // As which name a handshake at this listener counts that sends none; empty: as none. Valid until
  // the next call.
  [[nodiscard]] virtual absl::string_view FallbackName(const ListenerFacts& /*listener*/) {
    return {};
  }

  struct Credential {
    enum class State : uint8_t { kFound, kNone, kPending, kOverloaded };
    State state = State::kNone;
    std::shared_ptr<const ServerCredential> credential;  // kFound
  };
  // On kPending `ready` is called once, later, on the loop's thread (also on failure); then it is
  // asked again. kNone: the handshake ends with unrecognized_name. kOverloaded: too many look-ups,
  // of this peer or of all; it ends with internal_error, never with another certificate. `peer`:
  // who caused it, as bytes (never shown); empty: not known.
  virtual Credential FindCredential(absl::string_view sni, absl::string_view listener_id,
                                    absl::string_view peer, std::function<void()> ready) = 0;
};

}  // namespace sallyport::dataplane
