#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/tyk_jwt.h"
#include "authsvc/dialects/tyk_oas.h"
#include "authsvc/dialects/tyk_oas_fields.h"

namespace sallyport::authsvc::dialects {
namespace {

enum class SchemeType : uint8_t { kToken, kJwt, kBasic, kOAuth, kUnknown };

// What the OpenAPI part says a scheme is.
SchemeType DeclaredType(const Node* declared) {
  const absl::string_view type = declared->Text("type");
  if (type == "apiKey") return SchemeType::kToken;
  if (type == "oauth2" || type == "openIdConnect") return SchemeType::kOAuth;
  if (type == "http") {
    return absl::EqualsIgnoreCase(declared->Text("scheme"), "basic") ? SchemeType::kBasic
                                                                     : SchemeType::kJwt;
  }
  return SchemeType::kUnknown;
}

// Without a declaration: by fields that other schemes alone have.
SchemeType GuessedType(const Node& scheme) {
  for (const absl::string_view name :
       {"source", "signingMethod", "identityBaseField", "jwksURIs", "subjectClaims"}) {
    if (scheme.Find(name) != nullptr) return SchemeType::kJwt;
  }
  for (const absl::string_view name : {"disableCaching", "extractCredentialsFromBody"}) {
    if (scheme.Find(name) != nullptr) return SchemeType::kBasic;
  }
  for (const absl::string_view name : {"allowedAuthorizeTypes", "providers", "refreshToken"}) {
    if (scheme.Find(name) != nullptr) return SchemeType::kOAuth;
  }
  return SchemeType::kToken;
}

const Node* DeclaredScheme(const Node& document, absl::string_view name) {
  const Node* components = document.Find("components");
  const Node* schemes = components == nullptr ? nullptr : components->Find("securitySchemes");
  return schemes == nullptr ? nullptr : schemes->Find(name);
}

absl::string_view WhyNoScheme(SchemeType scheme) {
  switch (scheme) {
    case SchemeType::kToken: return "";
    case SchemeType::kJwt: return "is a second JWT scheme: one can be asked for";
    case SchemeType::kBasic: return "is a second basic scheme: one can be asked for";
    case SchemeType::kOAuth: return "OAuth 2 does not exist here";
    case SchemeType::kUnknown: break;
  }
  return "is declared with a type that does not exist here: apiKey";
}

struct TokenPlace {
  bool on = false;
  std::string name;
};
TokenPlace TokenPlaceOf(const Fields& token, absl::string_view name) {
  const Fields source = token.Object(name);
  source.Check(OasSourceRules());
  if (source.node() == nullptr) return {};
  return {IsOn(source), source.Text("name")};
}

// Where the token is: as the extension says, else as the declaration does.
void ReadTokenPlaces(const Fields& token, const Node* declared, v1::TokenAuth* out) {
  TokenPlace header = TokenPlaceOf(token, "header");
  TokenPlace query = TokenPlaceOf(token, "query");
  TokenPlace cookie = TokenPlaceOf(token, "cookie");
  if (declared != nullptr) {
    const absl::string_view in = declared->Text("in");
    const std::string name(declared->Text("name"));
    TokenPlace* place = in == "header"   ? &header
                        : in == "query"  ? &query
                        : in == "cookie" ? &cookie
                                         : nullptr;
    if (place != nullptr && !token.Has(in)) *place = {true, name};
    if (place != nullptr && place->name.empty()) place->name = name;
  }
  const bool nowhere = declared == nullptr || declared->Text("type") == "http";
  if (!header.on && !query.on && !cookie.on && nowhere && !token.Has("header")) header.on = true;
  out->set_disable_header(!header.on);
  out->set_header_name(header.name);
  out->set_use_query(query.on);
  out->set_query_name(query.name);
  out->set_use_cookie(cookie.on);
  out->set_cookie_name(cookie.name);
  if (!header.on && !query.on && !cookie.on)
    token.Refuse("header", "is off, and no other place for the token is on");
}

struct FoundSchemes {
  int on = 0;  // auth tokens
  bool jwt = false;
  bool basic = false;
  bool client_certificate = false;
};

void OasBasic(const Fields& scheme, v1::Api* api) {
  scheme.Check(OasBasicRules());
  const TokenPlace header = TokenPlaceOf(scheme, "header");
  const bool elsewhere = (header.on && !header.name.empty() &&
                          !absl::EqualsIgnoreCase(header.name, "Authorization")) ||
                         (scheme.Has("header") && !header.on) || TokenPlaceOf(scheme, "query").on ||
                         TokenPlaceOf(scheme, "cookie").on;
  if (elsewhere)
    scheme.Refuse("header",
                  "user name and password are looked for in the header Authorization alone");
  api->mutable_basic()->set_requirement(v1::REQUIREMENT_MANDATORY);
}

FoundSchemes ReadSchemes(const Node& document, const Fields& authentication, bool counts,
                         References* references, v1::Api* api) {
  FoundSchemes found;
  const Fields schemes = authentication.Object("securitySchemes");
  if (schemes.node() == nullptr) return found;
  for (const auto& [name, value] : schemes.node()->members) {
    const Fields scheme = schemes.Object(name);
    if (scheme.node() == nullptr || !IsOn(scheme)) continue;
    const Node* declared = DeclaredScheme(document, name);
    const SchemeType kind = declared == nullptr ? GuessedType(value) : DeclaredType(declared);
    if (kind == SchemeType::kJwt && !found.jwt) {
      found.jwt = true;
      if (!counts) continue;
      v1::TokenAuth places;
      ReadTokenPlaces(scheme, declared, &places);
      OasJwt(scheme, places, references, api);
      continue;
    }
    if (kind == SchemeType::kBasic && !found.basic) {
      found.basic = true;
      if (counts) OasBasic(scheme, api);
      continue;
    }
    if (kind != SchemeType::kToken) {
      if (counts) schemes.Refuse(name, WhyNoScheme(kind));
      continue;
    }
    scheme.Check(OasTokenRules());
    if (++found.on > 1 && counts) {
      schemes.Refuse(name, "is a second auth token: one can be asked for");
      continue;
    }
    ReadTokenPlaces(scheme, declared, api->mutable_token());
    found.client_certificate = scheme.Flag("enableClientCertificate");
  }
  return found;
}

// ReadSchemes that the OpenAPI part asks for and the extension does not enable.
void CheckAskedFor(const Node& document, const Fields& authentication, bool on, Conversion* out) {
  const Node* security = document.Find("security");
  if (security == nullptr || !security->IsArray()) return;
  for (size_t i = 0; i < security->items.size(); ++i) {
    for (const auto& [name, value] : security->items[i].members) {
      if (!on) {
        return out->Warn("security", security,
                         "authentication is off: calls need none of what is asked for here");
      }
      const Fields scheme = authentication.Object("securitySchemes").Object(name);
      if (scheme.node() != nullptr && scheme.Flag("enabled")) continue;
      out->Refuse(JoinPath(ItemPath("security", i), name), &value,
                  absl::StrCat("is asked for, but ", authentication.path(),
                               ".securitySchemes does not enable it"));
    }
  }
}

void CheckOasModes(const Fields& authentication, const FoundSchemes& found) {
  const std::string identity = authentication.Text("baseIdentityProvider");
  if (!identity.empty() && identity != "auth_token" && !(found.jwt && identity == "jwt_claim") &&
      !(found.basic && identity == "basic_auth_user")) {
    authentication.Refuse("baseIdentityProvider",
                          absl::StrCat("\"", identity,
                                       "\" is not on: auth_token, jwt_claim, basic_auth_user or "
                                       "empty"));
  }
  const std::string mode = authentication.Text("securityProcessingMode");
  if (!mode.empty() && mode != "legacy")
    authentication.Refuse("securityProcessingMode",
                          "must be legacy: combinations do not exist here");
}

}  // namespace

bool IsOn(const Fields& object) {
  if (object.node() == nullptr) return false;
  if (!object.Has("enabled")) object.Refuse("enabled", "is missing: say true or false");
  return object.Flag("enabled");
}

void OasAuthentication(const Node& document, const Fields& server, References* references,
                       v1::Api* api) {
  const Fields authentication = server.Object("authentication");
  authentication.Check(OasAuthenticationRules());
  const bool on = IsOn(authentication);
  CheckAskedFor(document, authentication, on, server.out());
  if (authentication.node() == nullptr) {
    api->set_keyless(true);
    return;
  }
  const FoundSchemes found = ReadSchemes(document, authentication, on, references, api);
  CheckOasModes(authentication, found);
  const Fields certificate = authentication.Object("certificateAuth");
  certificate.Check(OasSwitchRules());
  // The object wins over the older switch, also when it is off.
  const bool dynamic = certificate.node() != nullptr ? IsOn(certificate) : found.client_certificate;
  if (!on) {
    if (dynamic) {
      authentication.Refuse(
          "enabled",
          "is false and would switch off the client certificate, which is on: switch "
          "one of them off");
    }
    if (found.on > 0 || found.jwt || found.basic)
      authentication.Warn("enabled", "is false: no token is asked for");
    api->clear_token();
    api->set_keyless(true);
    return;
  }
  if (found.on == 0 && !found.jwt && !found.basic && !dynamic) {
    authentication.Refuse("enabled",
                          "is true, but no security scheme is on: nothing could be asked for "
                          "(false: the certificates of server.clientCertificates alone)");
  }
  api->mutable_client_tls()->set_dynamic_mtls(dynamic);
  // With a certificate as credential a token is not looked at (reference tyk.md §3.1).
  api->mutable_token()->set_enabled(!dynamic && found.on > 0);
  api->mutable_token()->set_strip(authentication.Flag("stripAuthorizationData"));
  if (found.basic) api->mutable_basic()->set_strip(authentication.Flag("stripAuthorizationData"));
  for (v1::JwtAuth& jwt : *api->mutable_jwts())
    jwt.set_strip(authentication.Flag("stripAuthorizationData"));
}

}  // namespace sallyport::authsvc::dialects
