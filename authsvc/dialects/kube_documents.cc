#include "authsvc/dialects/kube_documents.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/apk/gateway_toml.h"
#include "authsvc/dialects/kube_fields.h"
#include "authsvc/dialects/kube_object.h"
#include "authsvc/dialects/tyk_render.h"
#include "shared/base/text.h"
#include "shared/crypto/pem.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kTlsType = "kubernetes.io/tls";
constexpr absl::string_view kCertificateKey = "tls.crt";
constexpr absl::string_view kPrivateKeyKey = "tls.key";
constexpr absl::string_view kAnyPem = "-----BEGIN ";
constexpr absl::string_view kPrivatePem = "PRIVATE KEY-----";

// One object on its way: its certificates are put before it.
class KubeObject {
 public:
  KubeObject(const Fields& top, absl::string_view prefix, const ConvertOptions& options)
      : top_(top), options_(options), name_(ReadKubeName(top, options)) {
    source_ = absl::StrCat(prefix, name_.Id());
  }

  // Values of `data` (Base64) and `stringData`.
  std::map<std::string, std::string> SecretTexts() const {
    std::map<std::string, std::string> texts;
    const Fields data = top_.Object("data");
    if (data.node() != nullptr) {
      for (const auto& [key, value] : data.node()->members) texts[key] = Decoded(data, key);
    }
    const Fields plain = top_.Object("stringData");
    if (plain.node() != nullptr) {
      for (const auto& [key, value] : plain.node()->members) texts[key] = plain.Text(key);
    }
    return texts;
  }

  std::map<std::string, std::string> PlainTexts() const {
    std::map<std::string, std::string> texts;
    const Fields data = top_.Object("data");
    if (data.node() == nullptr) return texts;
    for (const auto& [key, value] : data.node()->members) {
      texts[key] = data.Text(key);
      if (absl::StrContains(texts[key], kPrivatePem))
        data.Refuse(key, "is a private key: those belong into a Secret");
    }
    return texts;
  }

  // The id of the certificate or public key that `pem` is; empty after a refusal.
  std::string TakePem(absl::string_view pem, absl::string_view key, bool refuse) {
    absl::StatusOr<crypto::PemBundle> bundle =
        crypto::ParsePem(pem, absl::FromUnixSeconds(options_.now_unix));
    if (!bundle.ok()) {
      if (refuse) top_.Object("data").Refuse(key, bundle.status().message());
      return "";
    }
    for (const std::string& warning : bundle->warnings) top_.Object("data").Warn(key, warning);
    Converted converted;
    v1::Certificate* certificate = converted.resource.mutable_certificate();
    const std::string id = bundle->chain.empty()
                               ? crypto::PublicKeyId(options_.org_id, bundle->public_key_der)
                               : crypto::CertificateId(options_.org_id, *bundle->chain.front());
    converted.resource.set_id(id);
    converted.resource.set_dialect(std::string(kKubernetes));
    certificate->set_id(id);
    certificate->set_org_id(options_.org_id);
    certificate->set_created_unix(options_.now_unix);
    certificate->set_source(source_);
    for (const auto& part : bundle->chain) certificate->add_chain_der(part->der);
    certificate->set_public_key_der(bundle->public_key_der);
    if (!bundle->private_key.empty()) converted.private_key_of = bundle->chain.front()->fingerprint;
    converted.private_key = std::move(bundle->private_key);
    top_.out()->resources.push_back(std::move(converted));
    return id;
  }

  void Finish(Converted converted, const std::string& document) {
    converted.resource.set_id(name_.Id());
    converted.resource.set_dialect(std::string(kKubernetes));
    converted.resource.set_document(document);
    top_.out()->resources.push_back(std::move(converted));
  }

  [[nodiscard]] const KubeName& name() const { return name_; }
  [[nodiscard]] const Conversion* out() const { return top_.out(); }

 private:
  static std::string Decoded(const Fields& data, const std::string& key) {
    const std::string text = data.Text(key);
    std::string bytes;
    if (absl::StrContains(text, kAnyPem)) {
      data.Warn(key, "is not in Base64: taken as it stands");
      return text;
    }
    if (!absl::Base64Unescape(text, &bytes)) data.Refuse(key, "is not Base64");
    return bytes;
  }

  const Fields& top_;
  const ConvertOptions& options_;
  KubeName name_;
  std::string source_;
};

// Exactly: an organisation's name may begin like another one's.
bool IsCertificateIdOf(absl::string_view org, absl::string_view id) {
  constexpr size_t kDigestHex = 64;
  return absl::ConsumePrefix(&id, org) && id.size() == kDigestHex && base::IsHex(id);
}

// As a Secret is read back: the ids of its certificates, the names of values that the store keeps.
void TakeShown(const Fields& top, const ConvertOptions& options,
               const std::map<std::string, std::string>& texts, v1::KubeSecret* secret) {
  const Fields certificates = top.Object("certificates");
  if (certificates.node() != nullptr) {
    for (const auto& [key, value] : certificates.node()->members) {
      const std::string id = certificates.Text(key);
      if (key == kPrivateKeyKey) continue;  // nobody says that a key is his: it comes in data
      if (texts.count(key) != 0) certificates.Refuse(key, "stands in data, too");
      if (!IsCertificateIdOf(options.org_id, id))
        certificates.Refuse(key, "must be the id of a certificate of this organisation");
      (*secret->mutable_certificate_ids())[key] = id;
    }
  }
  for (const std::string& key : top.Texts("sealed")) {
    if (texts.count(key) != 0 || secret->certificate_ids().contains(key))
      top.Refuse("sealed", absl::StrCat("\"", key, "\" stands in data or certificates, too"));
    (*secret->mutable_sealed_data())[key];
  }
}

void TlsSecret(const Fields& top, std::map<std::string, std::string>* texts, KubeObject* object,
               v1::KubeSecret* secret) {
  const bool shown = secret->certificate_ids().contains(std::string(kCertificateKey));
  if (shown && texts->count(std::string(kPrivateKeyKey)) == 0) return;
  for (const absl::string_view key : {kCertificateKey, kPrivateKeyKey}) {
    if (texts->count(std::string(key)) == 0)
      top.Object("data").Refuse(key, "is missing: kubernetes.io/tls has tls.crt and tls.key");
  }
  std::string& key = (*texts)[std::string(kPrivateKeyKey)];
  std::string pem = absl::StrCat((*texts)[std::string(kCertificateKey)], "\n", key);
  const std::string id = object->TakePem(pem, kCertificateKey, true);
  base::Cleanse(&pem);
  base::Cleanse(&key);
  auto& ids = *secret->mutable_certificate_ids();
  if (!id.empty()) ids[std::string(kCertificateKey)] = id;
  // An empty tls.key is one that pins or lists the certificate.
  if (!id.empty() && !object->out()->resources.back().private_key.empty())
    ids[std::string(kPrivateKeyKey)] = id;
  texts->erase(std::string(kCertificateKey));
  texts->erase(std::string(kPrivateKeyKey));
}

// What is a certificate or a public key and nothing else is no secret.
bool IsPublicPem(absl::string_view text) {
  return absl::StrContains(text, kAnyPem) && !absl::StrContains(text, kPrivatePem);
}

std::string ShownSecret(const KubeName& name, const v1::KubeSecret& secret) {
  Json json = {{"apiVersion", "v1"},
               {"kind", "Secret"},
               {"metadata", {{"name", name.name}, {"namespace", name.name_space}}},
               {"type", secret.type()}};
  return Text(json);
}

void ConvertSecret(const Fields& top, const ConvertOptions& options) {
  KubeObject object(top, "secret/", options);
  Converted converted;
  v1::KubeSecret* secret = converted.resource.mutable_secret();
  secret->set_id(object.name().Id());
  secret->set_org_id(options.org_id);
  secret->set_type(top.Text("type").empty() ? "Opaque" : top.Text("type"));
  std::map<std::string, std::string> texts = object.SecretTexts();
  TakeShown(top, options, texts, secret);
  if (secret->type() == kTlsType) TlsSecret(top, &texts, &object, secret);
  for (auto& [key, text] : texts) {
    // Under the name of a private key nothing is a certificate: there it says whose key came.
    const bool public_pem = key != kPrivateKeyKey && IsPublicPem(text);
    const std::string id = public_pem ? object.TakePem(text, key, false) : "";
    if (!id.empty())
      (*secret->mutable_certificate_ids())[key] = id;
    else
      converted.secret_data[key] = base::Secret(std::move(text));
  }
  const std::string shown = ShownSecret(object.name(), *secret);
  object.Finish(std::move(converted), shown);
}

void ConvertConfigMap(const Fields& top, const ConvertOptions& options) {
  KubeObject object(top, "configmap/", options);
  Converted converted;
  v1::KubeConfigMap* config_map = converted.resource.mutable_config_map();
  config_map->set_id(object.name().Id());
  config_map->set_org_id(options.org_id);
  for (const auto& [key, text] : object.PlainTexts()) {
    (*config_map->mutable_data())[key] = text;
    if (absl::EndsWith(key, ".toml")) {
      for (const std::string& unread : apk::UnreadSettings(text))
        top.Object("data").Warn(key, unread);
    }
    if (!IsPublicPem(text)) continue;
    const std::string id = object.TakePem(text, key, false);
    if (!id.empty()) (*config_map->mutable_certificate_ids())[key] = id;
  }
  const Fields shown = top.Object("certificates");
  if (shown.node() != nullptr) {
    for (const auto& [key, value] : shown.node()->members) {
      const auto held = config_map->certificate_ids().find(key);
      if (held == config_map->certificate_ids().end() || held->second != shown.Text(key))
        shown.Refuse(key, "is not the certificate that stands in data");
    }
  }
  object.Finish(std::move(converted), ToJson(*top.node()));
}

KubeName NameOfId(absl::string_view id) {
  const size_t border = std::min(id.find('/'), id.size());
  return {std::string(id.substr(0, border)),
          std::string(id.substr(std::min(border + 1, id.size())))};
}

}  // namespace

bool IsKubernetes(const Node& document) {
  const absl::string_view kind = document.IsObject() ? document.Text("kind") : "";
  return (kind == "Secret" || kind == "ConfigMap") && document.Text("apiVersion") == "v1";
}

Conversion ConvertKubernetes(const Node& document, const ConvertOptions& options) {
  Conversion out;
  const Fields top(&document, "", &out);
  if (top.node() == nullptr) {
    if (out.ok()) out.Refuse("", &document, "an object of Kubernetes must be an object");
    return out;
  }
  if (top.Text("apiVersion") != "v1") top.Refuse("apiVersion", "must be v1");
  const std::string kind = top.Text("kind");
  if (kind == "Secret") {
    top.Check(KubeSecretRules());
    ConvertSecret(top, options);
  } else if (kind == "ConfigMap") {
    top.Check(KubeConfigMapRules());
    ConvertConfigMap(top, options);
  } else {
    top.Refuse("kind", "must be Secret or ConfigMap");
  }
  return out;
}

bool ReadConfigMap(const Node& document, const ConvertOptions& options, std::string* id,
                   std::map<std::string, std::string>* data) {
  if (!IsKubernetes(document) || document.Text("kind") != "ConfigMap") return false;
  Conversion ignored;
  const Fields top(&document, "", &ignored);
  *id = ReadKubeName(top, options).Id();
  const Fields texts = top.Object("data");
  if (texts.node() == nullptr) return true;
  for (const auto& [key, value] : texts.node()->members) (*data)[key] = texts.Text(key);
  return true;
}

std::string KubernetesJson(const v1::Resource& resource) {
  const KubeName name = NameOfId(resource.id());
  Json json = {{"apiVersion", "v1"},
               {"kind", resource.has_secret() ? "Secret" : "ConfigMap"},
               {"metadata", {{"name", name.name}, {"namespace", name.name_space}}}};
  const auto certificates = [&json](const auto& ids) {
    // By name: what is read twice is the same text.
    const std::map<std::string, std::string> sorted(ids.begin(), ids.end());
    for (const auto& [key, id] : sorted) json["certificates"][key] = id;
  };
  if (resource.has_secret()) {
    json["type"] = resource.secret().type();
    certificates(resource.secret().certificate_ids());
    std::set<std::string> sealed;
    for (const auto& [key, value] : resource.secret().sealed_data()) sealed.insert(key);
    for (const std::string& key : sealed) json["sealed"].push_back(key);
  } else {
    for (const auto& [key, text] : resource.config_map().data()) json["data"][key] = text;
    certificates(resource.config_map().certificate_ids());
  }
  return Text(json);
}

}  // namespace sallyport::authsvc::dialects
