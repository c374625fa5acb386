#include "authsvc/dialects/apisix/consumer_jwt.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apisix/references.h"
#include "shared/base/secret.h"
#include "shared/crypto/pem.h"
#include "shared/jwt/algorithm.h"
#include "shared/jwt/key.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

constexpr char kPlugin[] = "jwt-auth";
constexpr int64_t kMostGraceSeconds = 3600;
constexpr size_t kMostJwtKey = 512;  // bytes of what tokens name their consumer by

template <typename... Parts>
absl::Status Bad(const Parts&... parts) {
  return Wrong(
      absl::StrCat("failed to check the configuration of plugin ", kPlugin, " err: ", parts...));
}

std::string AlgorithmOf(const Json& conf) {
  return Get(conf, "algorithm") != nullptr ? Text(conf, "algorithm") : "HS256";
}

// Takes a text out of the document and overwrites it there.
base::Secret TakeOut(const char* name, Json* conf) {
  const auto at = conf->find(name);
  if (at == conf->end()) return {};
  base::Secret secret;
  if (at->is_string()) secret = base::Secret(std::move(at->get_ref<std::string&>()));
  conf->erase(at);
  return secret;
}

bool HadSecret(const v1::DialectObject* stored) {
  if (stored == nullptr) return false;
  const Json old = Json::parse(stored->json(), nullptr, false);
  const Json* const plugins = Get(old, "plugins");
  const Json* const conf = plugins == nullptr ? nullptr : Get(*plugins, kPlugin);
  if (conf == nullptr) return false;
  const auto algorithm = jwt::AlgorithmFromName(AlgorithmOf(*conf));
  return algorithm.has_value() && jwt::IsSymmetric(*algorithm);
}

absl::Status TakeSecret(const Json& conf, const v1::DialectObject* stored, base::Secret given,
                        Converted* issuer) {
  if (given.empty()) {
    if (HadSecret(stored)) return absl::OkStatus();
    return Bad("property \"secret\" is required");
  }
  if (Flag(conf, "base64_secret", false)) {
    std::string bytes;
    if (!absl::Base64Unescape(given.Reveal(), &bytes)) return Bad("secret is not base64");
    given = base::Secret(std::move(bytes));
  }
  const auto key = jwt::MakeSecretKey(base::Secret::CopyOf(given.Reveal()));
  if (!key.ok()) return Bad("secret: ", key.status().message());
  issuer->shared_secrets.push_back(std::move(given));
  return absl::OkStatus();
}

absl::Status TakePublicKey(const Json& conf, jwt::Algorithm algorithm,
                           const Environment& environment, v1::DialectObject* object,
                           v1::TokenIssuer* issuer, Conversion* out) {
  std::string text = Text(conf, "public_key");
  if (text.empty()) return Bad("property \"public_key\" is required");
  if (auto status = Resolve(environment, &text); !status.ok()) return status;
  const auto key = jwt::ReadPublicKey(text);
  if (!key.ok()) return Bad("public_key: ", key.status().message());
  if (!key->Fits(algorithm))
    return Bad("public_key is of type ", jwt::KeyTypeName(key->type()), ", which does not sign by ",
               jwt::AlgorithmName(algorithm));
  const auto bundle = crypto::ParseInlinePem(text);
  if (!bundle.ok()) return Bad("public_key: ", bundle.status().message());
  Converted made;
  v1::Certificate* const certificate = made.resource.mutable_certificate();
  certificate->set_org_id(std::string(kOrg));
  certificate->set_source(std::string(kDialect));
  for (const auto& one : bundle->chain) certificate->add_chain_der(one->der);
  if (bundle->chain.empty()) certificate->set_public_key_der(bundle->public_key_der);
  certificate->set_id(bundle->chain.empty() ? crypto::PublicKeyId(kOrg, bundle->public_key_der)
                                            : crypto::CertificateId(kOrg, *bundle->chain.front()));
  made.resource.set_id(certificate->id());
  made.resource.set_dialect(std::string(kDialect));
  issuer->add_certificate_ids(certificate->id());
  object->add_certificate_ids(certificate->id());
  out->resources.push_back(std::move(made));
  return absl::OkStatus();
}

}  // namespace

absl::Status TakeJwtAuth(const v1::Key& key, const v1::DialectObject* stored,
                         const Environment& environment, Json* consumer, v1::DialectObject* object,
                         Conversion* out) {
  if (Get((*consumer)["plugins"], kPlugin) == nullptr) return absl::OkStatus();
  Json& conf = (*consumer)["plugins"][kPlugin];
  base::Secret secret = TakeOut("secret", &conf);
  if (IsReference(secret.Reveal())) {
    std::string value(secret.Reveal());
    auto status = Resolve(environment, &value);
    secret = base::Secret(std::move(value));
    if (!status.ok()) return status;
  }
  if (!TakeOut("private_key", &conf).empty())
    out->Warn("", nullptr, "jwt-auth: private_key is thrown away: no tokens are signed here");
  std::string name = Text(conf, "key");
  if (auto status = Resolve(environment, &name); !status.ok()) return status;
  if (name.empty()) return Bad("property \"key\" is required");
  if (name.size() > kMostJwtKey) return Bad("key: at most ", kMostJwtKey, " bytes");
  const std::string algorithm_name = AlgorithmOf(conf);
  const auto algorithm = jwt::AlgorithmFromName(algorithm_name);
  if (!algorithm.has_value())
    return Bad("property \"algorithm\" validation failed: matches none of the enum values");
  const int64_t grace = Integer(conf, "lifetime_grace_period", 0);
  if (grace < 0) return Bad("lifetime_grace_period must be at least 0");
  if (grace > kMostGraceSeconds)
    return Bad("lifetime_grace_period over ", kMostGraceSeconds, " seconds is refused");
  if (Get(conf, "exp") != nullptr && Integer(conf, "exp", 1) < 1)
    return Bad("exp must be at least 1");

  Converted made;
  made.resource.set_dialect(std::string(kDialect));
  v1::TokenIssuer* const issuer = made.resource.mutable_token_issuer();
  issuer->set_id(key.id());
  made.resource.set_id(issuer->id());
  issuer->set_org_id(std::string(kOrg));
  issuer->set_name(key.alias());
  issuer->add_algorithms(algorithm_name);
  issuer->set_select_claim("key");
  issuer->set_select_value(name);
  issuer->set_key_id(key.id());
  issuer->set_leeway_seconds(static_cast<uint32_t>(grace));
  auto status = jwt::IsSymmetric(*algorithm)
                    ? TakeSecret(conf, stored, std::move(secret), &made)
                    : TakePublicKey(conf, *algorithm, environment, object, issuer, out);
  if (!status.ok()) return status;
  object->add_resources(absl::StrCat("TokenIssuer ", issuer->id()));
  out->resources.push_back(std::move(made));
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc::dialects::apisix
