// tyk.conf -> GatewaySettings: certificates, pins and verification only.
#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/references.h"
#include "authsvc/dialects/suggest.h"
#include "authsvc/dialects/tls_versions.h"
#include "authsvc/dialects/tyk_documents.h"
#include "authsvc/dialects/tyk_environment.h"
#include "authsvc/dialects/tyk_other_fields.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr FieldRule kSecurity[] = {
    {"certificates", Use::kUsed},
    {"pinned_public_keys", Use::kUsed},
    {"control_api_use_mutual_tls", Use::kUsed},
    {"allow_unsafe_dynamic_mtls_token", Use::kRefused,
     "a certificate's id never authenticates a caller"},
    {"private_certificate_encoding_secret", Use::kKept},
    {"certificate_expiry_monitor", Use::kUsed},
};

constexpr FieldRule kExpiry[] = {
    {"warning_threshold_days", Use::kUsed},
    {"event_cooldown_seconds", Use::kUsed},
    {"check_cooldown_seconds", Use::kKept},
};

constexpr FieldRule kCertificates[] = {
    {"upstream", Use::kUsed},      {"apis", Use::kUsed},     {"control_api", Use::kUsed},
    {"dashboard_api", Use::kKept}, {"mdcb_api", Use::kKept},
};

constexpr FieldRule kGateway[] = {
    {"security", Use::kUsed},
    {"proxy_ssl_insecure_skip_verify", Use::kUsed},
    {"proxy_ssl_min_version", Use::kUsed},
    {"proxy_ssl_max_version", Use::kUsed},
    {"proxy_ssl_ciphers", Use::kUsed},
    {"ssl_force_common_name_check", Use::kUsed},
    {"proxy_enable_http2", Use::kUsed},
    {"http_server_options", Use::kUsed},
    {"allow_unsafe_dynamic_mtls_token", Use::kRefused,
     "a certificate's id never authenticates a caller"},
};

bool IsUsedAtTop(absl::string_view name) {
  return absl::c_any_of(kGateway, [&](const FieldRule& rule) { return rule.name == name; });
}

constexpr FieldRule kServer[] = {
    {"ssl_certificates", Use::kUsed},  {"certificates", Use::kUsed},
    {"min_version", Use::kUsed},       {"max_version", Use::kUsed},
    {"enable_websockets", Use::kUsed},
};

constexpr FieldRule kServerCertificate[] = {
    {"domain_name", Use::kKept},
    {"cert_file", Use::kUsed},
    {"key_file", Use::kUsed},
};

void OthersOf(const Fields& object, const ObjectRules& rules, std::vector<std::string>* names) {
  if (object.node() == nullptr) return;
  for (const auto& [name, value] : object.node()->members) {
    bool used = false;
    for (const FieldRule& rule : rules.fields) {
      used = used || rule.name == name;
      if (rule.name != name && OneTypoAway(name, rule.name)) {
        object.Refuse(name, absl::StrCat("unknown field; did you mean \"", rule.name, "\"?"));
      }
    }
    if (used) continue;
    if (IsSet(value)) names->push_back(object.PathOf(name));
  }
}

// tyk.conf has hundreds of keys: one warning names those that are set and do nothing here.
void Others(const Fields& top, const Fields& server) {
  std::vector<std::string> names;
  OthersOf(top, TykGatewayRules(), &names);
  OthersOf(server, TykServerRules(), &names);
  if (!names.empty()) {
    top.out()->Warn("", nullptr, absl::StrCat("without effect here: ", absl::StrJoin(names, ", ")));
  }
}

void Expiry(const Fields& security, v1::GatewaySettings* settings) {
  const Fields monitor = security.Object("certificate_expiry_monitor");
  monitor.Check(TykExpiryRules());
  if (monitor.node() == nullptr) return;
  const auto read = [&](absl::string_view name, int64_t most) {
    const int64_t number = monitor.Integer(name);
    if (number >= 0 && number <= most) return static_cast<uint32_t>(number);
    monitor.Refuse(name, absl::StrCat("must be between 0 and ", most));
    return uint32_t{0};
  };
  constexpr int64_t kMostDays = 3650, kMostSeconds = 30 * 24 * 3600;
  v1::ExpiryMonitor expiry;
  expiry.set_warning_days(read("warning_threshold_days", kMostDays));
  expiry.set_cooldown_seconds(read("event_cooldown_seconds", kMostSeconds));
  if (expiry.warning_days() != 0 || expiry.cooldown_seconds() != 0)
    *settings->mutable_expiry_monitor() = expiry;
}

void Security(const Fields& security, References* references, v1::GatewaySettings* settings) {
  security.Check(TykSecurityRules());
  const Fields certificates = security.Object("certificates");
  certificates.Check(TykCertificatesRules());
  references->AllowlistOf(certificates, "apis", settings->mutable_client_allowlist());
  references->AllowlistOf(certificates, "control_api", settings->mutable_control_allowlist());
  references->ClientCertificates(certificates, "upstream",
                                 settings->mutable_upstream_certificates());
  references->Pins(security, "pinned_public_keys", settings->mutable_pins());
  Expiry(security, settings);
  settings->set_control_requires_certificate(security.Flag("control_api_use_mutual_tls"));
  if (settings->control_requires_certificate() && settings->control_allowlist_size() == 0) {
    security.Refuse("control_api_use_mutual_tls", "is on, but certificates.control_api is empty");
  }
}

void Tls(const Fields& top, v1::TransportTls* tls) {
  tls->set_insecure_skip_verify(top.Flag("proxy_ssl_insecure_skip_verify"));
  if (tls->insecure_skip_verify()) {
    top.Warn("proxy_ssl_insecure_skip_verify", "INSECURE: no upstream's certificate is verified");
  }
  for (const std::string& cipher : top.Texts("proxy_ssl_ciphers")) tls->add_ciphers(cipher);
  tls->set_force_common_name_check(top.Flag("ssl_force_common_name_check"));
  TlsVersions(top, "proxy_ssl_min_version", "proxy_ssl_max_version", TlsPeer::kEveryUpstream, tls);
}

// Key pairs as files, Tyk's older way.
void ServerFiles(const Fields& server, References* references, v1::GatewaySettings* settings) {
  const std::vector<Node>& items = server.List("certificates");
  for (size_t i = 0; i < items.size(); ++i) {
    const Fields entry(&items[i], ItemPath(server.PathOf("certificates"), i), server.out());
    entry.Check({kServerCertificate, true});
    if (entry.node() == nullptr) continue;
    const std::string id = references->TakeFiles(entry.Text("cert_file"), entry.Text("key_file"),
                                                 entry.path(), items[i]);
    if (!id.empty()) settings->add_server_certificate_ids(id);
  }
}

void ServerVersions(const Fields& server, v1::GatewaySettings* settings) {
  v1::TransportTls tls;
  TlsVersions(server, "min_version", "max_version", TlsPeer::kClients, &tls);
  settings->set_server_min_version(tls.min_version());
  settings->set_server_max_version(tls.max_version());
}

using Entries = google::protobuf::RepeatedPtrField<v1::AllowlistEntry>;

void KeepExact(const Entries& stored, Entries* list) {
  for (v1::AllowlistEntry& entry : *list) {
    for (const v1::AllowlistEntry& old : stored) {
      if (old.exact() && old.certificate_id() == entry.certificate_id()) entry.set_exact(true);
    }
  }
}

// What is stored: only what was read. The rest of tyk.conf holds secrets of other systems.
Node Excerpt(const Node& document) {
  Node copy;
  copy.type = Node::Type::kObject;
  for (const auto& [name, value] : document.members) {
    if (IsUsedAtTop(name)) copy.members.emplace_back(name, value);
  }
  Node* security = copy.Find("security");
  if (security == nullptr) return copy;
  std::erase_if(security->members, [](const auto& member) {
    return member.first == "private_certificate_encoding_secret";
  });
  return copy;
}

}  // namespace

bool IsTykGateway(const Node& document) {
  if (!document.IsObject() || document.Find("kind") != nullptr ||
      document.Find("proxy") != nullptr) {
    return false;
  }
  for (const absl::string_view name :
       {"security", "proxy_ssl_insecure_skip_verify", "http_server_options", "app_path"}) {
    if (document.Find(name) != nullptr) return true;
  }
  return false;
}

void KeepWhatTykGatewayLacks(const v1::GatewaySettings& stored, v1::GatewaySettings* settings) {
  *settings->mutable_revoked() = stored.revoked();
  *settings->mutable_trusted_proxies() = stored.trusted_proxies();
  *settings->mutable_client_certificate_headers() = stored.client_certificate_headers();
  if (stored.has_identity_forwarding())
    *settings->mutable_identity_forwarding() = stored.identity_forwarding();
  KeepExact(stored.client_allowlist(), settings->mutable_client_allowlist());
  KeepExact(stored.control_allowlist(), settings->mutable_control_allowlist());
  v1::TransportTls* tls = settings->mutable_upstream_tls();
  *tls->mutable_trust_bundle_ids() = stored.upstream_tls().trust_bundle_ids();
  tls->set_server_name(stored.upstream_tls().server_name());
  if (stored.upstream_certificates().disabled())
    settings->mutable_upstream_certificates()->set_disabled(true);
  if (!stored.has_pins()) return;
  v1::DomainPins* pins = settings->mutable_pins();
  pins->set_disabled(stored.pins().disabled());
  pins->set_report_only(stored.pins().report_only());
  pins->set_add_to_ca_check(stored.pins().add_to_ca_check());
}

Conversion ConvertTykGateway(const Node& file, const ConvertOptions& options) {
  Conversion out;
  Node configuration = file;
  LayTykEnvironment(options.tyk_environment, &configuration, &out);
  const Fields top(&configuration, "", &out);
  if (top.node() == nullptr) {
    if (out.ok()) out.Refuse("", &configuration, "a gateway configuration must be an object");
    return out;
  }
  if (top.Flag("allow_unsafe_dynamic_mtls_token")) {
    top.Refuse("allow_unsafe_dynamic_mtls_token",
               "a certificate's id never authenticates a caller");
  }
  const Fields server = top.Object("http_server_options");
  Others(top, server);
  if (server.Has("enable_websockets") && !server.Flag("enable_websockets")) {
    server.Warn(
        "enable_websockets",
        "does not switch WebSocket off: set `upgrades: []` in the files of the data planes");
  }
  v1::GatewaySettings settings;
  settings.set_id("gateway");
  References references(options.org_id, options, kTykGateway, &out);
  Security(top.Object("security"), &references, &settings);
  Tls(top, settings.mutable_upstream_tls());
  settings.set_upstream_http2(top.Flag("proxy_enable_http2"));
  for (const std::string& id : references.TakeList(server, "ssl_certificates", true)) {
    settings.add_server_certificate_ids(id);
  }
  ServerFiles(server, &references, &settings);
  ServerVersions(server, &settings);
  Converted converted;
  converted.resource.set_id(settings.id());
  converted.resource.set_dialect(std::string(kTykGateway));
  converted.resource.set_document(ToJson(KeptDocument(Excerpt(configuration), options.org_id)));
  *converted.resource.mutable_settings() = std::move(settings);
  out.resources.push_back(std::move(converted));
  return out;
}

ObjectRules TykGatewayRules() { return {kGateway, false}; }
ObjectRules TykSecurityRules() { return {kSecurity, true}; }
ObjectRules TykCertificatesRules() { return {kCertificates, true}; }
ObjectRules TykServerRules() { return {kServer, false}; }
ObjectRules TykExpiryRules() { return {kExpiry, false}; }

}  // namespace sallyport::authsvc::dialects
