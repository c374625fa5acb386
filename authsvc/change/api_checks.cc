#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "authsvc/change/checks.h"
#include "authsvc/change/event_checks.h"
#include "authsvc/change/field_checks.h"
#include "authsvc/change/identity_checks.h"
#include "authsvc/change/invalid.h"
#include "authsvc/change/jwt_checks.h"
#include "authsvc/change/login_checks.h"
#include "authsvc/change/matching_checks.h"
#include "authsvc/change/script_checks.h"
#include "authsvc/change/stream_checks.h"
#include "authsvc/change/upstream_checks.h"
#include "authsvc/change/version_checks.h"
#include "authsvc/snapshot/snapshot_index.h"
#include "shared/domain/host_pattern.h"

namespace sallyport::authsvc {
namespace {

absl::Status CheckListenPath(absl::string_view path) {
  if (path.empty() || path[0] != '/') return Invalid("listen_path `", path, "` must start with /");
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || absl::string_view("?#%{}\\").find(c) != path.npos) {
      return Invalid("listen_path `", path, "` has a character that it cannot have: blanks, ",
                     "non-ASCII, ? # % { } \\");
    }
  }
  for (const absl::string_view segment : absl::StrSplit(path.substr(1), '/')) {
    if (segment == "." || segment == "..") return Invalid("listen_path has the segment ", segment);
  }
  if (absl::StrContains(path, "//"))
    return Invalid("listen_path `", path, "` has an empty segment");
  return absl::OkStatus();
}

// By methods, conditions or a priority nobody takes what another organisation serves at a place.
absl::Status CheckPlace(const CheckContext& context, const v1::Api& api) {
  for (const std::string& key : PlaceKeys(api)) {
    const ApiEntry* other =
        context.after.index().apis_by_route.Find(HashOf(key), [&](const ApiEntry& entry) {
          if (entry.api.org_id() == api.org_id() || entry.api.inactive()) return false;
          const auto keys = PlaceKeys(entry.api);
          return std::find(keys.begin(), keys.end(), key) != keys.end() &&
                 ShareGroup(entry.api, api);
        });
    if (other == nullptr) continue;
    return absl::AlreadyExistsError(absl::StrCat("host and path ", api.listen_path(),
                                                 " are those of API ", other->api.id(),
                                                 " of another organisation"));
  }
  return absl::OkStatus();
}

absl::Status CheckRoute(const CheckContext& context, const v1::Api& api) {
  const bool http = api.protocol().empty() || api.protocol() == "http";
  if (http) {
    if (auto status = CheckListenPath(api.listen_path()); !status.ok()) return status;
  }
  if (api.listen_port() > 65535) return Invalid("listen_port ", api.listen_port());
  for (const std::string& host : api.hosts()) {
    if (host.empty()) return Invalid("an empty host: leave hosts out for any");
    const auto pattern = domain::HostPattern::Parse(host);
    if (!pattern.ok()) return Invalid("host `", host, "`: ", pattern.status().message());
  }
  if (api.inactive()) return absl::OkStatus();
  for (const std::string& key : RouteKeys(api)) {
    const ApiEntry* other =
        context.after.index().apis_by_route.Find(HashOf(key), [&](const ApiEntry& entry) {
          if (entry.api.id() == api.id() || entry.api.inactive()) return false;
          const auto keys = RouteKeys(entry.api);
          return std::find(keys.begin(), keys.end(), key) != keys.end() &&
                 ShareGroup(entry.api, api);
        });
    if (other == nullptr) continue;
    return absl::AlreadyExistsError(
        absl::StrCat(http ? absl::StrCat("the same host and listen path ", api.listen_path())
                          : absl::StrCat("the same host at port ", api.listen_port()),
                     " is that of API ", other->api.id()));
  }
  if (auto status = CheckPlace(context, api); !status.ok()) return status;
  return CheckPort(context, api);
}

absl::Status CheckToken(const v1::Api& api) {
  const auto& token = api.token();
  for (const auto& [what, name] :
       {std::pair<const char*, const std::string&>("header_name", token.header_name()),
        {"query_name", token.query_name()},
        {"cookie_name", token.cookie_name()}}) {
    if (auto status = CheckHeaderName(what, name); !status.ok()) return status;
  }
  if (token.enabled() && token.disable_header() && !token.use_query() && !token.use_cookie()) {
    return Invalid("token: header is disabled and neither query nor cookie is used");
  }
  return absl::OkStatus();
}

absl::Status CheckMechanisms(const CheckContext& context, const v1::Api& api, Warnings* warnings) {
  const auto& tls = api.client_tls();
  const bool is_static = tls.static_mtls() != v1::REQUIREMENT_OFF;
  if (is_static && tls.allowlist().empty() &&
      context.after.settings().settings.client_allowlist().empty()) {
    return Invalid(
        "static mTLS is on and no certificate is listed, neither here nor in the gateway");
  }
  if (!is_static && !tls.allowlist().empty()) {
    warnings->push_back("static mTLS is off: its allowlist is not used");
  }
  if (api.keyless() && tls.dynamic_mtls()) {
    return Invalid(
        "keyless and dynamic mTLS: a certificate that must find a key needs keyless off");
  }
  const bool reads_tokens = api.token().enabled() || TakesJwts(api) || TakesLogins(api);
  if (api.keyless() && reads_tokens) {
    return Invalid("keyless and a token: one of them must be off");
  }
  if (!api.keyless() && !reads_tokens && !tls.dynamic_mtls()) {
    return Invalid(
        "nothing can let a caller in: enable token, jwts, basic or dynamic_mtls, or set keyless",
        is_static ? " for the certificate alone" : "");
  }
  if (api.allow_plain_http() && (is_static || tls.dynamic_mtls())) {
    return Invalid("allow_plain_http is only for an API that asks for no certificate");
  }
  if (api.keyless() && tls.static_mtls() != v1::REQUIREMENT_MANDATORY) {
    warnings->push_back("keyless: callers are not authenticated");
  }
  if (auto status = CheckToken(api); !status.ok()) return status;
  if (auto status = CheckBasic(api, warnings); !status.ok()) return status;
  return CheckJwts(context, api, warnings);
}

absl::Status CheckCredentialPlaces(const CheckContext& context, const v1::Api& api,
                                   Warnings* warnings) {
  const v1::UpstreamCredential& credential = api.upstream().credential();
  for (const std::string* reference :
       {&credential.value_ref(), &credential.username_ref(), &credential.password_ref()}) {
    if (reference->empty() || context.after.FindSealed(api.org_id(), *reference).sealed != nullptr)
      continue;
    auto status = NotThere(context, "credential", *reference, warnings);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckUpstream(const CheckContext& context, const v1::Api& api, Warnings* warnings) {
  const auto& upstream = api.upstream();
  if (upstream.targets().empty()) return Invalid("an upstream target is required");
  const bool http = api.protocol().empty() || api.protocol() == "http";
  bool plain = false;
  for (const auto& target : upstream.targets()) {
    auto target_status = http ? CheckTargetUrl(target.url()) : CheckStreamTarget(target.url());
    if (!target_status.ok()) return target_status;
    if (auto status = CheckUpstreamProtocol(upstream.protocol(), target.url()); !status.ok())
      return status;
    plain = plain || !(absl::StartsWith(target.url(), "https://") ||
                       absl::StartsWith(target.url(), "tls://"));
  }
  if (plain && !upstream.client_certificates().certificate_ids().empty() &&
      !upstream.client_certificates().disabled()) {
    warnings->push_back(
        http ? "an upstream certificate is not used towards an http:// target, nor towards an "
               "h2c:// one"
             : "an upstream certificate is not used towards a tcp:// target");
  }
  if (auto status = CheckUpstreamRules(upstream, warnings); !status.ok()) return status;
  if (auto status = CheckCredentialPlaces(context, api, warnings); !status.ok()) return status;
  return CheckUpstreamMaps(context, "", api.org_id(), upstream.client_certificates(),
                           upstream.pins(), upstream.tls(), warnings);
}

absl::Status CheckIdentityHeaders(const CheckContext& context, const v1::Api& api,
                                  Warnings* warnings) {
  const std::string& name = api.identity_header();
  if (auto status = CheckHeaderName("identity_header", name); !status.ok()) return status;
  if (IsConnectionsOwn(name)) return Invalid("identity_header: `", name, "` is the gateway's own");
  if (!api.has_identity_forwarding()) return absl::OkStatus();
  return CheckIdentityForwarding(context, api.identity_forwarding(), name, warnings);
}

}  // namespace

absl::Status CheckApi(const CheckContext& context, const v1::Api& api, Warnings* warnings) {
  absl::Status status = CheckId("API", api.id());
  if (status.ok()) status = CheckOrg(api.org_id());
  if (status.ok()) status = CheckStyle(api.style());
  if (status.ok()) status = CheckProtocol(api, warnings);
  if (status.ok()) status = CheckMatching(api);
  if (status.ok()) status = CheckHostHeader(api.upstream());
  if (status.ok()) status = CheckRoute(context, api);
  if (status.ok()) status = CheckMechanisms(context, api, warnings);
  if (status.ok()) status = CheckVersions(api);
  if (status.ok()) status = CheckScripts(api);
  if (status.ok()) status = CheckEventHandlers(api);
  if (status.ok()) status = CheckUpstream(context, api, warnings);
  if (status.ok()) status = CheckCors(api.cors());
  if (status.ok()) status = CheckLimits(api.limits());
  if (status.ok()) status = CheckAddressBlocks("ip allow", api.ip().allow());
  if (status.ok()) status = CheckAddressBlocks("ip deny", api.ip().deny());
  if (status.ok()) status = CheckIdentityHeaders(context, api, warnings);
  if (!status.ok()) return status;
  const ApiEntry* entry = context.after.FindApi(api.id());
  if (entry == nullptr) return absl::InternalError("the API is not in the snapshot");
  status = CheckAllowlist(context, "allowlist", api.org_id(), api.client_tls().allowlist(),
                          entry->allowlist, warnings);
  for (const std::string& id : api.server_certificate_ids()) {
    if (!status.ok()) break;
    status = CheckReference(context, "server certificate", api.org_id(), id, Need::kPrivateKey,
                            warnings);
  }
  return status;
}

}  // namespace sallyport::authsvc
