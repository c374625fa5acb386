#include "authsvc/dialects/tyk_upstream_auth.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "authsvc/change/secret_names.h"
#include "authsvc/dialects/tyk_oas_fields.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr char kNoUpstreamOAuth[] = "tokens for upstreams are not fetched here";

constexpr FieldRule kClassicUpstreamAuth[] = {
    {"enabled", Use::kUsed},
    {"basic_auth", Use::kUsed},
    {"oauth", Use::kRefused, kNoUpstreamOAuth},
    {"request_signing", Use::kRefused, "signing of upstream requests does not exist here"},
};
constexpr FieldRule kOasUpstreamAuth[] = {
    {"enabled", Use::kUsed},
    {"basicAuth", Use::kUsed},
    {"oauth", Use::kRefused, kNoUpstreamOAuth},
    {"requestSigning", Use::kRefused, "signing of upstream requests does not exist here"},
};
constexpr FieldRule kUpstreamLogin[] = {
    {"enabled", Use::kUsed},
    {"username", Use::kUsed},
    {"password", Use::kUsed},
    {"header", Use::kUsed},
};

void ReadUpstreamLogin(const Fields& auth, absl::string_view name, v1::Api* api,
                       Converted* converted) {
  const Fields login = auth.Object(name);
  login.Check(UpstreamLoginRules());
  if (!auth.Flag("enabled")) return;
  if (!login.Flag("enabled"))
    return auth.Refuse("enabled", absl::StrCat("is true, but ", name,
                                               " is not on, and nothing else "
                                               "than user name and password exists here"));
  const Fields header = login.Object("header");
  header.Check(OasSourceRules());
  const std::string chosen = header.Flag("enabled") ? header.Text("name") : std::string();
  api->mutable_upstream()->mutable_credential()->set_header(chosen.empty() ? "Authorization"
                                                                           : chosen);
  const std::string user = login.Text("username");
  std::string password = login.Text("password");
  if (user.empty() || user.find(':') != std::string::npos)
    login.Refuse("username", "must be there and have no colon");
  if (password.empty()) {
    return login.Warn("password",
                      "is left out: the stored one stays, and the user name that came with it");
  }
  std::string both = absl::StrCat(user, ":", password);
  std::string value = absl::StrCat("Basic ", absl::Base64Escape(both));
  base::Cleanse(&both);
  base::Cleanse(&password);
  converted->secret_data[std::string(kUpstreamCredential)] = base::Secret(std::move(value));
}

}  // namespace

void ClassicUpstreamAuth(const Fields& auth, v1::Api* api, Converted* converted) {
  auth.Check(ClassicUpstreamAuthRules());
  ReadUpstreamLogin(auth, "basic_auth", api, converted);
}

void OasUpstreamAuth(const Fields& auth, v1::Api* api, Converted* converted) {
  auth.Check(OasUpstreamAuthRules());
  ReadUpstreamLogin(auth, "basicAuth", api, converted);
}

ObjectRules ClassicUpstreamAuthRules() { return {kClassicUpstreamAuth, true}; }
ObjectRules OasUpstreamAuthRules() { return {kOasUpstreamAuth, true}; }
ObjectRules UpstreamLoginRules() { return {kUpstreamLogin, true}; }

}  // namespace sallyport::authsvc::dialects
