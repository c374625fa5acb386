#include "authsvc/dialects/apisix/material.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "authsvc/dialects/apisix/consumer_jwt.h"
#include "authsvc/dialects/apisix/ssl_checks.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/pem.h"
#include "shared/crypto/random.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

constexpr size_t kLeastKey = 8;  // characters of a consumer's key

Converted* AddCertificate(const crypto::PemBundle& bundle, size_t first, size_t count,
                          Conversion* out) {
  Converted& converted = out->resources.emplace_back();
  converted.resource.set_dialect(std::string(kDialect));
  v1::Certificate* const certificate = converted.resource.mutable_certificate();
  certificate->set_org_id(std::string(kOrg));
  certificate->set_source(std::string(kDialect));
  for (size_t i = first; i < first + count; ++i) certificate->add_chain_der(bundle.chain[i]->der);
  certificate->set_id(crypto::CertificateId(kOrg, *bundle.chain[first]));
  converted.resource.set_id(certificate->id());
  return &converted;
}

void CleanseText(Json* value) {
  if (value->is_string()) base::Cleanse(&value->get_ref<std::string&>());
}

void EraseKey(const char* name, Json* object) {
  const auto at = object->find(name);
  if (at == object->end()) return;
  CleanseText(&*at);
  object->erase(name);
}

bool Has(const google::protobuf::RepeatedPtrField<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

class Taker {
 public:
  Taker(absl::string_view collection, absl::string_view id, const v1::DialectObject* stored,
        int64_t now_unix, const Environment& environment, v1::DialectObject* object,
        Conversion* out)
      : collection_(collection),
        id_(id),
        stored_(stored),
        environment_(environment),
        now_(absl::FromUnixSeconds(now_unix)),
        object_(*object),
        out_(*out) {}

  absl::Status Ssl(Json* document) {
    const std::string type = Get(*document, "type") ? Text(*document, "type") : "server";
    if (type != "server" && type != "client")
      return Wrong("property \"type\" validation failed: matches none of the enum values");
    if (auto status = CheckStatusValue(*document); !status.ok()) return status;
    const bool server = type == "server";
    const bool has_key = Get(*document, "key") != nullptr || stored_ != nullptr;
    const bool one = (Get(*document, "sni") != nullptr) != (Get(*document, "snis") != nullptr);
    if (Get(*document, "cert") == nullptr || !has_key || (server && !one))
      return Wrong("then clause did not match");
    std::vector<std::string> names;
    if (auto status = TakeNames(*document, &names); !status.ok()) return status;
    if (auto status = TakeProtocols(*document, &object_); !status.ok()) return status;
    if (auto status = Pairs(document, names); !status.ok()) return status;
    if (auto status = SslClient(*document); !status.ok()) return status;
    if (server && Integer(*document, "status", 1) == 1) {
      for (std::string& name : names) object_.add_server_names(std::move(name));
    }
    return absl::OkStatus();
  }

  // `upstream`: the object's own document, or what stands inline.
  absl::Status Upstream(Json* upstream) {
    if (Get(*upstream, "tls") == nullptr) return absl::OkStatus();
    Json& tls = (*upstream)["tls"];
    const std::string cert = Text(tls, "client_cert");
    const std::string key = Text(tls, "client_key");
    const bool by_id = Get(tls, "client_cert_id") != nullptr;
    if (by_id && !(cert.empty() && key.empty()))
      return Wrong(
          "property \"tls\" validation failed: client_cert_id is exclusive with client_cert");
    if (cert.empty() && !key.empty())
      return Wrong(
          "property \"tls\" validation failed: property \"client_cert\" is required when "
          "\"client_key\" is set");
    if (!cert.empty()) {
      auto status = Pair(cert, key, "");
      if (!status.ok()) return status;
      EraseKey("client_key", &tls);
    }
    return Authorities(tls);
  }

  // A route or service: what it asks of clients itself, and what stands inline.
  absl::Status Holder(Json* document) {
    if (const Json* const client = Get(*document, "client"); client != nullptr) {
      std::vector<std::string> ids;
      if (auto status = Client(*client, &ids); !status.ok()) return status;
      for (const std::string& id : ids) object_.add_resources(absl::StrCat(kClientAuthority, id));
    }
    return Get(*document, "upstream") == nullptr ? absl::OkStatus()
                                                 : Upstream(&(*document)["upstream"]);
  }

  absl::Status Consumer(Json* document) {
    const std::string username = Text(*document, "username");
    const bool good =
        !username.empty() && username.size() <= 100 &&
        std::all_of(username.begin(), username.end(), [](char c) {
          return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
        });
    if (!good)
      return Wrong(
          "property \"username\" validation failed: failed to match pattern \"^[a-zA-Z0-9_-]+$\"");
    const Json* const plugins = Get(*document, "plugins");
    if (plugins == nullptr || plugins->empty()) return Plain("require one auth plugin");
    if (auto status = CheckPlugins(*plugins, true); !status.ok()) return status;
    Converted made;
    made.resource.set_dialect(std::string(kDialect));
    v1::Key* const key = made.resource.mutable_key();
    key->set_id(MadeId("consumers", username));
    made.resource.set_id(key->id());
    key->set_org_id(std::string(kOrg));
    key->set_alias(username);
    key->set_all_apis(true);
    if (auto status = KeyAuth(document, key); !status.ok()) return status;
    if (auto status = MtlsAuth(*document, key); !status.ok()) return status;
    object_.add_resources(absl::StrCat("Key ", key->id()));
    const v1::Key as_made = *key;
    out_.resources.push_back(std::move(made));
    return TakeJwtAuth(as_made, stored_, environment_, document, &object_, &out_);
  }

 private:
  void Warn(absl::string_view message) { out_.Warn("", nullptr, message); }

  absl::Status Pairs(Json* document, const std::vector<std::string>& names) {
    std::vector<std::string> certs, keys;
    if (auto status = Texts(*document, "certs", &certs); !status.ok()) return status;
    if (auto status = Texts(*document, "keys", &keys); !status.ok()) return status;
    if (!keys.empty() && keys.size() != certs.size())
      return Plain("mismatched number of certs and keys");
    if (keys.empty()) keys.resize(certs.size());
    auto status = Pair(Text(*document, "cert"), Text(*document, "key"), "");
    for (size_t i = 0; status.ok() && i < certs.size(); ++i) {
      status =
          Pair(certs[i], keys[i], absl::StrCat("failed to handle cert-key pair[", i + 1, "]: "));
    }
    for (std::string& key : keys) base::Cleanse(&key);
    if (!status.ok()) return status;
    EraseKey("key", document);
    if (const auto list = document->find("keys"); list != document->end()) {
      for (Json& one : *list) CleanseText(&one);
    }
    document->erase("keys");
    for (const std::string& name : names) {
      if (served_.count(name) == 0 && !CoveredByWildcard(name))
        Warn(absl::StrCat("SNI ", name, " is no name of the certificate: clients will refuse it"));
    }
    return absl::OkStatus();
  }

  [[nodiscard]] bool CoveredByWildcard(const std::string& name) const {
    const size_t dot = name.find('.');
    return dot != std::string::npos && served_.count("*" + name.substr(dot)) != 0;
  }

  absl::Status Pair(std::string cert, std::string key, const std::string& where) {
    for (std::string* const text : {&cert, &key}) {
      if (auto status = Resolve(environment_, text); !status.ok())
        return Wrong(absl::StrCat(where, status.message()));
    }
    auto status = TakePair(cert, key, where);
    base::Cleanse(&key);
    return status;
  }

  absl::Status TakePair(const std::string& cert, const std::string& key, const std::string& where) {
    auto bundle = crypto::ParsePem(cert, now_);
    if (!bundle.ok() || bundle->chain.empty() || !bundle->private_key.empty()) {
      return Plain(absl::StrCat(
          where, "failed to parse cert: ",
          bundle.ok() ? "one or more certificates, no key, in PEM" : bundle.status().message()));
    }
    for (const std::string& warning : bundle->warnings) Warn(warning);
    const std::string id = crypto::CertificateId(kOrg, *bundle->chain.front());
    base::Secret pkcs8;
    if (!key.empty()) {
      std::string both = absl::StrCat(cert, "\n", key);
      auto pair = crypto::ParsePem(both, now_);
      base::Cleanse(&both);
      if (!pair.ok() || pair->private_key.empty()) {
        return Plain(absl::StrCat(where, "failed to parse key: ",
                                  pair.ok() ? "no private key in PEM" : pair.status().message()));
      }
      pkcs8 = std::move(pair->private_key);
    } else if (stored_ == nullptr || !Has(stored_->server_certificate_ids(), id)) {
      return Wrong(absl::StrCat(where,
                                "the key is missing: the stored one, if any, belongs to "
                                "another certificate"));
    }
    if (Has(object_.server_certificate_ids(), id))
      return Plain(absl::StrCat(where, "the certificate stands twice"));
    for (const std::string& name : bundle->chain.front()->dns_sans) served_.insert(name);
    AddCertificate(*bundle, 0, bundle->chain.size(), &out_)->private_key = std::move(pkcs8);
    object_.add_server_certificate_ids(id);
    return absl::OkStatus();
  }

  absl::Status SslClient(const Json& document) {
    if (Get(document, "client") == nullptr) return absl::OkStatus();
    if (Text(document, "type") == "client")
      return Wrong("property \"client\" validation failed: it is for type server");
    std::vector<std::string> ids;
    auto status = Client(*Get(document, "client"), &ids);
    if (status.ok()) AddBundle(ids);  // for strict handshakes
    return status;
  }

  // `ids`: of the authorities.
  absl::Status Client(const Json& client, std::vector<std::string>* ids) {
    if (Get(client, "ca") == nullptr)
      return Wrong("property \"client\" validation failed: property \"ca\" is required");
    const int64_t depth = Integer(client, "depth", 1);
    if (depth < 0)
      return Wrong(
          "property \"client\" validation failed: property \"depth\" validation failed: "
          "expected " +
          std::to_string(depth) + " to be at least 0");
    if (depth == 0)
      return Wrong("client.depth 0 is refused: use 1 and a client.ca that issues to clients alone");
    if (auto status = CheckExempt(client); !status.ok()) return status;
    if (auto status = TakeAuthorities(Text(client, "ca"), ids); !status.ok())
      return Plain(absl::StrCat("failed to validate client_cert: ", status.message()));
    return absl::OkStatus();
  }

  // Each certificate of the text, one by one.
  absl::Status TakeAuthorities(std::string text, std::vector<std::string>* ids) {
    if (auto status = Resolve(environment_, &text); !status.ok()) return status;
    auto bundle = crypto::ParsePem(text);
    if (!bundle.ok()) return bundle.status();
    if (bundle->chain.empty() || !bundle->private_key.empty())
      return Wrong("CA certificates in PEM, and nothing else, are needed");
    for (size_t i = 0; i < bundle->chain.size(); ++i) {
      const crypto::Certificate& one = *bundle->chain[i];
      if (!one.is_ca)
        return Wrong(absl::StrCat("certificate ", i + 1, " (", one.subject, ") is not a CA"));
      if (one.not_after < now_)
        return Wrong(absl::StrCat("CA ", i + 1, " (", one.subject, ") has expired"));
      std::string id = crypto::CertificateId(kOrg, one);
      if (!Has(object_.certificate_ids(), id)) {
        AddCertificate(*bundle, i, 1, &out_);
        object_.add_certificate_ids(id);
      }
      if (std::find(ids->begin(), ids->end(), id) == ids->end()) ids->push_back(std::move(id));
    }
    return absl::OkStatus();
  }

  void AddBundle(const std::vector<std::string>& ids) {
    Converted& made = out_.resources.emplace_back();
    made.resource.set_dialect(std::string(kDialect));
    v1::TrustBundle* const bundle = made.resource.mutable_trust_bundle();
    bundle->set_id(MadeId(collection_, id_));
    bundle->set_org_id(std::string(kOrg));
    for (const std::string& id : ids) bundle->add_certificate_ids(id);
    made.resource.set_id(bundle->id());
    object_.add_resources(absl::StrCat("TrustBundle ", bundle->id()));
  }

  absl::Status Authorities(const Json& tls) {
    std::vector<std::string> texts, ids;
    if (auto status = Texts(tls, "ca_certs", &texts); !status.ok()) return status;
    if (texts.empty()) return absl::OkStatus();
    for (const std::string& text : texts) {
      if (auto status = TakeAuthorities(text, &ids); !status.ok())
        return Plain(absl::StrCat("failed to parse ca_certs: ", status.message()));
    }
    AddBundle(ids);
    return absl::OkStatus();
  }

  // The writer keeps stored hashes where none are given: a consumer without a key gets one that
  // nobody has.
  absl::Status KeyAuth(Json* document, v1::Key* key) {
    Json& plugins = (*document)["plugins"];
    if (Get(plugins, "key-auth") == nullptr) {
      if (stored_ != nullptr && !HadKeyAuth()) return absl::OkStatus();  // it has one already
      key->add_token_sha256(crypto::Sha256(crypto::RandomBytes(32)));
      return absl::OkStatus();
    }
    std::string token = Text(plugins["key-auth"], "key");
    plugins["key-auth"].erase("key");
    if (token.empty()) {
      if (HadKeyAuth()) return absl::OkStatus();
      return Wrong(
          "failed to check the configuration of plugin key-auth err: property \"key\" is required");
    }
    absl::Status status = Resolve(environment_, &token);
    if (!status.ok()) return status;
    const bool id_like =
        token.size() >= 64 && base::IsHex(absl::string_view(token).substr(token.size() - 64));
    if (token.size() < kLeastKey)
      status =
          Wrong(absl::StrCat("key-auth: the key must have at least ", kLeastKey, " characters"));
    else if (id_like)
      status = Wrong("key-auth: the key has the form of a certificate id, which is public");
    key->add_token_sha256(crypto::Sha256(token));
    base::Cleanse(&token);
    return status;
  }

  [[nodiscard]] bool HadKeyAuth() const {
    if (stored_ == nullptr) return false;
    const Json old = Json::parse(stored_->json(), nullptr, false);
    const Json* const plugins = Get(old, "plugins");
    return plugins != nullptr && Get(*plugins, "key-auth") != nullptr;
  }

  absl::Status MtlsAuth(const Json& document, v1::Key* key) {
    const Json* const conf = Get(document["plugins"], "mtls-auth");
    if (conf == nullptr) return absl::OkStatus();
    std::vector<std::string> certs;
    if (auto status = Texts(*conf, "certs", &certs); !status.ok()) return status;
    if (certs.empty())
      return Wrong(
          "failed to check the configuration of plugin mtls-auth err: property \"certs\" is "
          "required");
    for (std::string& text : certs) {
      if (auto status = Resolve(environment_, &text); !status.ok()) return status;
      auto bundle = crypto::ParsePem(text, now_);
      if (!bundle.ok())
        return Plain(absl::StrCat("failed to parse cert: ", bundle.status().message()));
      if (bundle->chain.empty() || !bundle->private_key.empty())
        return Plain(
            "failed to parse cert: the caller's certificate alone is needed, without a key");
      const std::string id = crypto::CertificateId(kOrg, *bundle->chain.front());
      if (Has(object_.certificate_ids(), id)) continue;
      AddCertificate(*bundle, 0, bundle->chain.size(), &out_);
      object_.add_certificate_ids(id);
      key->add_certificate_ids(id);
    }
    return absl::OkStatus();
  }

  const absl::string_view collection_, id_;
  const v1::DialectObject* const stored_;
  const Environment& environment_;
  const absl::Time now_;
  v1::DialectObject& object_;
  Conversion& out_;
  std::set<std::string> served_;  // by the certificates, as they say
};

}  // namespace

absl::Status TakeMaterial(const Collection& collection, absl::string_view id,
                          const v1::DialectObject* stored, int64_t now_unix,
                          const Environment& environment, Json* document, v1::DialectObject* object,
                          Conversion* out) {
  object->set_id(StoredId(collection.name, id));
  object->set_org_id(std::string(kOrg));
  Taker taker(collection.name, id, stored, now_unix, environment, object, out);
  if (collection.name == "ssls") return taker.Ssl(document);
  if (collection.name == "consumers") return taker.Consumer(document);
  if (collection.name == "upstreams") return taker.Upstream(document);
  return taker.Holder(document);
}

}  // namespace sallyport::authsvc::dialects::apisix
