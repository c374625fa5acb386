#include "authsvc/dialects/native.h"

#include <google/protobuf/util/json_util.h>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/change/secret_names.h"
#include "authsvc/dialects/apply.h"
#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/kube_documents.h"
#include "authsvc/dialects/proto_fill.h"
#include "authsvc/dialects/references.h"
#include "authsvc/dialects/suggest.h"
#include "authsvc/events/credential_headers.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/pem.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kApiVersion = "sallyport/v1";
constexpr absl::string_view kApisixObject = "ApisixObject";  // of `get`
constexpr absl::string_view kKinds[] = {
    "Certificate",     "Api",      "Key",         "Policy",
    "GatewaySettings", "Listener", "TrustBundle", "TokenIssuer"};
constexpr size_t kLeastToken = 16;

google::protobuf::Message* BodyOf(absl::string_view kind, v1::Resource* resource) {
  if (kind == "Certificate") return resource->mutable_certificate();
  if (kind == "Api") return resource->mutable_api();
  if (kind == "Key") return resource->mutable_key();
  if (kind == "Policy") return resource->mutable_policy();
  if (kind == "GatewaySettings") return resource->mutable_settings();
  if (kind == "Listener") return resource->mutable_listener();
  if (kind == "TrustBundle") return resource->mutable_trust_bundle();
  if (kind == "TokenIssuer") return resource->mutable_token_issuer();
  return nullptr;
}

void PutText(google::protobuf::Message* message, const char* name, const std::string& text) {
  const auto* field = message->GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || text.empty()) return;
  if (message->GetReflection()->GetString(*message, field).empty()) {
    message->GetReflection()->SetString(message, field, text);
  }
}

std::string GetText(const google::protobuf::Message& message, const char* name) {
  const auto* field = message.GetDescriptor()->FindFieldByName(name);
  return field == nullptr ? "" : message.GetReflection()->GetString(message, field);
}

void FillCertificate(const Fields& fields, const ConvertOptions& options, Converted* converted) {
  v1::Certificate* certificate = converted->resource.mutable_certificate();
  if (!fields.Has("pem")) return fields.Refuse("pem", "is missing: the certificate in PEM");
  absl::StatusOr<crypto::PemBundle> bundle =
      crypto::ParsePem(fields.Text("pem"), absl::FromUnixSeconds(options.now_unix));
  if (!bundle.ok()) return fields.Refuse("pem", bundle.status().message());
  for (const std::string& warning : bundle->warnings) fields.Warn("pem", warning);
  const std::string id = bundle->chain.empty()
                             ? crypto::PublicKeyId(certificate->org_id(), bundle->public_key_der)
                             : crypto::CertificateId(certificate->org_id(), *bundle->chain.front());
  if (!certificate->id().empty() && certificate->id() != id) {
    fields.Refuse("id", absl::StrCat("is not the id of this certificate, which is ", id));
  }
  certificate->set_id(id);
  certificate->set_created_unix(options.now_unix);
  for (const auto& part : bundle->chain) certificate->add_chain_der(part->der);
  certificate->set_public_key_der(bundle->public_key_der);
  if (!bundle->private_key.empty()) converted->private_key_of = bundle->chain.front()->fingerprint;
  converted->private_key = std::move(bundle->private_key);
}

// <anything> + 64 hex digits: certificates are public, so their ids never authenticate.
bool LooksLikeCertificateId(absl::string_view token) {
  constexpr size_t kHexDigits = 64;
  return token.size() >= kHexDigits && base::IsHex(token.substr(token.size() - kHexDigits));
}

void FillKey(const Fields& fields, v1::Key* key) {
  std::vector<std::string> tokens = fields.Texts("tokens");
  if (fields.Has("token")) tokens.push_back(fields.Text("token"));
  for (const std::string& token : tokens) {
    if (token.size() < kLeastToken) {
      fields.Refuse("token", absl::StrCat("must have at least ", kLeastToken, " characters"));
    }
    if (LooksLikeCertificateId(token)) {
      fields.Refuse(
          "token", "has the form of a certificate id (64 hex digits at its end): those are public");
    }
    key->add_token_sha256(crypto::Sha256(token));
  }
  for (const std::string& hash : key->token_sha256()) {
    if (hash.size() != 32) fields.Refuse("tokenSha256", "must be Base64 of 32 bytes");
  }
}

// The original without secrets: PEM with a private key becomes the id, tokens their hash.
std::string StoredDocument(const Node& document, const Converted& converted) {
  Node copy = WithoutInlinePem(document, GetText(converted.resource.certificate(), "org_id"));
  const auto hide = [](Node* object) {
    for (const absl::string_view name : {"token", "tokens"}) {
      Node* member = object->Find(name);
      if (member == nullptr) continue;
      *member = Node();
      member->type = Node::Type::kString;
      member->text = "(stored as its SHA-256)";
    }
  };
  hide(&copy);
  if (Node* spec = copy.Find("spec"); spec != nullptr) hide(spec);
  return ToJson(copy);
}

// A secret is taken out of its object: it is no field of the resource, and must not stay in the
// stored document. One that is no text stays, to be complained of.
std::optional<base::Secret> TakeSecret(Node* object, absl::string_view name) {
  Node* const member = object == nullptr ? nullptr : object->Find(name);
  std::string text;
  if (member == nullptr || !AsText(*member, &text)) return std::nullopt;
  base::Cleanse(&member->text);
  std::erase_if(object->members, [&](const auto& one) { return one.first == name; });
  return base::Secret(std::move(text));
}

Node* FindEither(Node* object, absl::string_view camel, absl::string_view snake) {
  if (object == nullptr) return nullptr;
  Node* const found = object->Find(camel);
  return found != nullptr ? found : object->Find(snake);
}

// Header values of webhooks that are credentials: an empty one is left, which the store fills.
void TakeHandlerHeaders(Node* body, Converted* converted, Conversion* out) {
  Node* const handlers = FindEither(body, "eventHandlers", "event_handlers");
  if (handlers == nullptr) return;
  for (Node& handler : handlers->items) {
    Node* const headers = handler.IsObject() ? handler.Find("headers") : nullptr;
    if (headers == nullptr) continue;
    for (auto& [name, value] : headers->members) {
      std::string text;
      if (!IsCredentialHeader(name) || !AsText(value, &text) || text.empty()) continue;
      const std::string secret = absl::StrCat(kHandlerHeader, absl::AsciiStrToLower(name), " ",
                                              handler.Text("event"), " ", handler.Text("url"));
      const auto [kept, first] = converted->secret_data.emplace(secret, base::Secret::CopyOf(text));
      if (!first && kept->second.Reveal() != text)
        out->Refuse("eventHandlers", &value,
                    absl::StrCat("header ", absl::CHexEscape(name),
                                 " has two values for one event and url"));
      base::Cleanse(&text);
      base::Cleanse(&value.text);
      value = Node();
      value.type = Node::Type::kString;
    }
  }
}

void TakeSecrets(Node* document, Converted* converted, Conversion* out) {
  const absl::string_view kind = document->Text("kind");
  Node* const body = document->Find("spec") != nullptr ? document->Find("spec") : document;
  const auto keep = [converted](absl::string_view name, std::optional<base::Secret> secret) {
    if (secret.has_value()) converted->secret_data[std::string(name)] = *std::move(secret);
  };
  if (kind == "Api") {
    Node* const upstream = body->Find("upstream");
    Node* const proxy = FindEither(upstream, "forwardProxy", "forward_proxy");
    if (auto password = TakeSecret(proxy, "password"))
      converted->proxy_password = *std::move(password);
    Node* const credential = upstream == nullptr ? nullptr : upstream->Find("credential");
    keep(kUpstreamCredential, TakeSecret(credential, "value"));
    TakeHandlerHeaders(body, converted, out);
  } else if (kind == "Key") {
    Node* const login = FindEither(body, "basicLogin", "basic_login");
    keep(kLoginPassword, TakeSecret(login, "password"));
    keep(kLoginHash, TakeSecret(login, "passwordHash"));
    keep(kLoginHash, TakeSecret(login, "password_hash"));
  }
}

// sharedSecrets of a TokenIssuer, a list of texts, likewise.
std::vector<base::Secret> TakeSharedSecrets(Node* document) {
  std::vector<base::Secret> secrets;
  Node* const at = document->Find("spec") != nullptr ? document->Find("spec") : document;
  for (const absl::string_view name : {"sharedSecrets", "shared_secrets"}) {
    Node* const list = at->Find(name);
    if (list == nullptr || !list->IsArray()) continue;
    if (!absl::c_all_of(list->items, [](const Node& item) { return item.IsString(); })) continue;
    for (Node& item : list->items) secrets.emplace_back(std::move(item.text));
    std::erase_if(at->members, [&](const auto& member) { return member.first == name; });
  }
  return secrets;
}

// `spec:` where there is one; then nothing else may stand beside it.
Fields Body(const Fields& top) {
  if (!top.Has("spec")) return top;
  for (const auto& [name, value] : top.node()->members) {
    if (name != "spec" && name != "apiVersion" && name != "kind" && name != "metadata") {
      top.Refuse(name, "stands beside spec: move it into spec");
    }
  }
  return top.Object("spec");
}

void Fill(const Fields& top, const std::string& kind, const ConvertOptions& options,
          Conversion* out, Converted* converted) {
  const Fields body = Body(top);
  google::protobuf::Message* message = BodyOf(kind, &converted->resource);
  std::vector<absl::string_view> skip = {"apiVersion", "kind", "metadata"};
  std::vector<absl::string_view> hidden;
  if (kind == "Certificate") {
    skip.push_back("pem");
    hidden = {"chain_der", "public_key_der", "private_key", "created_unix", "source"};
  } else if (kind == "Key") {
    skip.insert(skip.end(), {"token", "tokens"});
  } else if (kind == "TokenIssuer") {
    hidden = {"shared_secrets"};  // as SealedSecrets; texts were taken out before
  }
  if (body.node() != nullptr) FillMessage(*body.node(), body.path(), {skip, hidden}, message, out);
  const Fields metadata = top.Object("metadata");
  PutText(message, kind == "Certificate" ? "name" : "id", metadata.Text("name"));
  if (!body.Has("orgId") && !body.Has("org_id")) PutText(message, "org_id", options.org_id);
  if (kind == "GatewaySettings") PutText(message, "id", "gateway");
  if (kind == "Certificate") FillCertificate(body, options, converted);
  if (kind == "Key") FillKey(body, converted->resource.mutable_key());
  converted->resource.set_id(GetText(*message, "id"));
  if (converted->resource.id().empty()) top.Refuse("id", "is missing");
  if (kind == "GatewaySettings" && converted->resource.id() != "gateway") {
    top.Refuse("id", "is always \"gateway\"");
  }
}

// Those of APISIX say in their path what they are, and not inside.
std::string ObjectJson(const v1::DialectObject& object) {
  absl::string_view id = object.id();
  if (!absl::ConsumePrefix(&id, "apisix/")) return object.json();
  return absl::StrCat("{\"apiVersion\":\"", kApiVersion, "\",\"kind\":\"", kApisixObject,
                      "\",\"id\":", base::JsonQuote(id), ",\"spec\":", object.json(), "}");
}

}  // namespace

bool IsNative(const Node& document) {
  return document.IsObject() && absl::StartsWith(document.Text("apiVersion"), "sallyport/");
}

Conversion ConvertNative(const Node& given, const ConvertOptions& options) {
  Conversion out;
  Node document = given;
  Converted converted;
  if (document.IsObject()) TakeSecrets(&document, &converted, &out);
  if (document.IsObject() && document.Text("kind") == "TokenIssuer")
    converted.shared_secrets = TakeSharedSecrets(&document);
  const Fields top(&document, "", &out);
  if (top.node() == nullptr) {
    if (out.ok()) out.Refuse("", &document, "a document must be an object");
    return out;
  }
  if (top.Text("apiVersion") != kApiVersion) {
    top.Refuse("apiVersion", absl::StrCat("must be ", kApiVersion));
  }
  const std::string kind = top.Text("kind");
  if (kind == kApisixObject) {
    top.Refuse("kind", "objects of APISIX are applied alone, by `sallyctl apply` or its Admin API");
    return out;
  }
  if (BodyOf(kind, &converted.resource) == nullptr) {
    top.Refuse("kind", absl::StrCat("unknown kind", DidYouMean(kind, kKinds)));
    return out;
  }
  Fill(top, kind, options, &out, &converted);
  converted.resource.set_dialect(std::string(kNative));
  if (kind != "Certificate") converted.resource.set_document(StoredDocument(document, converted));
  out.resources.push_back(std::move(converted));
  return out;
}

std::string NativeJson(const v1::Resource& resource) {
  // As its users put it, to be put again the same way.
  if (resource.has_dialect_object()) return ObjectJson(resource.dialect_object());
  if (resource.has_secret() || resource.has_config_map()) return KubernetesJson(resource);
  v1::Resource copy = resource;
  std::string pem;
  if (copy.has_certificate()) {
    v1::Certificate* certificate = copy.mutable_certificate();
    for (const std::string& der : certificate->chain_der()) pem += crypto::CertificatePem(der);
    if (!certificate->public_key_der().empty())
      pem = crypto::PublicKeyPem(certificate->public_key_der());
    for (const char* name :
         {"chain_der", "public_key_der", "private_key", "created_unix", "source"}) {
      certificate->GetReflection()->ClearField(certificate,
                                               certificate->GetDescriptor()->FindFieldByName(name));
    }
  }
  if (copy.has_key()) {
    copy.mutable_key()->clear_token_sha256();
    if (copy.key().has_basic_login())
      copy.mutable_key()->mutable_basic_login()->clear_sealed_hash();
  }
  if (copy.has_token_issuer()) copy.mutable_token_issuer()->clear_shared_secrets();
  if (copy.has_api()) HideCredentialHeaders(copy.mutable_api());
  if (copy.has_api() && copy.api().has_upstream()) {
    v1::Upstream* const upstream = copy.mutable_api()->mutable_upstream();
    if (upstream->has_forward_proxy()) upstream->mutable_forward_proxy()->clear_sealed_password();
    if (upstream->has_credential()) upstream->mutable_credential()->clear_sealed_value();
  }
  const std::string kind(KindOf(copy));
  if (kind.empty()) return "{}";
  std::string body;
  google::protobuf::util::JsonPrintOptions print;
  if (!google::protobuf::util::MessageToJsonString(*BodyOf(kind, &copy), &body, print).ok())
    return "{}";
  std::string out = absl::StrCat("{\"apiVersion\":\"", kApiVersion, "\",\"kind\":\"", kind, "\"");
  if (!pem.empty()) absl::StrAppend(&out, ",\"pem\":", base::JsonQuote(pem));
  if (body.size() > 2)
    absl::StrAppend(&out, ",", absl::string_view(body).substr(1));
  else
    out.push_back('}');
  return out;
}

}  // namespace sallyport::authsvc::dialects
