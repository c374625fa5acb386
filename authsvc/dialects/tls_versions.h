// TLS versions as Tyk's documents name them. Used by the converters.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects {

// 769..772 (TLS 1.0 to 1.3), as Tyk writes them, to "1.0" to "1.3". Towards upstreams of one API a
// lower one than 1.2 holds, with a warning. Elsewhere a lower minimum becomes 1.2 with a warning,
// and a lower maximum is refused.
enum class TlsPeer : uint8_t { kClients, kEveryUpstream, kUpstreamsOfOneApi };
void TlsVersions(const Fields& object, absl::string_view min_name, absl::string_view max_name,
                 TlsPeer peer, v1::TransportTls* tls);
// The same of texts, as OAS definitions have them.
void TlsVersionTexts(const Fields& object, absl::string_view min_name, absl::string_view max_name,
                     TlsPeer peer, v1::TransportTls* tls);

}  // namespace sallyport::authsvc::dialects
