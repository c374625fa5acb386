#include "authsvc/dialects/apk/authentication.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr absl::string_view kTokenHeader = "Authorization";
constexpr absl::string_view kJwtHeader = "internal-key";
constexpr absl::string_view kApiKeyName = "apikey";

template <typename T>
void Over(const std::optional<T>& over, std::optional<T>* value) {
  if (over.has_value()) *value = over;
}

void OverMechanism(const Mechanism& over, Mechanism* mechanism) {
  Over(over.on, &mechanism->on);
  Over(over.mandatory, &mechanism->mandatory);
  Over(over.send, &mechanism->send);
}

void OverToken(const TokenMechanism& over, TokenMechanism* token) {
  OverMechanism(over, token);
  Over(over.header, &token->header);
  Over(over.audiences, &token->audiences);
}

v1::Requirement RequirementOf(bool mandatory) {
  return mandatory ? v1::REQUIREMENT_MANDATORY : v1::REQUIREMENT_OPTIONAL;
}

bool SameHeader(absl::string_view a, absl::string_view b) { return absl::EqualsIgnoreCase(a, b); }

// One set of mechanisms on its way into an API.
class Putting {
 public:
  Putting(const Authentication& authentication, const Fields& where, absl::string_view name,
          v1::Api* api)
      : said_(authentication), where_(where), name_(name), api_(*api) {
    const bool all = !said_.disabled.value_or(false);
    oauth2_ = all && said_.oauth2.on.value_or(true);
    jwt_ = all && said_.jwt.on.value_or(false);
    api_key_ = all && said_.api_key.on.value_or(false);
    mtls_ = all && said_.mtls.on.value_or(false);
  }

  void Run() {
    if (mtls_) PutCertificates();
    if (oauth2_) PutToken(said_.oauth2, kTokenHeader);
    if (jwt_) PutToken(said_.jwt, kJwtHeader);
    if (api_key_) PutKey();
    api_.set_keyless(!oauth2_ && !jwt_ && !api_key_);
    if (api_.keyless() && !mtls_) {
      where_.Warn(name_, "every way to authenticate is off: anybody may call this API");
    }
    CheckPlaces();
  }

 private:
  void PutCertificates() {
    const auto& certificates = said_.mtls.certificates;
    if (!certificates.has_value() || certificates->empty()) {
      where_.Refuse(name_, "invalid mTLS configuration - certificates not provided");
      return;
    }
    bool mandatory = said_.mtls.mandatory.value_or(true);
    if (!mandatory && !oauth2_ && !jwt_ && !api_key_) {
      where_.Warn(name_, "mTLS is optional and nothing else is on: a certificate is asked for");
      mandatory = true;
    }
    v1::ClientTls* tls = api_.mutable_client_tls();
    tls->set_static_mtls(RequirementOf(mandatory));
    for (const std::string& reference : *certificates) {
      v1::AllowlistEntry* entry = tls->add_allowlist();
      entry->set_certificate_id(reference);
      entry->set_exact(true);  // APK compares bytes
    }
  }

  void PutToken(const TokenMechanism& token, absl::string_view usual_header) {
    const std::string header = token.header.value_or(std::string(usual_header));
    if (header.empty()) {
      where_.Refuse(name_, "a token is on and there is no place for it: its header is off");
      return;
    }
    v1::JwtAuth* jwt = api_.add_jwts();
    jwt->set_requirement(RequirementOf(token.mandatory.value_or(true)));
    if (!SameHeader(header, kTokenHeader)) jwt->set_header_name(header);
    jwt->set_strip(!token.send.value_or(false));
    if (token.audiences.has_value())
      jwt->mutable_audiences()->Add(token.audiences->begin(), token.audiences->end());
  }

  void PutKey() {
    const KeyMechanism& key = said_.api_key;
    const std::string header = key.header.value_or(std::string(kApiKeyName));
    const std::string query = key.query.value_or(std::string(kApiKeyName));
    if (header.empty() && query.empty()) {
      where_.Refuse(name_, "an API key is on and there is no place for it");
      return;
    }
    v1::TokenAuth* token = api_.mutable_token();
    token->set_enabled(true);
    token->set_header_name(header);
    token->set_disable_header(header.empty());
    token->set_use_query(!query.empty());
    token->set_query_name(query);
    token->set_strip(!key.send.value_or(false));
    // The only one that is on is never optional.
    const bool others = oauth2_ || jwt_ || mtls_;
    token->set_optional(others && !key.mandatory.value_or(false));
  }

  // One credential in one place.
  void CheckPlaces() const {
    std::vector<std::string> headers;
    for (const v1::JwtAuth& jwt : api_.jwts()) {
      headers.push_back(jwt.header_name().empty() ? std::string(kTokenHeader) : jwt.header_name());
    }
    if (api_.token().enabled() && !api_.token().disable_header())
      headers.push_back(api_.token().header_name());
    for (size_t i = 0; i < headers.size(); ++i) {
      for (size_t k = i + 1; k < headers.size(); ++k) {
        if (SameHeader(headers[i], headers[k]))
          where_.Refuse(name_, absl::StrCat("two credentials in header `", headers[i],
                                            "`: each needs a header of its own"));
      }
    }
  }

  const Authentication& said_;
  const Fields& where_;
  const absl::string_view name_;
  v1::Api& api_;
  bool oauth2_ = false;
  bool jwt_ = false;
  bool api_key_ = false;
  bool mtls_ = false;
};

}  // namespace

bool IsDataKey(absl::string_view key) {
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (!absl::ascii_isalnum(byte) && c != '-' && c != '_' && c != '.') return false;
  }
  return !key.empty() && key.size() <= 253;
}

void Authentication::LayOver(const Authentication& over) {
  Over(over.disabled, &disabled);
  OverToken(over.oauth2, &oauth2);
  OverToken(over.jwt, &jwt);
  OverMechanism(over.api_key, &api_key);
  Over(over.api_key.header, &api_key.header);
  Over(over.api_key.query, &api_key.query);
  OverMechanism(over.mtls, &mtls);
  Over(over.mtls.certificates, &mtls.certificates);
}

std::optional<bool> ReadRequired(const Fields& object) {
  const std::string text = object.Text("required");
  if (text.empty()) return std::nullopt;
  if (text != "mandatory" && text != "optional")
    object.Refuse("required", "must be mandatory or optional");
  return text != "optional";
}

std::string PlaceOf(const Node& reference, const std::string& path, absl::string_view kind,
                    absl::string_view name_space, Conversion* out) {
  const Fields object(&reference, path, out);
  if (object.node() == nullptr) {
    if (reference.type == Node::Type::kNull) out->Refuse(path, &reference, "must name an object");
    return "";
  }
  const std::string name = object.Text("name");
  const std::string key = object.Text("key");
  const bool named = IsKubeName(name);
  if (!named) {
    object.Refuse("name",
                  name.empty() ? "is missing" : "must be lower-case letters, digits, '-' and '.'");
  }
  if (!IsDataKey(key)) {
    object.Refuse("key", key.empty() ? "is missing: it names a certificate in the data"
                                     : "must be letters, digits, '-', '_' and '.'");
    return "";
  }
  return named ? absl::StrCat("name:", kind, "/", name_space, "/", name, "/", key) : "";
}

std::vector<std::string> PlacesOf(const Fields& object, absl::string_view name,
                                  absl::string_view kind, absl::string_view name_space) {
  std::vector<std::string> places;
  const std::vector<Node>& items = object.List(name);
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string path = ItemPath(object.PathOf(name), i);
    std::string place = PlaceOf(items[i], path, kind, name_space, object.out());
    if (!place.empty()) places.push_back(std::move(place));
  }
  return places;
}

void PutAuthentication(const Authentication& authentication, const Fields& where,
                       absl::string_view name, v1::Api* api) {
  Putting(authentication, where, name, api).Run();
}

}  // namespace sallyport::authsvc::dialects::apk
