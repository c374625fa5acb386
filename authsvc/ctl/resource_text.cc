#include "authsvc/ctl/resource_text.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/ctl/output.h"
#include "authsvc/dialects/native.h"
#include "shared/crypto/certificate.h"

namespace sallyport::authsvc::ctl {
namespace {

namespace wire = ::sallyport::v1;

const std::map<std::string, std::string>& Words() {
  static const auto& words =
      *new std::map<std::string, std::string>{{"certificate", "Certificate"},
                                              {"certificates", "Certificate"},
                                              {"cert", "Certificate"},
                                              {"certs", "Certificate"},
                                              {"api", "Api"},
                                              {"apis", "Api"},
                                              {"key", "Key"},
                                              {"keys", "Key"},
                                              {"policy", "Policy"},
                                              {"policies", "Policy"},
                                              {"settings", "GatewaySettings"},
                                              {"gatewaysettings", "GatewaySettings"},
                                              {"gateway", "GatewaySettings"},
                                              {"listener", "Listener"},
                                              {"listeners", "Listener"},
                                              {"trustbundle", "TrustBundle"},
                                              {"trustbundles", "TrustBundle"},
                                              {"trust", "TrustBundle"},
                                              {"secret", "Secret"},
                                              {"secrets", "Secret"},
                                              {"configmap", "ConfigMap"},
                                              {"configmaps", "ConfigMap"},
                                              {"cm", "ConfigMap"},
                                              {"dialectobject", "DialectObject"},
                                              {"dialectobjects", "DialectObject"},
                                              {"tokenissuer", "TokenIssuer"},
                                              {"tokenissuers", "TokenIssuer"}};
  return words;
}

std::vector<std::string> CertificateRow(const wire::Certificate& certificate) {
  std::string subject = certificate.chain_der().empty() ? "(public key)" : "?";
  std::string until = "-";
  std::string kind = certificate.chain_der().empty() ? "key" : "leaf";
  if (!certificate.chain_der().empty()) {
    const auto parsed = crypto::ParseCertificate(certificate.chain_der(0));
    if (parsed.ok()) {
      subject = (*parsed)->subject;
      until = Date(absl::ToUnixSeconds((*parsed)->not_after));
      if ((*parsed)->is_ca) kind = "CA";
    }
  }
  return {certificate.id(), certificate.name(), kind, subject, until};
}

std::string MutualTls(const wire::ClientTls& tls) {
  std::vector<std::string> parts;
  if (tls.static_mtls() == wire::REQUIREMENT_MANDATORY) parts.emplace_back("static");
  if (tls.static_mtls() == wire::REQUIREMENT_OPTIONAL) parts.emplace_back("static (optional)");
  if (tls.dynamic_mtls()) parts.emplace_back("dynamic");
  return parts.empty() ? "-" : absl::StrJoin(parts, "+");
}

std::vector<std::string> ApiRow(const wire::Api& api) {
  return {api.id(),
          api.name(),
          api.hosts().empty() ? "*" : absl::StrJoin(api.hosts(), ","),
          api.listen_path(),
          MutualTls(api.client_tls()),
          api.inactive() ? "inactive" : "active"};
}

// The names in the data, never what stands there.
template <typename Certificates, typename Others>
std::string NamesOf(const Certificates& certificates, const Others& others) {
  std::set<std::string> names;
  for (const auto& [name, value] : certificates) names.insert(name);
  for (const auto& [name, value] : others) names.insert(name);
  return absl::StrJoin(names, ",");
}

std::vector<std::string> KeyRow(const wire::Key& key) {
  std::vector<std::string> apis;
  for (const wire::AccessRight& right : key.access_rights()) apis.push_back(right.api_id());
  if (key.all_apis()) apis.emplace_back("(all)");
  return {key.id(),
          key.alias(),
          absl::StrJoin(apis, ","),
          absl::StrJoin(key.policy_ids(), ","),
          Date(key.expires_unix()),
          key.inactive() ? "inactive" : "active"};
}

}  // namespace

std::optional<std::string> KindOfWord(absl::string_view word) {
  const auto found = Words().find(absl::AsciiStrToLower(word));
  if (found == Words().end()) return std::nullopt;
  return found->second;
}

std::string KindWords() {
  return "certificate, api, key, policy, settings, listener, trustbundle, secret, configmap, "
         "tokenissuer, dialectobject";
}

std::vector<std::string> HeadOf(absl::string_view kind) {
  if (kind == "Certificate") return {"ID", "NAME", "KIND", "SUBJECT", "NOT AFTER"};
  if (kind == "Api") return {"ID", "NAME", "HOSTS", "PATH", "MTLS", "STATE"};
  if (kind == "Key") return {"ID", "ALIAS", "APIS", "POLICIES", "EXPIRES", "STATE"};
  if (kind == "Policy") return {"ID", "NAME", "STATE"};
  if (kind == "Listener") return {"ID", "ADDRESS", "PORT", "TLS"};
  if (kind == "Secret") return {"NAME", "TYPE", "DATA"};
  if (kind == "ConfigMap") return {"NAME", "DATA"};
  if (kind == "TokenIssuer") return {"ID", "ISSUER"};
  return {"ID"};
}

std::vector<std::string> RowOf(const wire::Resource& resource) {
  switch (resource.body_case()) {
    case wire::Resource::kCertificate: return CertificateRow(resource.certificate());
    case wire::Resource::kApi: return ApiRow(resource.api());
    case wire::Resource::kKey: return KeyRow(resource.key());
    case wire::Resource::kPolicy:
      return {resource.policy().id(), resource.policy().name(),
              resource.policy().inactive() ? "inactive" : "active"};
    case wire::Resource::kListener:
      return {resource.listener().id(), resource.listener().address(),
              absl::StrCat(resource.listener().port()), resource.listener().plain() ? "no" : "yes"};
    case wire::Resource::kSettings: return {"gateway"};
    case wire::Resource::kTrustBundle: return {resource.trust_bundle().id()};
    case wire::Resource::kSecret: {
      const wire::KubeSecret& secret = resource.secret();
      return {secret.id(), secret.type(), NamesOf(secret.certificate_ids(), secret.sealed_data())};
    }
    case wire::Resource::kConfigMap: {
      const wire::KubeConfigMap& config_map = resource.config_map();
      return {config_map.id(), NamesOf(config_map.certificate_ids(), config_map.data())};
    }
    case wire::Resource::kTokenIssuer:
      return {resource.token_issuer().id(), resource.token_issuer().issuer()};
    case wire::Resource::kDialectObject: return {resource.dialect_object().id()};
    case wire::Resource::BODY_NOT_SET: break;
  }
  return {resource.id()};
}

void PrintResources(std::ostream& out, absl::string_view kind,
                    const std::vector<wire::Resource>& resources, absl::string_view format,
                    bool one, bool original) {
  if (!original && (format.empty() || format == "table")) {
    std::vector<std::vector<std::string>> rows;
    for (const wire::Resource& resource : resources) rows.push_back(RowOf(resource));
    return PrintTable(out, HeadOf(kind), rows);
  }
  std::vector<std::string> documents;
  for (const wire::Resource& resource : resources) {
    const bool as_put = original && !resource.document().empty();
    documents.push_back(as_put ? resource.document() : dialects::NativeJson(resource));
  }
  if (format == "json") {
    return PrintJson(
        out, one ? documents.front() : absl::StrCat("[", absl::StrJoin(documents, ","), "]"));
  }
  for (size_t i = 0; i < documents.size(); ++i) {
    if (i > 0) out << "---\n";
    PrintYaml(out, documents[i]);
  }
}

}  // namespace sallyport::authsvc::ctl
