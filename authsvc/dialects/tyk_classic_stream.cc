// Tyk's APIs of protocols tls and tcp: a port of their own, and nothing of HTTP.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/tyk_classic.h"

namespace sallyport::authsvc::dialects {
namespace {

bool IsHttp(absl::string_view protocol) {
  return protocol.empty() || protocol == "http" || protocol == "https";
}

// "tls://host:port" into host:port; empty: no URL.
absl::string_view PlaceOf(absl::string_view url) {
  const size_t scheme = url.find("://");
  return scheme == absl::string_view::npos ? absl::string_view() : url.substr(scheme + 3);
}

// Tyk keeps the certificate of target_url's host for every target; here each has that of its own.
void WarnOfTargetUrl(const Fields& proxy, const v1::Api& api) {
  const v1::Upstream& upstream = api.upstream();
  if (upstream.client_certificates().certificate_ids().empty() && upstream.pins().pins().empty())
    return;
  const std::string url = proxy.Text("target_url");
  for (const v1::Target& target : upstream.targets()) {
    if (PlaceOf(target.url()) == PlaceOf(url)) return;
  }
  proxy.Warn("target_list",
             "upstream_certificates and pinned_public_keys go by the host of each target, not by "
             "that of target_url");
}

void NothingOfHttp(const Fields& top, const Fields& proxy, v1::Api* api) {
  for (const v1::ApiVersion& version : api->versions()) {
    v1::ApiVersion plain;
    plain.set_name(version.name());
    if (api->versioning().enabled() || version.SerializeAsString() != plain.SerializeAsString()) {
      top.Refuse("version_data", "versions, paths and headers are of HTTP: protocol has none");
    }
  }
  api->clear_versioning();
  api->clear_versions();
  if (api->cors().enabled()) top.Refuse("CORS", "is of HTTP: protocol has none");
  if (proxy.Flag("preserve_host_header")) proxy.Warn("preserve_host_header", "is of HTTP: unused");
  api->mutable_upstream()->set_preserve_host_header(false);
  if (api->upstream().health_check().enabled())
    top.Warn("uptime_tests", "targets are not checked: only HTTP checks exist here");
  api->mutable_upstream()->clear_health_check();
}

}  // namespace

bool ClassicProtocol(const Fields& top, v1::Api* api) {
  const int64_t port = top.Integer("listen_port");
  if (port < 0 || port > 65535)
    top.Refuse("listen_port", "must be between 1 and 65535");
  else
    api->set_listen_port(static_cast<uint32_t>(port));
  const std::string protocol = top.Text("protocol");
  const bool proxied = top.Flag("enable_proxy_protocol");
  if (protocol == "tls" || protocol == "tcp") {
    api->set_protocol(protocol);
    api->set_listen_path("/");
    if (port == 0) top.Refuse("listen_port", "is missing: HTTP is not spoken at its port");
    api->set_proxy_protocol(proxied);
    if (proxied) {
      top.Warn("enable_proxy_protocol",
               "counts from the addresses of tcp_apis.proxy_protocol_from of the data plane alone");
    }
    return false;
  }
  if (!IsHttp(protocol)) {
    top.Refuse("protocol",
               absl::StrCat("\"", protocol, "\" does not exist here: http, https, tls or tcp"));
  }
  if (proxied) {
    top.Refuse("enable_proxy_protocol",
               "the PROXY protocol belongs to the data plane: proxy_protocol_from of its listener");
  }
  return true;
}

void ClassicStream(const Fields& top, const Fields& proxy, v1::Api* api) {
  if (IsHttp(api->protocol())) return;
  const std::string path = proxy.Text("listen_path");
  if (!path.empty() && path != "/") proxy.Warn("listen_path", "is of HTTP: unused");
  if (api->protocol() == "tcp" && api->hosts_size() != 0) {
    top.Refuse("domain", "clients of protocol tcp name none: the API has its port alone");
  }
  if (api->token().enabled()) {
    top.Refuse("protocol",
               "its clients have no way to present a token: set use_keyless: true (with "
               "use_mutual_tls_auth for their certificate alone), or use_certificate");
  }
  NothingOfHttp(top, proxy, api);
  WarnOfTargetUrl(proxy, *api);
}

}  // namespace sallyport::authsvc::dialects
