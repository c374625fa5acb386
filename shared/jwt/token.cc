#include "shared/jwt/token.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "shared/jwt/base64url.h"
#include "shared/jwt/key.h"

namespace sallyport::jwt {
namespace {

constexpr JsonLimits kHeaderLimits = {
    .max_bytes = kMostTokenBytes, .max_depth = 6, .max_values = 256, .max_members = 64};
constexpr JsonLimits kClaimsLimits = {
    .max_bytes = kMostTokenBytes, .max_depth = 16, .max_values = 2048, .max_members = 256};

struct Parts {
  absl::string_view header;
  absl::string_view payload;
  absl::string_view signature;
  absl::string_view signing_input;
};

// Exactly three, none of them empty (five are an encrypted token, which is not taken).
std::optional<Parts> Split(absl::string_view text) {
  const size_t first = text.find('.');
  if (first == absl::string_view::npos) return std::nullopt;
  const size_t second = text.find('.', first + 1);
  if (second == absl::string_view::npos) return std::nullopt;
  Parts parts;
  parts.header = text.substr(0, first);
  parts.payload = text.substr(first + 1, second - first - 1);
  parts.signature = text.substr(second + 1);
  parts.signing_input = text.substr(0, second);
  if (parts.signature.find('.') != absl::string_view::npos) return std::nullopt;
  return parts;
}

std::optional<Json> DecodeObject(absl::string_view part, const JsonLimits& limits) {
  const std::optional<std::string> text = DecodeBase64Url(part);
  if (!text.has_value()) return std::nullopt;
  absl::StatusOr<Json> json = ReadJsonObject(*text, limits);
  if (!json.ok()) return std::nullopt;
  return *std::move(json);
}

struct Header {
  Algorithm algorithm = Algorithm::kEdDsa;
  std::string key_id;
  std::string type;
};

// False when it is there and not a text of a sensible size.
bool TakeText(const Json& json, absl::string_view name, std::string* out) {
  const Json* member = json.Find(name);
  if (member == nullptr) return true;
  if (!member->IsString() || member->text.size() > kMostKeyIdBytes) return false;
  *out = member->text;
  return true;
}

Refusal ReadHeader(const Json& json, const AlgorithmSet& allowed, Header* header) {
  const Json* name = json.Find("alg");
  if (name == nullptr || !name->IsString()) return Refusal::kMalformed;
  const std::optional<Algorithm> algorithm = AlgorithmFromName(name->text);
  if (!algorithm.has_value() || !allowed.Has(*algorithm)) return Refusal::kAlgorithm;
  header->algorithm = *algorithm;
  // RFC 7515 4.1.11: what must be understood and is not. RFC 7797: another way to sign.
  if (json.Find("crit") != nullptr || json.Find("b64") != nullptr) return Refusal::kCritical;
  if (!TakeText(json, "kid", &header->key_id) || !TakeText(json, "typ", &header->type)) {
    return Refusal::kMalformed;
  }
  absl::AsciiStrToLower(&header->type);
  header->type = std::string(absl::StripPrefix(header->type, "application/"));
  return Refusal::kNone;
}

}  // namespace

absl::string_view Token::unverified_issuer() const { return claims_.body.Text("iss"); }
bool Token::unverified_bound() const { return claims_.body.Find("cnf") != nullptr; }

Refusal ParseToken(absl::string_view text, const AlgorithmSet& allowed, Token* token) {
  if (text.size() > kMostTokenBytes) return Refusal::kTooLarge;
  const std::optional<Parts> parts = Split(text);
  if (!parts.has_value()) return Refusal::kMalformed;
  const std::optional<Json> json = DecodeObject(parts->header, kHeaderLimits);
  if (!json.has_value()) return Refusal::kMalformed;
  Header header;
  const Refusal refusal = ReadHeader(*json, allowed, &header);
  if (refusal != Refusal::kNone) return refusal;
  std::optional<std::string> signature = DecodeBase64Url(parts->signature);
  std::optional<Json> body = DecodeObject(parts->payload, kClaimsLimits);
  if (!signature.has_value() || signature->empty() || !body.has_value()) return Refusal::kMalformed;
  token->algorithm_ = header.algorithm;
  token->key_id_ = std::move(header.key_id);
  token->signing_input_ = std::string(parts->signing_input);
  token->signature_ = *std::move(signature);
  token->claims_ = {std::move(header.type), *std::move(body)};
  return Refusal::kNone;
}

}  // namespace sallyport::jwt
