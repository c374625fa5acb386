// `authentication` of apk-conf.
#include <set>

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apk/authentication.h"
#include "authsvc/dialects/apk/conf_fields.h"
#include "authsvc/dialects/suggest.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr absl::string_view kMechanismNames[] = {"OAuth2", "JWT", "APIKey", "mTLS"};

// Of every entry.
void ReadMechanism(const Fields& entry, Mechanism* mechanism) {
  mechanism->on = entry.Flag("enabled", true);
  mechanism->mandatory = ReadRequired(entry);
  if (entry.Has("sendTokenToUpstream")) mechanism->send = entry.Flag("sendTokenToUpstream");
}

// A name, or "" where the place is switched off; nothing said: the usual one.
std::optional<std::string> PlaceName(const Fields& entry, absl::string_view name,
                                     absl::string_view enable) {
  if (!entry.Flag(enable, true)) return std::string();
  std::string text = entry.Text(name);
  if (text.empty()) return std::nullopt;
  return text;
}

void ReadToken(const Fields& entry, TokenMechanism* token) {
  ReadMechanism(entry, token);
  token->header = PlaceName(entry, "headerName", "headerEnable");
  if (entry.Has("audience")) token->audiences = entry.Texts("audience");
}

void ReadKey(const Fields& entry, KeyMechanism* key) {
  ReadMechanism(entry, key);
  key->header = PlaceName(entry, "headerName", "headerEnable");
  key->query = PlaceName(entry, "queryParamName", "queryParamEnable");
}

void ReadCertificates(const Fields& entry, const KubeName& api, CertificateMechanism* mtls) {
  ReadMechanism(entry, mtls);
  for (size_t i = 0; i < entry.List("certificates").size(); ++i) {
    Fields(&entry.List("certificates")[i], ItemPath(entry.PathOf("certificates"), i), entry.out())
        .Check(CertificateRefRules());
  }
  mtls->certificates = PlacesOf(entry, "certificates", "configmap", api.name_space);
}

void ReadEntry(const Fields& entry, const std::string& type, const KubeName& api,
               Authentication* out) {
  if (type == "OAuth2") {
    entry.Check(OAuth2Rules());
    ReadToken(entry, &out->oauth2);
  } else if (type == "JWT") {
    entry.Check(JwtRules());
    ReadToken(entry, &out->jwt);
  } else if (type == "APIKey") {
    entry.Check(ApiKeyRules());
    ReadKey(entry, &out->api_key);
  } else if (type == "mTLS") {
    entry.Check(MtlsRules());
    ReadCertificates(entry, api, &out->mtls);
  } else {
    entry.Refuse("authType", absl::StrCat("must be OAuth2, JWT, APIKey or mTLS",
                                          DidYouMean(type, kMechanismNames)));
  }
}

}  // namespace

Authentication ReadConfAuthentication(const Fields& conf, const KubeName& api) {
  Authentication out;
  std::set<std::string> seen;
  const std::vector<Node>& items = conf.List("authentication");
  for (size_t i = 0; i < items.size(); ++i) {
    const Fields entry(&items[i], ItemPath(conf.PathOf("authentication"), i), conf.out());
    if (entry.node() == nullptr) {
      if (items[i].type == Node::Type::kNull)
        conf.Refuse("authentication", "has an entry without authType");
      continue;
    }
    const std::string type = entry.Text("authType");
    if (!seen.insert(type).second) {
      entry.Refuse("authType", absl::StrCat("\"", type, "\" stands there twice"));
      continue;
    }
    ReadEntry(entry, type, api, &out);
  }
  return out;
}

}  // namespace sallyport::authsvc::dialects::apk
