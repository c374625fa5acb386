#include "authsvc/dialects/references.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "authsvc/dialects/tyk_jwt.h"
#include "authsvc/events/credential_headers.h"
#include "shared/crypto/pem.h"
#include "shared/domain/pattern.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kPrivatePemMark = "PRIVATE KEY-----";
constexpr absl::string_view kPemMark = "-----BEGIN ", kPemEnd = "-----END ";

std::string IdOf(const crypto::PemBundle& bundle, absl::string_view org_id) {
  return bundle.chain.empty() ? crypto::PublicKeyId(org_id, bundle.public_key_der)
                              : crypto::CertificateId(org_id, *bundle.chain.front());
}

bool LooksLikePath(absl::string_view text) {
  return !absl::StartsWith(text, "name:") &&
         (absl::StrContains(text, "/") || absl::EndsWith(text, ".pem") ||
          absl::EndsWith(text, ".crt"));
}

// What stands between the lines of PEM, without them: one SEQUENCE (X.690) in base64.
bool IsBareDer(absl::string_view text) {
  std::string der;
  if (!absl::StartsWith(text, "M") || !absl::Base64Unescape(text, &der) || der.size() < 2)
    return false;
  const auto at = [&der](size_t i) { return static_cast<unsigned char>(der[i]); };
  const size_t more = at(1) < 0x80 ? 0 : at(1) - 0x80;  // bytes of the length
  if (at(0) != 0x30 || more > 3 || der.size() < 2 + more) return false;
  size_t length = more == 0 ? at(1) : 0;
  for (size_t i = 0; i < more; ++i) length = length << 8 | at(2 + i);
  const bool whole = der.size() == 2 + more + length;
  base::Cleanse(&der);
  return whole;
}

// An id is a name or hex text; what else people write where one belongs deserves a sentence.
absl::string_view WrongReference(absl::string_view text) {
  if (LooksLikePath(text)) {
    return "a file path is not taken as a certificate: upload the file and write its id";
  }
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7F || c == ',') return "is not a certificate id";
  }
  return "";
}

// More than so many are none: what stands between the commas is something else.
constexpr size_t kMostParts = 1000;

std::vector<std::string> AtCommasOutsidePem(absl::string_view text) {
  std::vector<std::string> parts;
  size_t begin = 0;
  size_t block = text.find(kPemMark);  // the next one
  for (size_t at = 0;;) {
    const size_t comma = text.find(',', at);
    if (comma == text.npos || parts.size() == kMostParts) break;
    if (block < comma) {
      const size_t end = text.find(kPemEnd, block);
      if (end == text.npos) break;
      at = end + kPemEnd.size();
      block = text.find(kPemMark, at);
      continue;
    }
    parts.emplace_back(text.substr(begin, comma - begin));
    begin = at = comma + 1;
  }
  parts.emplace_back(text.substr(begin));
  return parts;
}

bool IsIdOrPem(absl::string_view part) {
  part = absl::StripAsciiWhitespace(part);
  if (absl::StrContains(part, kPemMark)) return absl::StartsWith(part, kPemMark);
  return !part.empty() && WrongReference(part).empty();
}

// Commas of a list, with a block right before or behind one: no text around PEM is written so. What
// else stands there was meant as a certificate, too.
bool IsListWithPem(const std::vector<std::string>& parts) {
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    const absl::string_view before = absl::StripAsciiWhitespace(parts[i]);
    const absl::string_view behind = absl::StripAsciiWhitespace(parts[i + 1]);
    const size_t end = before.rfind(kPemEnd);
    const bool ends = end != before.npos && before.find('\n', end) == before.npos;
    if (ends || absl::StartsWith(behind, kPemMark)) return true;
  }
  return std::any_of(parts.begin(), parts.end(), [](absl::string_view part) {
    part = absl::StripAsciiWhitespace(part);
    return LooksLikePath(part) && !absl::StrContains(part, "://") &&
           part.find_first_of("= \t\r\n") == part.npos;
  });
}

// Of "id,PEM,id" each. One where a part is neither: what tools print around PEM has commas, too.
std::vector<std::string> IdsAndPem(const std::string& text) {
  std::vector<std::string> parts = AtCommasOutsidePem(text);
  if (IsListWithPem(parts) || std::all_of(parts.begin(), parts.end(), IsIdOrPem)) return parts;
  return {text};
}

std::string IdOfPem(const std::string& text, absl::string_view org_id) {
  if (!absl::StrContains(text, kPemMark)) return std::string(absl::StripAsciiWhitespace(text));
  const absl::StatusOr<crypto::PemBundle> bundle = crypto::ParseInlinePem(text);
  return bundle.ok() ? IdOf(*bundle, org_id) : "";
}

constexpr absl::string_view kSecrets[] = {"secret", "shared_secret", "jwt_source", "password",
                                          "hmac_string"};
// The names in there are the key's own, or the scripts', and mean nothing here.
constexpr absl::string_view kMetadata = "meta_data", kScriptConfig = "config_data";

void Blank(Node* node) {
  for (Node& item : node->items) Blank(&item);
  for (auto& [name, value] : node->members) {
    if (name == kMetadata || name == kScriptConfig) continue;
    Blank(&value);
    const bool secret =
        std::find(std::begin(kSecrets), std::end(kSecrets), name) != std::end(kSecrets);
    const bool scalar = !value.IsObject() && !value.IsArray() && value.type != Node::Type::kNull;
    if (!secret || !scalar) continue;
    if (name == "jwt_source" && IsPublicJwtSource(value.text)) continue;
    value = Node();
    value.type = Node::Type::kString;
  }
}

}  // namespace

std::string WhyNotRead(const absl::Status& status) {
  if (!absl::IsNotFound(status)) return std::string(status.message());  // of a file that is there
  return "there is no file of this name; PEM that stands here itself begins with -----BEGIN";
}

std::string References::Take(absl::string_view text, absl::string_view path, const Node& at,
                             bool keep_private_key) {
  text = absl::StripAsciiWhitespace(text);
  if (text.empty()) {
    out_->Refuse(path, &at, "a certificate id is missing");
    return "";
  }
  if (absl::StrContains(text, kPemMark)) return TakeInline(text, path, at, keep_private_key);
  if (IsBareDer(text)) {
    out_->Refuse(path, &at, "lacks the lines of PEM, -----BEGIN ...----- and -----END ...-----");
    return "";
  }
  if (LooksLikePath(text) && options_.read_file != nullptr) {
    auto content = options_.read_file(std::string(text));
    if (content.ok()) return TakeInline(*content, path, at, keep_private_key);
    out_->Refuse(
        path, &at,
        keep_private_key ? WhyNotRead(content.status()) : std::string(content.status().message()));
    return "";
  }
  if (const absl::string_view wrong = WrongReference(text); !wrong.empty()) {
    out_->Refuse(path, &at, wrong);
    return "";
  }
  return std::string(text);
}

std::string References::TakeInline(absl::string_view pem, absl::string_view path, const Node& at,
                                   bool keep_private_key) {
  absl::StatusOr<crypto::PemBundle> bundle =
      crypto::ParseInlinePem(pem, absl::FromUnixSeconds(options_.now_unix));
  if (!bundle.ok()) {
    out_->Refuse(path, &at, bundle.status().message());
    return "";
  }
  for (const std::string& warning : bundle->warnings) out_->Warn(path, &at, warning);
  Converted converted;
  converted.resource.set_dialect(std::string(dialect_));
  v1::Certificate* certificate = converted.resource.mutable_certificate();
  const std::string id = IdOf(*bundle, org_id_);
  converted.resource.set_id(id);
  certificate->set_id(id);
  certificate->set_org_id(org_id_);
  certificate->set_created_unix(options_.now_unix);
  for (const auto& part : bundle->chain) certificate->add_chain_der(part->der);
  certificate->set_public_key_der(bundle->public_key_der);
  if (!bundle->private_key.empty()) {
    if (keep_private_key)
      converted.private_key = std::move(bundle->private_key);
    else
      out_->Warn(path, &at, "the private key is not needed here and was not taken");
  }
  for (const Converted& other : out_->resources) {
    if (other.resource.id() == id && other.private_key.empty() == converted.private_key.empty())
      return id;
  }
  out_->resources.push_back(std::move(converted));
  return id;
}

absl::StatusOr<std::string> References::ContentOf(const std::string& file) const {
  if (absl::StrContains(file, kPemMark)) return file;
  if (options_.read_file != nullptr) return options_.read_file(file);
  return absl::InvalidArgumentError(
      "files are read from the gateway's own configuration file, or by sallyctl: neither has found "
      "this one");
}

std::string References::TakeFiles(const std::string& certificate, const std::string& key,
                                  absl::string_view path, const Node& at) {
  auto chain = ContentOf(certificate);
  auto secret = ContentOf(key);
  for (const auto& [name, status] :
       {std::make_pair("cert_file", chain.status()), std::make_pair("key_file", secret.status())}) {
    if (status.ok()) continue;
    out_->Refuse(absl::StrCat(path, ".", name), &at, WhyNotRead(status));
    return "";
  }
  if (!absl::StrContains(*secret, kPrivatePemMark)) {
    out_->Refuse(path, &at, "key_file holds no private key");
    return "";
  }
  std::string pem = absl::StrCat(*chain, "\n", *secret);
  base::Cleanse(&*secret);
  std::string id = TakeInline(pem, path, at, true);
  base::Cleanse(&pem);
  return id;
}

std::vector<std::string> References::TakeList(const Fields& object, absl::string_view name,
                                              bool keep_private_key) {
  std::vector<std::string> ids;
  const std::vector<Node>& items = object.List(name);
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string path = ItemPath(object.PathOf(name), i);
    std::string text;
    if (!AsText(items[i], &text)) {
      out_->Refuse(path, &items[i], "must be a certificate id");
      continue;
    }
    const std::string id = Take(text, path, items[i], keep_private_key);
    if (!id.empty()) ids.push_back(id);
  }
  return ids;
}

void References::AllowlistOf(const Fields& object, absl::string_view name,
                             google::protobuf::RepeatedPtrField<v1::AllowlistEntry>* list) {
  for (const std::string& id : TakeList(object, name, false)) list->Add()->set_certificate_id(id);
}

bool References::GoodDomain(const std::string& domain, const std::string& path, const Node& at) {
  const auto pattern = domain::ParsePattern(domain);
  if (!pattern.ok()) out_->Refuse(path, &at, pattern.status().message());
  return pattern.ok();
}

void References::ClientCertificates(const Fields& object, absl::string_view name,
                                    v1::DomainCertificates* map) {
  const Fields entries = object.Object(name);
  if (entries.node() == nullptr) return;
  for (const auto& [domain, value] : entries.node()->members) {
    const std::string path = absl::StrCat(entries.path(), "[\"", domain, "\"]");
    std::string text;
    if (!GoodDomain(domain, path, value)) continue;
    if (value.type != Node::Type::kNull && !AsText(value, &text)) {
      out_->Refuse(path, &value, "must be a certificate id");
      continue;
    }
    const std::string id = Take(text, path, value, true);
    if (!id.empty()) (*map->mutable_certificate_ids())[domain] = id;
  }
}

void References::PinsOf(const Node& value, const std::string& path, v1::PinList* pins) {
  std::vector<std::string> texts;
  std::string text;
  if (value.IsArray()) {
    for (const Node& item : value.items) {
      if (AsText(item, &text))
        texts.push_back(text);
      else
        out_->Refuse(path, &item, "must be a public key id");
    }
  } else if (AsText(value, &text)) {
    texts = absl::StrContains(text, kPemMark) ? IdsAndPem(text) : absl::StrSplit(text, ',');
  }
  for (const std::string& one : texts) {
    const std::string id = Take(one, path, value, false);
    if (!id.empty()) pins->add_certificate_ids(id);
  }
  if (texts.empty()) out_->Refuse(path, &value, "no public key is named for this domain");
}

void References::Pins(const Fields& object, absl::string_view name, v1::DomainPins* map) {
  const Fields entries = object.Object(name);
  if (entries.node() == nullptr) return;
  for (const auto& [domain, value] : entries.node()->members) {
    const std::string path = absl::StrCat(entries.path(), "[\"", domain, "\"]");
    if (GoodDomain(domain, path, value)) PinsOf(value, path, &(*map->mutable_pins())[domain]);
  }
}

Node WithoutInlinePem(const Node& document, absl::string_view org_id) {
  Node copy = document;
  if (copy.IsString() && absl::StrContains(copy.text, kPemMark)) {
    copy.text = absl::StrJoin(IdsAndPem(copy.text), ",", [&](std::string* out, const auto& part) {
      absl::StrAppend(out, IdOfPem(part, org_id));
    });
  }
  for (Node& item : copy.items) item = WithoutInlinePem(item, org_id);
  for (auto& [name, value] : copy.members) value = WithoutInlinePem(value, org_id);
  return copy;
}

namespace {

void Emptied(Node* value) {
  if (value->IsObject() || value->IsArray() || value->type == Node::Type::kNull) return;
  *value = Node();
  value->type = Node::Type::kString;
}

// Headers of webhooks that are credentials: {"header_map": {name: value}} of Classic definitions
// and {"headers": [{"name", "value"}]} of OAS.
void EmptyHandlers(Node* node) {
  for (Node& item : node->items) EmptyHandlers(&item);
  for (auto& [name, value] : node->members) {
    if (name == "header_map") {
      for (auto& [header, credential] : value.members) {
        if (IsCredentialHeader(header)) Emptied(&credential);
      }
    } else if (name == "headers") {
      for (Node& item : value.items) {
        Node* const credential = item.IsObject() ? item.Find("value") : nullptr;
        if (credential != nullptr && IsCredentialHeader(item.Text("name"))) Emptied(credential);
      }
    } else {
      EmptyHandlers(&value);
    }
  }
}

}  // namespace

void EmptyWebhooks(Node* node) {
  for (Node& item : node->items) EmptyWebhooks(&item);
  for (auto& [name, value] : node->members) {
    if (name == "event_handlers" || name == "eventHandlers")
      EmptyHandlers(&value);
    else
      EmptyWebhooks(&value);
  }
}

Node KeptDocument(const Node& document, absl::string_view org_id) {
  Node copy = WithoutInlinePem(document, org_id);
  Blank(&copy);
  EmptyWebhooks(&copy);
  return copy;
}

}  // namespace sallyport::authsvc::dialects
