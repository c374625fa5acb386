// The Authentication resource.
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apk/authentication.h"
#include "authsvc/dialects/apk/certificate_source.h"
#include "authsvc/dialects/apk/resource_fields.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

void ReadSwitch(const Fields& object, Mechanism* mechanism) {
  if (object.Has("disabled")) mechanism->on = !object.Flag("disabled");
  mechanism->mandatory = ReadRequired(object);
  if (object.Has("sendTokenToUpstream")) mechanism->send = object.Flag("sendTokenToUpstream");
}

void ReadHeader(const Fields& object, TokenMechanism* token) {
  ReadSwitch(object, token);
  const std::string header = object.Text("header");
  if (!header.empty()) token->header = header;
}

void ReadJwtBlock(const Fields& object, TokenMechanism* token) {
  if (object.node() == nullptr) return;
  object.Check(AuthJwtRules());
  ReadHeader(object, token);
  if (object.Has("audience")) token->audiences = object.Texts("audience");
  if (!token->on.has_value())
    object.Warn("disabled", "is not written, and then jwt is off: write `disabled: false`");
}

// Each place once: a key is in the one or in the other.
void ReadKeyPlaces(const Fields& object, KeyMechanism* key) {
  key->header = key->query = std::string();
  const std::vector<Node>& items = object.List("keys");
  if (items.empty()) object.Refuse("keys", "must name where the key is: in and name");
  for (size_t i = 0; i < items.size(); ++i) {
    const Fields place(&items[i], ItemPath(object.PathOf("keys"), i), object.out());
    place.Check(AuthApiKeyPlaceRules());
    const std::string in = place.Text("in");
    if (in != "Header" && in != "Query") {
      place.Refuse("in", "must be Header or Query");
      continue;
    }
    std::optional<std::string>& name = in == "Header" ? key->header : key->query;
    if (place.Text("name").empty()) place.Refuse("name", "is missing");
    if (!name->empty()) place.Refuse("in", absl::StrCat(in, " stands there twice"));
    name = place.Text("name");
    const bool send = place.Flag("sendTokenToUpstream");
    if (key->send.value_or(send) != send)
      place.Refuse("sendTokenToUpstream", "must be the same wherever the key is looked for");
    key->send = send;
  }
}

void ReadApiKeyBlock(const Fields& object, KeyMechanism* key) {
  if (object.node() == nullptr) return;
  object.Check(AuthApiKeyRules());
  key->on = true;
  key->mandatory = ReadRequired(object);
  ReadKeyPlaces(object, key);
}

std::vector<std::string> CheckedPlaces(const Fields& mtls, absl::string_view name,
                                       absl::string_view kind, const KubeName& owner) {
  const std::vector<Node>& items = mtls.List(name);
  for (size_t i = 0; i < items.size(); ++i)
    Fields(&items[i], ItemPath(mtls.PathOf(name), i), mtls.out()).Check(RefRules());
  return PlacesOf(mtls, name, kind, owner.name_space);
}

// All sources count, where APK takes the first kind alone.
void ReadMtlsBlock(const Fields& mtls, const KubeName& owner, References* references,
                   CertificateMechanism* out) {
  if (mtls.node() == nullptr) return;
  mtls.Check(AuthMtlsRules());
  ReadSwitch(mtls, out);
  if (!out->on.has_value()) out->on = true;
  bool named = mtls.Has("certificatesInline");
  const std::vector<Node>& inline_items = mtls.List("certificatesInline");
  for (size_t i = 0; i < inline_items.size(); ++i) {
    static_cast<void>(RefusePlace(inline_items[i].text,
                                  ItemPath(mtls.PathOf("certificatesInline"), i), inline_items[i],
                                  mtls.out()));
  }
  std::vector<std::string> all = references->TakeList(mtls, "certificatesInline", false);
  for (const auto& [name, kind] :
       {std::pair{"configMapRefs", "configmap"}, {"secretRefs", "secret"}}) {
    named = named || mtls.Has(name);
    for (std::string& place : CheckedPlaces(mtls, name, kind, owner))
      all.push_back(std::move(place));
  }
  if (named) out->certificates = std::move(all);
}

Authentication ReadBlock(const Fields& block, const KubeName& name, References* references) {
  Authentication out;
  if (block.node() == nullptr) return out;
  block.Check(AuthSpecRules());
  if (block.Has("disabled")) out.disabled = block.Flag("disabled");
  const Fields types = block.Object("authTypes");
  types.Check(AuthTypesRules());
  const Fields oauth2 = types.Object("oauth2");
  oauth2.Check(AuthOAuth2Rules());
  ReadHeader(oauth2, &out.oauth2);
  ReadJwtBlock(types.Object("jwt"), &out.jwt);
  ReadApiKeyBlock(types.Object("apiKey"), &out.api_key);
  if (block.Has("mtls") && types.Has("mtls"))
    block.Refuse("mtls", "stands in authTypes as well: write one of them");
  ReadMtlsBlock(types.Has("mtls") ? types.Object("mtls") : block.Object("mtls"), name, references,
                &out.mtls);
  return out;
}

}  // namespace

Authentication ReadAuthenticationSpec(const Fields& spec, const KubeName& name,
                                      References* references) {
  Authentication out = ReadBlock(spec.Object("default"), name, references);
  out.LayOver(ReadBlock(spec.Object("override"), name, references));
  const CertificateMechanism& mtls = out.mtls;
  if (mtls.on.value_or(false) && mtls.certificates.value_or(std::vector<std::string>()).empty())
    spec.out()->Refuse(spec.path(), spec.node(),
                       "invalid mTLS configuration - certificates not provided");
  return out;
}

bool OpensOperations(const Fields& spec) {
  bool disabled = false;
  for (const absl::string_view block : {"default", "override"}) {
    const Fields said = spec.Object(block);
    disabled = said.Flag("disabled", disabled);
    if (said.Has("authTypes") || said.Has("mtls")) disabled = false;
  }
  if (disabled || !spec.out()->ok()) return disabled;
  spec.Refuse("default",
              "authentication of single resources: operations can be `disabled: true`, and say "
              "`secured` and `scopes` instead of all else");
  return false;
}

}  // namespace sallyport::authsvc::dialects::apk
