#include "authsvc/dialects/stored.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/change/secret_names.h"
#include "authsvc/dialects/apply.h"
#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/native.h"
#include "authsvc/dialects/proto_fill.h"
#include "authsvc/dialects/reader.h"
#include "shared/base/text.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kStoredKind = "Stored";
constexpr size_t kHashBytes = 32;
constexpr FieldRule kStoredFields[] = {
    {"apiVersion", Use::kUsed},
    {"kind", Use::kUsed},
    {"dialect", Use::kUsed},
    {"set", Use::kUsed},
    {"document", Use::kUsed},
    {"resource", Use::kUsed},
    {"secrets", Use::kUsed},
    {"sealed", Use::kRefused,
     "its secrets are sealed: `sallyctl apply -f` opens an export with --open-with"}};

// Where each secret goes; refused: it has no place in a resource of this kind.
class SecretPlacer {
 public:
  SecretPlacer(const Fields& fields, Converted* converted)
      : fields_(fields), converted_(converted) {}

  void Place(const Node& secrets) {
    for (const auto& [name, value] : secrets.members) {
      std::string bytes;
      if (!value.IsString() || !absl::Base64Unescape(value.text, &bytes)) {
        fields_.Refuse("secrets", absl::StrCat(name, " must be Base64"));
        continue;
      }
      if (!Put(name, base::Secret(std::move(bytes))))
        fields_.Refuse("secrets", absl::StrCat(name, " is no secret of this resource"));
    }
  }

 private:
  bool Put(absl::string_view name, base::Secret secret) {
    v1::Resource* const resource = &converted_->resource;
    if (resource->has_certificate() && name == kPrivateKey) {
      converted_->private_key = std::move(secret);
    } else if (resource->has_key() && name == kTokenHashes) {
      return PutHashes(secret.Reveal(), resource->mutable_key());
    } else if (resource->has_api() && name == kProxyPassword) {
      converted_->proxy_password = std::move(secret);
    } else if (resource->has_token_issuer() && absl::StartsWith(name, kSharedSecrets)) {
      converted_->shared_secrets.push_back(std::move(secret));
    } else if (resource->has_secret() && absl::ConsumePrefix(&name, kSecretData)) {
      resource->mutable_secret()->mutable_sealed_data()->erase(std::string(name));
      converted_->secret_data[std::string(name)] = std::move(secret);
    } else if ((resource->has_key() && name == kLoginHash) ||
               (resource->has_api() &&
                (name == kUpstreamCredential || absl::StartsWith(name, kHandlerHeader)))) {
      converted_->secret_data[std::string(name)] = std::move(secret);
    } else {
      return false;
    }
    return true;
  }

  static bool PutHashes(absl::string_view hashes, v1::Key* key) {
    if (hashes.empty() || hashes.size() % kHashBytes != 0) return false;
    for (size_t at = 0; at < hashes.size(); at += kHashBytes)
      key->add_token_sha256(std::string(hashes.substr(at, kHashBytes)));
    return true;
  }

  const Fields& fields_;
  Converted* converted_;
};

std::string IdOfBody(const v1::Resource& resource) {
  const auto* const descriptor = resource.GetDescriptor();
  const auto* const reflection = resource.GetReflection();
  const auto* const field =
      reflection->GetOneofFieldDescriptor(resource, descriptor->FindOneofByName("body"));
  if (field == nullptr) return "";
  const google::protobuf::Message& body = reflection->GetMessage(resource, field);
  return body.GetReflection()->GetString(body, body.GetDescriptor()->FindFieldByName("id"));
}

// What reads it again later says no more why it could not.
void CheckObject(const Fields& fields, const v1::DialectObject& object) {
  const auto json = ReadJson(object.json());
  if (!json.ok() || !json->IsObject())
    fields.Refuse("resource", "json of a DialectObject must be a JSON object");
}

void FillStored(const Fields& fields, Conversion* out, Converted* converted) {
  v1::Resource* const resource = &converted->resource;
  const Node* const given = fields.Get("resource");
  if (given == nullptr || !given->IsObject() || given->members.size() != 1)
    return fields.Refuse("resource", "must be an object with one member, named as its kind is");
  FillMessage(
      *given, "resource",
      {{},
       std::initializer_list<absl::string_view>{"id", "revision", "dialect", "set", "document"}},
      resource, out);
  if (KindOf(*resource).empty()) {
    if (out->ok()) fields.Refuse("resource", "has no body");
    return;
  }
  if (resource->has_dialect_object()) CheckObject(fields, resource->dialect_object());
  resource->set_id(IdOfBody(*resource));
  resource->set_dialect(fields.Text("dialect"));
  resource->set_set(fields.Text("set"));
  resource->set_document(fields.Text("document"));
  if (const Node* const secrets = fields.Get("secrets"); secrets != nullptr) {
    if (!secrets->IsObject()) return fields.Refuse("secrets", "must be an object");
    SecretPlacer(fields, converted).Place(*secrets);
  }
}

}  // namespace

bool IsStored(const Node& document) {
  return IsNative(document) && document.Text("kind") == kStoredKind;
}

Conversion ConvertStored(const Node& document, const ConvertOptions& /*options*/) {
  Conversion out;
  Converted converted;
  const Fields fields(&document, "", &out);
  fields.Check({kStoredFields, true});
  if (!IsStored(document)) fields.Refuse("kind", "must be Stored");
  FillStored(fields, &out, &converted);
  if (!KindOf(converted.resource).empty()) out.resources.push_back(std::move(converted));
  return out;
}

absl::StatusOr<std::string> StoredJson(const v1::Resource& resource, absl::string_view member,
                                       absl::string_view secrets) {
  v1::Resource body = resource;
  for (const char* name : {"id", "revision", "dialect", "set", "document"})
    body.GetReflection()->ClearField(&body, body.GetDescriptor()->FindFieldByName(name));
  if (KindOf(body).empty()) return absl::NotFoundError("a resource without body");
  if (body.has_certificate()) body.mutable_certificate()->clear_summary();
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(body, &json).ok())
    return absl::DataLossError("a stored resource is damaged");
  std::string out = absl::StrCat("{\"apiVersion\":\"sallyport/v1\",\"kind\":\"", kStoredKind,
                                 "\",\"dialect\":", base::JsonQuote(resource.dialect()));
  if (!resource.set().empty()) absl::StrAppend(&out, ",\"set\":", base::JsonQuote(resource.set()));
  absl::StrAppend(&out, ",\"resource\":", json);
  if (!resource.document().empty())
    absl::StrAppend(&out, ",\"document\":", base::JsonQuote(resource.document()));
  if (!secrets.empty()) absl::StrAppend(&out, ",\"", member, "\":", secrets);
  out.push_back('}');
  return out;
}

}  // namespace sallyport::authsvc::dialects
