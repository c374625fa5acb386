// v1::Route and v1::Update as values.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "dataplane/sync/grpc/convert.h"
#include "dataplane/sync/grpc/convert_parts.h"
#include "sallyport/v1/distribution.pb.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/crypto/denied_certificates.h"
#include "shared/header/names.h"

namespace sallyport::dataplane {
namespace {

std::string Or(const std::string& text, absl::string_view otherwise) {
  return text.empty() ? std::string(otherwise) : text;
}

TokenRules TokenFrom(const v1::TokenAuth& wire) {
  TokenRules rules;
  rules.enabled = wire.enabled();
  const std::string name = Or(wire.header_name(), "Authorization");
  rules.header_name = absl::AsciiStrToLower(name);
  rules.use_header = !wire.disable_header();
  rules.use_query = wire.use_query();
  rules.query_name = Or(wire.query_name(), name);
  rules.use_cookie = wire.use_cookie();
  rules.cookie_name = Or(wire.cookie_name(), name);
  rules.strip = wire.strip();
  return rules;
}

std::vector<TokenRules> CredentialsFrom(const v1::Route& wire) {
  std::vector<TokenRules> list;
  for (const v1::JwtAuth& jwt : wire.jwts()) {
    if (jwt.requirement() == v1::REQUIREMENT_OFF) continue;
    TokenRules& rules = list.emplace_back();
    rules.enabled = true;
    rules.kind = TokenKind::kJwt;
    rules.header_name = absl::AsciiStrToLower(Or(jwt.header_name(), "Authorization"));
    rules.use_header = !jwt.disable_header();
    rules.use_query = !jwt.query_name().empty();
    rules.query_name = jwt.query_name();
    rules.use_cookie = !jwt.cookie_name().empty();
    rules.cookie_name = jwt.cookie_name();
    rules.strip = jwt.strip();
  }
  if (wire.basic().requirement() != v1::REQUIREMENT_OFF) {
    TokenRules& rules = list.emplace_back();
    rules.enabled = true;
    rules.kind = TokenKind::kLogin;
    rules.strip = wire.basic().strip();
  }
  return list;
}

IpRuleSet IpRulesFrom(const v1::IpRules& wire) {
  IpRuleSet rules;
  const auto read = [&](const auto& from, std::vector<AddressRange>* to) {
    for (const std::string& text : from) {
      if (const auto range = ParseAddressRange(text))
        to->push_back(*range);
      else
        rules.broken = true;
    }
  };
  read(wire.allow(), &rules.allow);
  read(wire.deny(), &rules.deny);
  rules.allow_only = wire.allow_size() > 0;
  return rules;
}

CorsRules CorsFrom(const v1::Cors& wire) {
  CorsRules rules;
  rules.enabled = wire.enabled();
  rules.allowed_origins = List(wire.allowed_origins());
  rules.allowed_methods = List(wire.allowed_methods());
  rules.allowed_headers = List(wire.allowed_headers());
  rules.exposed_headers = List(wire.exposed_headers());
  rules.allow_credentials = wire.allow_credentials();
  rules.max_age_seconds = wire.max_age_seconds();
  return rules;
}

Requirement RequirementFrom(v1::Requirement wire) {
  switch (wire) {
    case v1::REQUIREMENT_OFF: return Requirement::kOff;
    case v1::REQUIREMENT_OPTIONAL: return Requirement::kOptional;
    default: return Requirement::kMandatory;  // also what this build does not know
  }
}

std::string IdentityHeaderFrom(const std::string& wire) {
  if (wire == "-") return "";
  return absl::AsciiStrToLower(Or(wire, "x-forwarded-client-cert"));
}

// False: something that this build does not know, or that is not well formed.
bool XfccFrom(const v1::IdentityForwarding& wire, IdentityRules* rules) {
  switch (wire.xfcc()) {
    case v1::XFCC_DEFAULT:
    case v1::XFCC_SANITIZE_SET: rules->xfcc = XfccMode::kSanitizeSet; break;
    case v1::XFCC_SANITIZE: rules->xfcc = XfccMode::kSanitize; break;
    case v1::XFCC_FORWARD_ONLY: rules->xfcc = XfccMode::kForwardOnly; break;
    case v1::XFCC_APPEND_FORWARD: rules->xfcc = XfccMode::kAppendForward; break;
    case v1::XFCC_ALWAYS_FORWARD_ONLY: rules->xfcc = XfccMode::kAlwaysForwardOnly; break;
    default: return false;
  }
  if (wire.xfcc_fields().empty()) return true;
  header::XfccParts parts{false, false, false, false, false, false};
  const std::pair<absl::string_view, bool*> known[] = {
      {"hash", &parts.hash},       {"cert", &parts.cert}, {"chain", &parts.chain},
      {"subject", &parts.subject}, {"uri", &parts.uri},   {"dns", &parts.dns}};
  for (const std::string& name : wire.xfcc_fields()) {
    const auto* const found = std::find_if(std::begin(known), std::end(known),
                                           [&](const auto& one) { return one.first == name; });
    if (found == std::end(known)) return false;
    *found->second = true;
  }
  rules->parts = parts;
  return true;
}

bool IdentityRulesFrom(const v1::IdentityForwarding& wire, IdentityRules* rules) {
  rules->client_cert = wire.client_cert();
  rules->client_cert_chain = wire.client_cert_chain();
  for (const auto& [name, text] : wire.headers()) {
    auto parsed = header::IdentityTemplate::Parse(text);
    if (!parsed.ok() || !header::IsFieldName(name)) return false;
    rules->headers.emplace_back(name, *std::move(parsed));
  }
  std::sort(rules->headers.begin(), rules->headers.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return XfccFrom(wire, rules);
}

// No version sets or removes what tells of the caller.
void KeepIdentityOurs(Route* route) {
  if (!route->identity_header.empty()) route->identity_names.push_back(route->identity_header);
  for (const auto& [name, text] : route->identity.headers) route->identity_names.push_back(name);
  const auto ours = [route](const std::string& name) {
    return std::any_of(route->identity_names.begin(), route->identity_names.end(),
                       [&](const std::string& own) { return header::SameName(own, name); });
  };
  const auto keep = [&](HeaderChanges* changes) {
    auto& set = changes->set;
    set.erase(
        std::remove_if(set.begin(), set.end(), [&](const auto& one) { return ours(one.first); }),
        set.end());
  };
  for (RouteVersion& version : route->versions) {
    keep(&version.request_headers);
    for (Endpoint& endpoint : version.endpoints) keep(&endpoint.request_headers);
  }
}

void TargetsFrom(const v1::Route& wire, Route* route) {
  for (const v1::Target& from : wire.targets()) {
    auto target = ParseTarget(from.url());
    const bool of_http = target.has_value() && target->scheme[0] == 'h';
    if (!target.has_value() || of_http != route->IsHttp()) {
      route->broken = true;
      continue;
    }
    target->weight = from.weight() == 0 ? 1 : from.weight();
    route->targets.push_back(*std::move(target));
  }
}

// False: one that this build does not know. What it cannot have is not looked at.
bool ProtocolFrom(const v1::Route& wire, Route* route) {
  const std::string& name = wire.protocol();
  if (name.empty() || name == "http") return true;
  route->protocol = name == "tls" ? ApiProtocol::kTls : ApiProtocol::kTcp;
  route->proxy_protocol = wire.proxy_protocol();
  route->listen_path = "/";
  route->loose_prefix = false;
  const bool alone = route->protocol == ApiProtocol::kTcp;
  if (alone) route->hosts.clear();
  if (alone && route->CanUseCertificate()) return false;
  return (alone ? name == "tcp" : true) && route->listen_port != 0 && !route->token.enabled &&
         route->credentials.empty();
}

ListenerSpec ListenerFrom(const v1::Listener& wire) {
  ListenerSpec listener;
  listener.id = wire.id();
  listener.address = wire.address();
  listener.port = static_cast<uint16_t>(wire.port());
  listener.plain = wire.plain();
  listener.redirect = wire.redirect();
  listener.default_certificate_id = wire.default_certificate_id();
  listener.min_version = wire.min_version();
  listener.max_version = wire.max_version();
  listener.style = ErrorStyleFromName(wire.style());
  listener.http2 = !wire.has_http2() || wire.http2();
  listener.proxy_protocol_from = List(wire.proxy_protocol_from());
  listener.fallback_server_name =
      absl::AsciiStrToLower(absl::StripSuffix(wire.fallback_server_name(), "."));
  for (const v1::StrictClientTls& from : wire.strict_client_tls()) {
    StrictRule rule;
    rule.trust_bundle_ids = List(from.trust_bundle_ids());
    rule.any_issuer = from.any_issuer();
    rule.optional = from.optional();
    rule.max_depth = from.max_depth();
    listener.strict.push_back({List(from.server_names()), MakeStrictRule(std::move(rule))});
  }
  for (const v1::ServerNameTls& from : wire.server_name_tls()) {
    listener.offered_tls.push_back(
        {List(from.server_names()),
         MakeOfferedTls(from.min_version(), from.max_version(), List(from.ciphers()))});
  }
  return listener;
}

template <typename Changes>
RouteChanges ChangesFrom(const Changes& wire) {
  RouteChanges out;
  for (const v1::RouteChange& change : wire) {
    switch (change.change_case()) {
      case v1::RouteChange::kPut: out.put.push_back(RouteFrom(change.put())); break;
      case v1::RouteChange::kRemovedApiId:
        out.removed_api_ids.push_back(change.removed_api_id());
        break;
      case v1::RouteChange::kPutListener:
        out.put_listeners.push_back(ListenerFrom(change.put_listener()));
        break;
      case v1::RouteChange::kRemovedListenerId:
        out.removed_listener_ids.push_back(change.removed_listener_id());
        break;
      case v1::RouteChange::kGateway:
        out.gateway = GatewayFacts{List(change.gateway().trusted_proxies()),
                                   change.gateway().server_certificates_version(),
                                   List(change.gateway().insecure_settings()),
                                   List(change.gateway().client_certificate_headers()),
                                   change.gateway().server_min_version(),
                                   change.gateway().server_max_version()};
        break;
      case v1::RouteChange::CHANGE_NOT_SET: break;
    }
  }
  return out;
}

DeniedCertificatesPtr DeniedFrom(const v1::Eviction& wire) {
  if (wire.denied().empty()) return nullptr;
  auto denied = std::make_shared<crypto::DeniedCertificates>();
  for (const v1::RevokedCertificate& item : wire.denied()) {
    denied->Add(item.issuer_der(), item.serial(), item.spki_sha256(), item.tbs_sha256());
  }
  return denied;
}

std::vector<Eviction> EvictionsFrom(const v1::Change& wire) {
  std::vector<Eviction> out;
  for (const v1::Eviction& from : wire.evictions()) {
    out.push_back({from.tag(), from.sever(), List(from.leaf_sha256()), List(from.key_ids()),
                   DeniedFrom(from)});
  }
  return out;
}

SharedTicketKeysPtr TicketKeysFrom(v1::TicketKeys* wire) {
  auto out = std::make_shared<SharedTicketKeys>();
  out->life = absl::Milliseconds(wire->life_ms());
  for (v1::TicketKey& key : *wire->mutable_keys()) {
    out->keys.push_back({key.name(), base::Secret(std::move(*key.mutable_secret())),
                         absl::Milliseconds(key.age_ms())});
  }
  return out;
}

}  // namespace

RoutePtr RouteFrom(const v1::Route& wire) {
  auto route = std::make_shared<Route>();
  route->api_id = wire.api_id();
  route->org_id = wire.org_id();
  route->name = wire.name();
  route->style = ErrorStyleFromName(wire.style());
  for (const std::string& host : wire.hosts()) route->hosts.push_back(absl::AsciiStrToLower(host));
  route->listen_path = Or(wire.listen_path(), "/");
  route->loose_prefix = wire.loose_prefix();
  route->strip_listen_path = wire.strip_listen_path();
  if (wire.listen_port() > 65535) route->broken = true;
  route->listen_port = static_cast<uint16_t>(wire.listen_port());
  route->static_mtls = RequirementFrom(wire.static_mtls());
  route->dynamic_mtls = wire.dynamic_mtls();
  route->token = TokenFrom(wire.token());
  route->credentials = CredentialsFrom(wire);
  if (wire.basic().requirement() != v1::REQUIREMENT_OFF)
    route->login_realm = Or(wire.basic().realm(), Or(wire.name(), wire.api_id()));
  for (const v1::JwtAuth& jwt : wire.jwts()) {
    if (jwt.requirement() != v1::REQUIREMENT_OFF && jwt.require_binding())
      route->binds_tokens = true;
  }
  route->keyless = wire.keyless();
  if (!ProtocolFrom(wire, route.get())) route->broken = true;
  TargetsFrom(wire, route.get());
  route->preserve_host_header = wire.preserve_host_header();
  route->upstream_host = wire.upstream_host();
  if (!MatchingFrom(wire.matching(), &route->matching)) route->broken = true;
  route->api_rate = {wire.limits().rate().rate(),
                     absl::Seconds(wire.limits().rate().per_seconds())};
  route->api_quota = {wire.limits().quota().max(),
                      absl::Seconds(wire.limits().quota().renewal_seconds())};
  if (route->IsHttp()) {
    if (!VersionsFrom(wire, route.get())) route->broken = true;
  }
  if (!UpstreamRulesFrom(wire, route.get())) route->broken = true;
  route->ip = IpRulesFrom(wire.ip());
  route->cors = CorsFrom(wire.cors());
  route->script_config_json = wire.script_config_json();
  route->disable_rate_limit = wire.disable_rate_limit();
  route->disable_quota = wire.disable_quota();
  route->identity_header = IdentityHeaderFrom(wire.identity_header());
  if (!IdentityRulesFrom(wire.identity_forwarding(), &route->identity)) route->broken = true;
  KeepIdentityOurs(route.get());
  route->announce_client_cas = wire.announce_client_cas();
  route->client_ca_names = List(wire.client_ca_names());
  route->server_names = List(wire.server_names());
  route->allow_plain_http = wire.allow_plain_http();
  route->insecure_settings = List(wire.insecure_settings());
  return route;
}

StreamUpdate UpdateFrom(v1::Update* wire) {
  StreamUpdate update;
  update.position = {wire->store_id(), wire->epoch(), wire->revision()};
  switch (wire->kind_case()) {
    case v1::Update::kSnapshot:
      update.kind = StreamUpdate::Kind::kSnapshotPart;
      update.routes = ChangesFrom(wire->snapshot().routes());
      update.first = wire->snapshot().first();
      update.last = wire->snapshot().last();
      break;
    case v1::Update::kChange:
      update.kind = StreamUpdate::Kind::kChange;
      update.routes = ChangesFrom(wire->change().routes());
      update.evictions = EvictionsFrom(wire->change());
      break;
    case v1::Update::kHeartbeat:
    case v1::Update::KIND_NOT_SET:
      update.kind = StreamUpdate::Kind::kHeartbeat;
      update.proof_age = wire->kind_case() == v1::Update::kHeartbeat
                             ? absl::Milliseconds(wire->heartbeat().proof_age_ms())
                             : absl::InfiniteDuration();
      update.connected_replicas = wire->heartbeat().connected_replicas();
      break;
    case v1::Update::kLookup:
      update.kind = StreamUpdate::Kind::kLookup;
      update.lookup = {wire->lookup().lookup_id(), wire->lookup().request_id()};
      break;
    case v1::Update::kTicketKeys:
      update.kind = StreamUpdate::Kind::kTicketKeys;
      update.ticket_keys = TicketKeysFrom(wire->mutable_ticket_keys());
      break;
  }
  return update;
}

}  // namespace sallyport::dataplane
