#include "dataplane/exchange/upstream_hints.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "shared/base/log.h"

namespace sallyport::dataplane {

using base::Reason;

absl::string_view UpstreamTlsHint(ErrorStyle style, Reason reason) {
  if (style != ErrorStyle::kApisix) return {};
  switch (reason) {
    case Reason::kUpstreamCertUntrusted:
      return "its CA belongs into tls.ca_certs of the upstream, into the file of "
             "apisix.ssl.ssl_trusted_certificate, or into the data planes' system_trust; "
             "tls.verify: false switches all verification off";
    case Reason::kUpstreamCertName:
      return "the node's name is checked, or upstream_host with pass_host: rewrite: name the node "
             "as its certificate does; tls.verify: false switches all verification off";
    case Reason::kUpstreamCertExpired:
      return "its certificate must be renewed; tls.verify: false switches all verification off";
    case Reason::kUpstreamTlsHandshake:
      return "where it asks for a client certificate: tls.client_cert and tls.client_key of the "
             "upstream, or tls.client_cert_id";
    default: return {};
  }
}

void UpstreamHints::Refused(const Route& route, absl::string_view host, Reason reason,
                            absl::string_view detail) {
  const absl::string_view hint = UpstreamTlsHint(route.style, reason);
  if (hint.empty() || given_.size() >= kMost) return;
  if (!given_.insert(absl::StrCat(route.api_id, "\n", base::ReasonName(reason))).second) return;
  base::Log(base::Level::kWarning, "upstream_tls.setting",
            {{"api_id", route.api_id},
             {"host", host},
             {"reason", base::ReasonName(reason)},
             {"detail", detail},
             {"hint", hint}});
}

}  // namespace sallyport::dataplane
