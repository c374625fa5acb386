#include "absl/strings/str_cat.h"
#include "authsvc/dialects/kube_fields.h"
#include "authsvc/dialects/tyk_classic.h"
#include "authsvc/dialects/tyk_oas.h"
#include "authsvc/dialects/tyk_operator_parts.h"
#include "shared/domain/pattern.h"

namespace sallyport::authsvc::dialects {
namespace {

std::vector<std::string> SecretsOf(const Fields& object, absl::string_view name,
                                   const KubeName& owner) {
  std::vector<std::string> references;
  const std::vector<Node>& items = object.List(name);
  for (size_t i = 0; i < items.size(); ++i) {
    std::string reference =
        OperatorSecret(items[i], ItemPath(object.PathOf(name), i), owner, object.out());
    if (!reference.empty()) references.push_back(std::move(reference));
  }
  return references;
}

void WarnOfPlainTargets(const Fields& object, absl::string_view name, const v1::Api& api) {
  if (!AnyTlsTarget(api.upstream()))
    object.Warn(name, "no target is https: a certificate is never sent over plain http");
}

// {"domain": "secret"}; `put` gets each with a domain that is fine.
template <typename Put>
void SecretMap(const Fields& spec, absl::string_view name, const KubeName& owner, Put put) {
  const Fields entries = spec.Object(name);
  if (entries.node() == nullptr) return;
  for (const auto& [domain, value] : entries.node()->members) {
    const std::string path = absl::StrCat(entries.path(), "[\"", domain, "\"]");
    const auto pattern = domain::ParsePattern(domain);
    if (!pattern.ok()) {
      spec.out()->Refuse(path, &value, pattern.status().message());
      continue;
    }
    const std::string reference = OperatorSecret(value, path, owner, spec.out());
    if (!reference.empty()) put(domain, path, value, reference);
  }
}

void PutCertificate(const std::string& domain, const std::string& path, const Node& at,
                    const std::string& reference, v1::Api* api, Conversion* out) {
  auto* map = api->mutable_upstream()->mutable_client_certificates()->mutable_certificate_ids();
  if (!map->insert({domain, reference}).second)
    out->Refuse(path, &at, "this domain has a certificate already");
}

void OperatorClients(const Fields& spec, const KubeName& owner, v1::Api* api) {
  const Fields clients = spec.Object("clientCertificate");
  clients.Check(OperatorClientCertificateRules());
  if (clients.node() == nullptr) return;
  v1::ClientTls* tls = api->mutable_client_tls();
  for (const std::string& reference : SecretsOf(clients, "allowlist", owner))
    tls->add_allowlist()->set_certificate_id(reference);
  if (IsOn(clients)) {
    tls->set_static_mtls(v1::REQUIREMENT_MANDATORY);
  } else if (tls->static_mtls() != v1::REQUIREMENT_OFF) {
    clients.Refuse("enabled",
                   "is false, but server.clientCertificates of the definition is on: switch one "
                   "of them off");
  } else if (!clients.List("allowlist").empty()) {
    clients.Warn("allowlist", "has no effect: enabled is false");
  }
}

// Whether a map is on now; a switch that would turn off what the definition has on is refused.
bool MapIsOn(const Fields& object, bool has_entries, bool was_off) {
  const bool on = IsOn(object);
  if (!on && has_entries && !was_off)
    object.Refuse("enabled", "is false, but the definition has it on: switch one of them off");
  return on;
}

void OperatorMutualTls(const Fields& spec, const KubeName& owner, References* references,
                       v1::Api* api) {
  constexpr absl::string_view kMapping = "domainToCertificateMapping";
  const Fields mtls = spec.Object("mutualTLS");
  mtls.Check(OperatorMutualTlsRules());
  if (mtls.node() == nullptr) return;
  v1::DomainCertificates* map = api->mutable_upstream()->mutable_client_certificates();
  const bool on = MapIsOn(mtls, map->certificate_ids_size() != 0, map->disabled());
  const std::vector<Node>& items = mtls.List(kMapping);
  for (size_t i = 0; i < items.size(); ++i) {
    const Fields entry(&items[i], ItemPath(mtls.PathOf(kMapping), i), spec.out());
    entry.Check(OperatorCertificateMappingRules());
    const std::string domain = entry.Text("domain");
    if (entry.node() == nullptr || !OasDomain(domain, entry.PathOf("domain"), items[i], spec.out()))
      continue;
    const bool by_secret = entry.Has("certificateRef");
    if (by_secret == entry.Has("certificateID")) {
      entry.Refuse("certificateRef", "write either certificateRef or certificateID");
      continue;
    }
    const std::string id = by_secret
                               ? OperatorSecret(*entry.Get("certificateRef"),
                                                entry.PathOf("certificateRef"), owner, spec.out())
                               : references->Take(entry.Text("certificateID"),
                                                  entry.PathOf("certificateID"), items[i], true);
    if (!id.empty()) PutCertificate(domain, entry.PathOf("domain"), items[i], id, api, spec.out());
  }
  map->set_disabled(!on);
  if (on && items.empty()) mtls.Refuse(kMapping, "names no certificate, but enabled is true");
  if (on && !items.empty()) WarnOfPlainTargets(mtls, kMapping, *api);
  if (!on && !items.empty()) mtls.Warn(kMapping, "has no effect: enabled is false");
}

void OperatorPins(const Fields& spec, const KubeName& owner, References* references, v1::Api* api) {
  constexpr absl::string_view kMapping = "domainToPublicKeysMapping";
  const Fields pinning = spec.Object("certificatePinning");
  pinning.Check(OperatorPinningRules());
  if (pinning.node() == nullptr) return;
  v1::DomainPins* map = api->mutable_upstream()->mutable_pins();
  const bool on = MapIsOn(pinning, map->pins_size() != 0, map->disabled());
  const std::vector<Node>& items = pinning.List(kMapping);
  for (size_t i = 0; i < items.size(); ++i) {
    const Fields entry(&items[i], ItemPath(pinning.PathOf(kMapping), i), spec.out());
    entry.Check(OperatorPinMappingRules());
    const std::string domain = entry.Text("domain");
    if (entry.node() == nullptr || !OasDomain(domain, entry.PathOf("domain"), items[i], spec.out()))
      continue;
    v1::PinList* pins = &(*map->mutable_pins())[domain];
    for (const std::string& reference : SecretsOf(entry, "publicKeyRefs", owner))
      pins->add_certificate_ids(reference);
    for (const std::string& id : references->TakeList(entry, "publicKeys", false))
      pins->add_certificate_ids(id);
    if (pins->certificate_ids().empty())
      entry.Refuse("publicKeyRefs", "no public key is named for this domain");
  }
  map->set_disabled(!on);
  if (on && items.empty()) pinning.Refuse(kMapping, "names no public key, but enabled is true");
  if (!on && !items.empty()) pinning.Warn(kMapping, "has no effect: enabled is false");
}

void OperatorDomain(const Fields& spec, const KubeName& owner, References* references,
                    v1::Api* api) {
  const Fields domain = spec.Object("customDomain");
  domain.Check(OperatorDomainRules());
  if (domain.node() == nullptr) return;
  std::vector<std::string> ids = references->TakeList(domain, "certificates", true);
  for (std::string& reference : SecretsOf(domain, "certificatesRef", owner))
    ids.push_back(std::move(reference));
  if (!IsOn(domain)) return;
  const std::string name = domain.Text("name");
  if (name.empty()) return domain.Refuse("name", "is missing, but enabled is true");
  api->clear_hosts();
  api->add_hosts(name);
  for (const std::string& id : ids) api->add_server_certificate_ids(id);
}

}  // namespace

std::string OperatorSecret(const Node& value, const std::string& path, const KubeName& owner,
                           Conversion* out) {
  std::string name;
  if (!AsText(value, &name) || !IsKubeName(name)) {
    out->Refuse(path, &value,
                name.find('/') == std::string::npos
                    ? "must be the name of a Secret"
                    : "must be the name of a Secret in the same namespace");
    return "";
  }
  return SecretReference({owner.name_space, name});
}

void OperatorOas(const Fields& spec, const KubeName& owner, References* references, v1::Api* api) {
  OperatorClients(spec, owner, api);
  OperatorMutualTls(spec, owner, references, api);
  OperatorPins(spec, owner, references, api);
  OperatorDomain(spec, owner, references, api);
}

void OperatorClassicReferences(const Fields& spec, const KubeName& owner, v1::Api* api) {
  constexpr absl::string_view kClients = "client_certificate_refs";
  constexpr absl::string_view kUpstream = "upstream_certificate_refs";
  constexpr absl::string_view kPinned = "pinned_public_keys_refs";
  const std::vector<std::string> clients = SecretsOf(spec, kClients, owner);
  for (const std::string& reference : clients)
    api->mutable_client_tls()->add_allowlist()->set_certificate_id(reference);
  if (!clients.empty() && !spec.Flag("use_mutual_tls_auth")) {
    if (spec.Has("use_mutual_tls_auth"))
      spec.Warn(kClients, "has no effect: use_mutual_tls_auth is false");
    else
      spec.Refuse(kClients, "is set, but use_mutual_tls_auth is not there: say true or false");
  }
  SecretMap(spec, kUpstream, owner,
            [&](const std::string& domain, const std::string& path, const Node& at,
                const std::string& reference) {
              PutCertificate(domain, path, at, reference, api, spec.out());
            });
  if (spec.Has(kUpstream)) WarnOfPlainTargets(spec, kUpstream, *api);
  // Of a domain that has pins by id these are further ones.
  SecretMap(
      spec, kPinned, owner,
      [&](const std::string& domain, const std::string& /*path*/, const Node& /*at*/,
          const std::string& reference) {
        (*api->mutable_upstream()->mutable_pins()->mutable_pins())[domain].add_certificate_ids(
            reference);
      });
  for (const std::string& reference : SecretsOf(spec, "certificate_secret_names", owner))
    api->add_server_certificate_ids(reference);
}

}  // namespace sallyport::authsvc::dialects
