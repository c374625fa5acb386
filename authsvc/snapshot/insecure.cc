#include "authsvc/snapshot/insecure.h"

namespace sallyport::authsvc {
namespace {

namespace v1 = ::sallyport::v1;

void OfUpstream(const v1::TransportTls& tls, const v1::DomainPins& pins,
                std::vector<std::string>* out) {
  if (tls.insecure_skip_verify()) out->emplace_back("insecure_skip_verify");
  if (tls.min_version() == "1.0" || tls.min_version() == "1.1")
    out->emplace_back("upstream TLS 1.0 or 1.1");
  if (!pins.disabled() && pins.report_only() && !pins.pins().empty())
    out->emplace_back("pins are report-only");
}

}  // namespace

std::vector<std::string> InsecureSettings(const v1::Api& api) {
  std::vector<std::string> settings;
  OfUpstream(api.upstream().tls(), api.upstream().pins(), &settings);
  if (api.inactive()) return settings;
  if (api.keyless() && api.client_tls().static_mtls() != v1::REQUIREMENT_MANDATORY) {
    settings.emplace_back("keyless: callers are not authenticated");
  }
  if (api.protocol() == "tcp") settings.emplace_back("protocol tcp: callers send in clear");
  if (api.allow_plain_http()) settings.emplace_back("allow_plain_http");
  return settings;
}

std::vector<std::string> InsecureSettings(const v1::GatewaySettings& gateway) {
  std::vector<std::string> settings;
  OfUpstream(gateway.upstream_tls(), gateway.pins(), &settings);
  return settings;
}

}  // namespace sallyport::authsvc
