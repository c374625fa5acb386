#include "authsvc/snapshot/resource.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/events/credential_headers.h"
#include "authsvc/snapshot/kept_document.h"
#include "shared/base/text.h"

namespace sallyport::authsvc {
namespace {

constexpr absl::string_view kSecretName = "secret/";
constexpr absl::string_view kConfigMapName = "configmap/";

const std::string& Nothing() {
  static const std::string* const empty = new std::string;
  return *empty;
}

}  // namespace

std::optional<Kind> KindOf(const v1::Resource& resource) {
  switch (resource.body_case()) {
    case v1::Resource::kCertificate: return Kind::kCertificate;
    case v1::Resource::kApi: return Kind::kApi;
    case v1::Resource::kKey: return Kind::kKey;
    case v1::Resource::kPolicy: return Kind::kPolicy;
    case v1::Resource::kSettings: return Kind::kSettings;
    case v1::Resource::kListener: return Kind::kListener;
    case v1::Resource::kTrustBundle: return Kind::kTrustBundle;
    case v1::Resource::kTokenIssuer: return Kind::kTokenIssuer;
    case v1::Resource::kSecret: return Kind::kSecret;
    case v1::Resource::kConfigMap: return Kind::kConfigMap;
    case v1::Resource::kDialectObject: return Kind::kDialectObject;
    case v1::Resource::BODY_NOT_SET: break;
  }
  return std::nullopt;
}

const std::string& BodyId(const v1::Resource& resource) {
  switch (resource.body_case()) {
    case v1::Resource::kCertificate: return resource.certificate().id();
    case v1::Resource::kApi: return resource.api().id();
    case v1::Resource::kKey: return resource.key().id();
    case v1::Resource::kPolicy: return resource.policy().id();
    case v1::Resource::kSettings: return resource.settings().id();
    case v1::Resource::kListener: return resource.listener().id();
    case v1::Resource::kTrustBundle: return resource.trust_bundle().id();
    case v1::Resource::kSecret: return resource.secret().id();
    case v1::Resource::kConfigMap: return resource.config_map().id();
    case v1::Resource::kTokenIssuer: return resource.token_issuer().id();
    case v1::Resource::kDialectObject: return resource.dialect_object().id();
    case v1::Resource::BODY_NOT_SET: break;
  }
  return Nothing();
}

const std::string& BodyOrg(const v1::Resource& resource) {
  switch (resource.body_case()) {
    case v1::Resource::kCertificate: return resource.certificate().org_id();
    case v1::Resource::kApi: return resource.api().org_id();
    case v1::Resource::kKey: return resource.key().org_id();
    case v1::Resource::kPolicy: return resource.policy().org_id();
    case v1::Resource::kTrustBundle: return resource.trust_bundle().org_id();
    case v1::Resource::kSecret: return resource.secret().org_id();
    case v1::Resource::kConfigMap: return resource.config_map().org_id();
    case v1::Resource::kTokenIssuer: return resource.token_issuer().org_id();
    case v1::Resource::kDialectObject: return resource.dialect_object().org_id();
    default: return Nothing();
  }
}

void RemoveSecrets(v1::Resource* resource) {
  if (resource->has_certificate()) resource->mutable_certificate()->clear_private_key();
  if (resource->has_key()) {
    v1::Key* const key = resource->mutable_key();
    key->clear_token_sha256();
    if (key->has_basic_login()) key->mutable_basic_login()->clear_sealed_hash();
  }
  if (resource->has_token_issuer()) resource->mutable_token_issuer()->clear_shared_secrets();
  if (resource->has_secret()) {
    for (auto& [name, sealed] : *resource->mutable_secret()->mutable_sealed_data()) sealed.Clear();
  }
  if (resource->has_api() && !resource->document().empty())
    HideCredentialHeaders(resource->mutable_document());
  if (resource->has_api()) HideCredentialHeaders(resource->mutable_api());
  if (resource->has_api() && resource->api().has_upstream()) {
    v1::Upstream* const upstream = resource->mutable_api()->mutable_upstream();
    if (upstream->has_forward_proxy()) upstream->mutable_forward_proxy()->clear_sealed_password();
    if (upstream->has_credential()) upstream->mutable_credential()->clear_sealed_value();
  }
}

std::string SerializeDeterministic(const v1::Resource& resource) {
  std::string bytes;
  bytes.reserve(resource.ByteSizeLong());
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  resource.SerializeWithCachedSizes(&out);
  out.Trim();
  return bytes;
}

std::optional<absl::string_view> StableName(absl::string_view reference) {
  if (absl::ConsumePrefix(&reference, kNamePrefix)) return reference;
  return std::nullopt;
}

bool SplitDataName(absl::string_view name, DataName* out) {
  if (absl::ConsumePrefix(&name, kSecretName))
    out->kind = Kind::kSecret;
  else if (absl::ConsumePrefix(&name, kConfigMapName))
    out->kind = Kind::kConfigMap;
  else
    return false;
  const size_t border = name.rfind('/');
  if (border == absl::string_view::npos) return false;
  out->id = name.substr(0, border);
  out->key = name.substr(border + 1);
  return true;
}

std::string DataReference(Kind kind, absl::string_view id, absl::string_view key) {
  return absl::StrCat(kNamePrefix, kind == Kind::kSecret ? kSecretName : kConfigMapName, id, "/",
                      key);
}

std::string ReferenceText(absl::string_view reference) {
  const auto name = StableName(reference);
  DataName parts;
  if (!name || !SplitDataName(*name, &parts)) return std::string(reference);
  return absl::StrCat(KindName(parts.kind), " ", parts.id, " (", parts.key, ")");
}

bool SplitCertificateId(absl::string_view id, absl::string_view* org, std::string* digest) {
  constexpr size_t kHex = 64;
  if (id.size() < kHex) return false;
  const absl::string_view hex = id.substr(id.size() - kHex);
  for (const char c : hex) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  auto raw = base::FromHex(hex);
  if (!raw.ok()) return false;
  *org = id.substr(0, id.size() - kHex);
  *digest = *std::move(raw);
  return true;
}

}  // namespace sallyport::authsvc
