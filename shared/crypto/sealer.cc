#include "shared/crypto/sealer.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "shared/base/text.h"
#include "shared/crypto/openssl.h"
#include "shared/crypto/random.h"

namespace sallyport::crypto {
namespace {

constexpr size_t kKeySize = 32;
constexpr size_t kNonceSize = 12;
constexpr size_t kTagSize = 16;

const EVP_CIPHER* Aes256Gcm() {
  static const EVP_CIPHER* const cipher = [] {
    const EVP_CIPHER* fetched = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    if (fetched == nullptr) std::abort();
    return fetched;
  }();
  return cipher;
}

const unsigned char* Data(absl::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* Data(std::string* bytes) { return reinterpret_cast<unsigned char*>(bytes->data()); }

// Every part with its length before it, so that no two places have the same bytes.
std::string AdditionalData(absl::string_view role, const SealPlace& place,
                           absl::string_view master_key_id) {
  std::string out = "sallyport.seal.v1";
  for (absl::string_view part : {role, place.store_id, place.record, place.field, master_key_id}) {
    absl::StrAppend(&out, "|", part.size(), ":", part);
  }
  return out;
}

// nonce || ciphertext || tag
absl::StatusOr<std::string> Encrypt(absl::string_view key, absl::string_view aad,
                                    absl::string_view plain) {
  const std::string nonce = RandomBytes(kNonceSize);
  const UniqueCipherCtx context(EVP_CIPHER_CTX_new());
  std::string out(kNonceSize + plain.size() + kTagSize, '\0');
  std::copy(nonce.begin(), nonce.end(), out.begin());
  int size = 0;
  const bool ok =
      context != nullptr &&
      EVP_EncryptInit_ex2(context.get(), Aes256Gcm(), Data(key), Data(nonce), nullptr) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &size, Data(aad), static_cast<int>(aad.size())) ==
          1 &&
      EVP_EncryptUpdate(context.get(), Data(&out) + kNonceSize, &size, Data(plain),
                        static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), Data(&out) + kNonceSize + plain.size(), &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagSize,
                          Data(&out) + kNonceSize + plain.size()) == 1;
  if (!ok) return absl::InternalError("sealing failed");
  return out;
}

std::optional<base::Secret> Decrypt(absl::string_view key, absl::string_view aad,
                                    absl::string_view sealed) {
  if (sealed.size() < kNonceSize + kTagSize) return std::nullopt;
  const absl::string_view nonce = sealed.substr(0, kNonceSize);
  const absl::string_view body = sealed.substr(kNonceSize, sealed.size() - kNonceSize - kTagSize);
  std::string tag(sealed.substr(sealed.size() - kTagSize));
  std::string plain(body.size(), '\0');
  const UniqueCipherCtx context(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool ok =
      context != nullptr &&
      EVP_DecryptInit_ex2(context.get(), Aes256Gcm(), Data(key), Data(nonce), nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, Data(aad), static_cast<int>(aad.size())) ==
          1 &&
      EVP_DecryptUpdate(context.get(), Data(&plain), &size, Data(body),
                        static_cast<int>(body.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), Data(&plain) + body.size(), &size) == 1;
  base::Secret secret(std::move(plain));  // cleansed also when it is not handed out
  if (!ok) return std::nullopt;
  return secret;
}

absl::StatusOr<base::Secret> OrDataLoss(std::optional<base::Secret> secret) {
  if (!secret) {
    return absl::DataLossError("sealed value was changed, or belongs to another record");
  }
  return *std::move(secret);
}

bool IsKeyId(absl::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  });
}

absl::StatusOr<MasterKey> ParseLine(absl::string_view line, int number) {
  const auto refuse = [number](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("master key file, line ", number, ": ", what));
  };
  const size_t blank = line.find_first_of(" \t");
  if (blank == absl::string_view::npos) return refuse("not \"ID HEX\"");
  const absl::string_view id = line.substr(0, blank);
  const absl::string_view hex = absl::StripAsciiWhitespace(line.substr(blank));
  if (!IsKeyId(id)) return refuse("bad key id");
  absl::StatusOr<std::string> key = base::FromHex(hex);
  if (!key.ok() || key->size() != kKeySize) return refuse("key is not 64 hex digits");
  return MasterKey{std::string(id), base::Secret(std::move(*key))};
}

}  // namespace

absl::StatusOr<std::vector<MasterKey>> ParseMasterKeys(absl::string_view text) {
  std::vector<MasterKey> keys;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    absl::StatusOr<MasterKey> key = ParseLine(line, number);
    if (!key.ok()) return key.status();
    keys.push_back(*std::move(key));
  }
  if (keys.empty()) return absl::InvalidArgumentError("master key file has no key");
  return keys;
}

base::Secret NewMasterKeyLine(absl::string_view id) {
  std::string hex = RandomHex(kKeySize);
  std::string line;
  line.reserve(id.size() + hex.size() + 2);
  line.append(id.data(), id.size()).append(" ").append(hex).append("\n");
  base::Cleanse(&hex);
  return base::Secret(std::move(line));
}

Sealer::Sealer(std::vector<MasterKey> keys) : keys_(std::move(keys)) {}
Sealer::~Sealer() = default;

absl::StatusOr<std::unique_ptr<const Sealer>> Sealer::Create(std::vector<MasterKey> keys) {
  if (keys.empty()) return absl::InvalidArgumentError("no master key");
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!IsKeyId(keys[i].id)) return absl::InvalidArgumentError("bad master key id");
    if (keys[i].key.Reveal().size() != kKeySize) {
      return absl::InvalidArgumentError("a master key is not 32 bytes");
    }
    for (size_t j = 0; j < i; ++j) {
      if (keys[j].id == keys[i].id) {
        return absl::InvalidArgumentError(absl::StrCat("master key ", keys[i].id, " twice"));
      }
    }
  }
  return std::unique_ptr<const Sealer>(new Sealer(std::move(keys)));
}

const std::string& Sealer::sealing_key_id() const { return keys_.front().id; }

const MasterKey* Sealer::Find(absl::string_view id) const {
  const auto found =
      std::find_if(keys_.begin(), keys_.end(), [id](const MasterKey& key) { return key.id == id; });
  return found == keys_.end() ? nullptr : &*found;
}

absl::StatusOr<Sealed> Sealer::Seal(const SealPlace& place, absl::string_view secret) const {
  const ErrorScope errors;
  if (secret.size() > (1 << 20)) return absl::InvalidArgumentError("secret over 1 MB");
  const MasterKey& master = keys_.front();
  const base::Secret data_key(RandomBytes(kKeySize));
  absl::StatusOr<std::string> body =
      Encrypt(data_key.Reveal(), AdditionalData("data", place, ""), secret);
  if (!body.ok()) return body.status();
  absl::StatusOr<std::string> wrapped =
      Encrypt(master.key.Reveal(), AdditionalData("key", place, master.id), data_key.Reveal());
  if (!wrapped.ok()) return wrapped.status();
  return Sealed{master.id, *std::move(wrapped), *std::move(body)};
}

absl::StatusOr<base::Secret> Sealer::Unwrap(const SealPlace& place, const Sealed& sealed) const {
  const MasterKey* master = Find(sealed.master_key_id);
  if (master == nullptr) {
    return absl::NotFoundError(absl::StrCat("master key ", sealed.master_key_id, " is not loaded"));
  }
  absl::StatusOr<base::Secret> key = OrDataLoss(Decrypt(
      master->key.Reveal(), AdditionalData("key", place, master->id), sealed.wrapped_data_key));
  if (key.ok() && key->Reveal().size() != kKeySize) return absl::DataLossError("bad data key");
  return key;
}

absl::StatusOr<base::Secret> Sealer::Open(const SealPlace& place, const Sealed& sealed) const {
  const ErrorScope errors;
  const absl::StatusOr<base::Secret> data_key = Unwrap(place, sealed);
  if (!data_key.ok()) return data_key.status();
  return OrDataLoss(
      Decrypt(data_key->Reveal(), AdditionalData("data", place, ""), sealed.ciphertext));
}

bool Sealer::NeedsRewrap(const Sealed& sealed) const {
  return sealed.master_key_id != sealing_key_id();
}

absl::StatusOr<Sealed> Sealer::Rewrap(const SealPlace& place, const Sealed& sealed) const {
  const ErrorScope errors;
  const absl::StatusOr<base::Secret> data_key = Unwrap(place, sealed);
  if (!data_key.ok()) return data_key.status();
  const MasterKey& master = keys_.front();
  absl::StatusOr<std::string> wrapped =
      Encrypt(master.key.Reveal(), AdditionalData("key", place, master.id), data_key->Reveal());
  if (!wrapped.ok()) return wrapped.status();
  return Sealed{master.id, *std::move(wrapped), sealed.ciphertext};
}

}  // namespace sallyport::crypto
