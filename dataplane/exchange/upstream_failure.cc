#include "dataplane/exchange/upstream_failure.h"

namespace sallyport::dataplane {

using base::Reason;

bool IsUpstreamTlsFailure(Reason reason) {
  const auto number = static_cast<unsigned>(reason);
  return number >= static_cast<unsigned>(Reason::kUpstreamTlsHandshake) &&
         number <= static_cast<unsigned>(Reason::kUpstreamCredential);
}

absl::string_view ConnectFailure(Reason reason) {
  switch (reason) {
    case Reason::kUpstreamDns:
    case Reason::kUpstreamConnect:
    case Reason::kUpstreamProxyRefused:
    case Reason::kUpstreamConnectTimeout: return "connect";
    case Reason::kUpstreamTlsHandshake:
    case Reason::kUpstreamCertUntrusted:
    case Reason::kUpstreamCertExpired:
    case Reason::kUpstreamCertName:
    case Reason::kUpstreamPin: return "tls";
    // Not kUpstreamProxy: that a forward proxy is of no use says nothing about the target.
    default: return "";
  }
}

}  // namespace sallyport::dataplane
