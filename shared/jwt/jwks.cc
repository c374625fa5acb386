#include "shared/jwt/jwks.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "shared/jwt/base64url.h"
#include "shared/jwt/json.h"
#include "shared/jwt/jwk_material.h"

namespace sallyport::jwt {
namespace {

constexpr JsonLimits kJwksLimits = {
    .max_bytes = kMostJwksBytes, .max_depth = 8, .max_values = 20'000, .max_members = 64};

absl::Status Unusable(absl::string_view why) { return absl::InvalidArgumentError(why); }

// RFC 7517 4.2 and 4.3.
absl::Status CheckUse(const Json& jwk) {
  const Json* use = jwk.Find("use");
  if (use != nullptr && use->text != "sig") return Unusable("use is not sig");
  const Json* operations = jwk.Find("key_ops");
  if (operations == nullptr) return absl::OkStatus();
  const auto verifies = [](const Json& operation) { return operation.text == "verify"; };
  if (!operations->IsArray() ||
      std::none_of(operations->items.begin(), operations->items.end(), verifies)) {
    return Unusable("key_ops is without verify");
  }
  return absl::OkStatus();
}

// RFC 7517 4.4.
absl::Status ApplyAlgorithm(const Json& jwk, Key* key) {
  const Json* name = jwk.Find("alg");
  if (name == nullptr) return absl::OkStatus();
  const std::optional<Algorithm> algorithm = AlgorithmFromName(name->text);
  if (!algorithm.has_value()) return Unusable("alg is not a signature algorithm that is verified");
  if (!key->Fits(*algorithm)) return Unusable("alg does not fit the key");
  key->set_only(*algorithm);
  return absl::OkStatus();
}

absl::Status ApplyId(const Json& jwk, Key* key) {
  const Json* id = jwk.Find("kid");
  if (id == nullptr) return absl::OkStatus();
  if (!id->IsString()) return Unusable("kid is not a text");
  if (id->text.size() > kMostKeyIdBytes) return Unusable("kid is too long");
  key->set_id(id->text);
  return absl::OkStatus();
}

absl::StatusOr<Key> ReadJwk(const Json& jwk, const JwksOptions& options) {
  if (!jwk.IsObject()) return Unusable("not an object");
  if (const absl::Status use = CheckUse(jwk); !use.ok()) return use;
  absl::StatusOr<Key> key = ReadJwkMaterial(jwk, options.allow_secrets);
  if (!key.ok()) return key;
  if (const absl::Status algorithm = ApplyAlgorithm(jwk, &*key); !algorithm.ok()) return algorithm;
  if (const absl::Status id = ApplyId(jwk, &*key); !id.ok()) return id;
  return key;
}

bool Holds(const KeySet& set, const Key& key) {
  return std::any_of(set.keys.begin(), set.keys.end(), [&](const Key& other) {
    return other.id() == key.id() && other.SameMaterial(key) && other.SameAlgorithm(key);
  });
}

void AddJwk(size_t index, const Json& jwk, const JwksOptions& options, KeySet* set) {
  absl::StatusOr<Key> key = ReadJwk(jwk, options);
  if (key.ok() && Holds(*set, *key)) key = Unusable("the same key stands twice");
  if (key.ok()) {
    set->keys.push_back(*std::move(key));
    return;
  }
  set->skipped.push_back({index, std::string(jwk.Text("kid").substr(0, kMostKeyIdBytes)),
                          std::string(key.status().message())});
}

}  // namespace

absl::StatusOr<KeySet> ReadJwks(absl::string_view text, const JwksOptions& options) {
  const absl::StatusOr<Json> json = ReadJsonObject(text, kJwksLimits);
  if (!json.ok()) return json.status();
  const Json* keys = json->Find("keys");
  if (keys == nullptr || !keys->IsArray()) return Unusable("no list of keys");
  if (keys->items.size() > kMostKeys) {
    return Unusable(absl::StrCat("over ", kMostKeys, " keys"));
  }
  KeySet set;
  for (size_t i = 0; i < keys->items.size(); ++i) AddJwk(i, keys->items[i], options, &set);
  return set;
}

}  // namespace sallyport::jwt
