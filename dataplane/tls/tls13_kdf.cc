#include "dataplane/tls/tls13_kdf.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <new>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace sallyport::dataplane {
namespace {

using Bytes = absl::Span<const uint8_t>;
constexpr size_t kMostHash = 48;    // SHA-384
constexpr size_t kMostBlock = 128;  // of its HMAC
// What it is of: the block before, the length and two sizes, a label, a context, a count.
constexpr size_t kMostText = kMostHash + 5 + 255 + 64;

// A whole text's digest by the functions below EVP, which are deprecated for good reasons that do
// not count here: a handshake makes more than forty digests of a few blocks each, and what EVP does
// around one costs half as much as the hashing.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
template <typename State, auto kInit, auto kUpdate, auto kFinal>
bool DigestOf(Bytes text, uint8_t* out) {
  State state;
  const bool done = kInit(&state) == 1 && kUpdate(&state, text.data(), text.size()) == 1 &&
                    kFinal(out, &state) == 1;
  OPENSSL_cleanse(&state, sizeof(state));
  return done;
}
constexpr auto* kSha256Of = DigestOf<SHA256_CTX, SHA256_Init, SHA256_Update, SHA256_Final>;
constexpr auto* kSha384Of = DigestOf<SHA512_CTX, SHA384_Init, SHA384_Update, SHA384_Final>;
#pragma GCC diagnostic pop

struct Hash {
  Hash(bool (*digest_of)(Bytes, uint8_t*), size_t hash_size, size_t block_size)
      : digest(digest_of),
        size(hash_size),
        block(block_size),
        usable(digest({}, of_nothing.data())) {}

  bool (*const digest)(Bytes text, uint8_t* out);
  const size_t size;
  const size_t block;
  std::array<uint8_t, kMostHash> of_nothing{};
  const bool usable;
};

const Hash* FindHash(absl::string_view name) {
  static const Hash kSha256(kSha256Of, 32, 64);
  static const Hash kSha384(kSha384Of, 48, 128);
  const Hash* found = nullptr;
  for (const absl::string_view known : {"SHA2-256", "SHA256", "SHA-256"})
    if (absl::EqualsIgnoreCase(name, known)) found = &kSha256;
  for (const absl::string_view known : {"SHA2-384", "SHA384", "SHA-384"})
    if (absl::EqualsIgnoreCase(name, known)) found = &kSha384;
  return found != nullptr && found->usable ? found : nullptr;
}

// A secret of at most `kMost` bytes.
template <size_t kMost>
class Field {
 public:
  Field() = default;
  Field(const Field& other) {
    if (other.set_) (void)Set(other.bytes_.data(), other.size_);
  }
  Field& operator=(const Field&) = delete;
  ~Field() { Clear(); }
  [[nodiscard]] bool Set(const void* from, size_t size) {
    Clear();
    if (size > kMost || (from == nullptr && size != 0)) return false;
    if (size != 0) std::memcpy(bytes_.data(), from, size);
    size_ = size;
    set_ = true;
    return true;
  }
  void Clear() {
    OPENSSL_cleanse(bytes_.data(), size_);
    size_ = 0;
    set_ = false;
  }
  [[nodiscard]] bool set() const { return set_; }
  [[nodiscard]] Bytes bytes() const { return {bytes_.data(), size_}; }

 private:
  std::array<uint8_t, kMost> bytes_;
  size_t size_ = 0;
  bool set_ = false;
};

// RFC 2104. In one piece each: the calls would cost more than the hashing.
bool Hmac(const Hash& hash, Bytes key, std::initializer_list<Bytes> texts, uint8_t* out) {
  if (key.size() > hash.block) return false;
  std::array<uint8_t, kMostBlock + kMostText> message;
  std::memset(message.data(), 0x36, hash.block);
  for (size_t i = 0; i < key.size(); ++i) message[i] ^= key[i];
  size_t size = hash.block;
  bool done = true;
  for (const Bytes text : texts) {
    if (text.size() > message.size() - size) done = false;
    if (!done || text.empty()) continue;
    std::memcpy(&message[size], text.data(), text.size());
    size += text.size();
  }
  uint8_t* const inner = &message[hash.block];
  done = done && hash.digest({message.data(), size}, inner);
  for (size_t i = 0; i < hash.block; ++i) message[i] ^= 0x36 ^ 0x5c;
  done = done && hash.digest({message.data(), hash.block + hash.size}, out);
  OPENSSL_cleanse(message.data(), std::max(size, hash.block + hash.size));
  return done;
}

class Kdf {
 public:
  [[nodiscard]] bool Set(const OSSL_PARAM* param) {
    const absl::string_view name = param->key;
    if (name == OSSL_KDF_PARAM_MODE) return OSSL_PARAM_get_int(param, &mode_) == 1;
    if (name == OSSL_KDF_PARAM_DIGEST) return SetDigest(*param);
    if (name == OSSL_KDF_PARAM_KEY) return Copy(*param, &key_);
    if (name == OSSL_KDF_PARAM_SALT) return Copy(*param, &salt_);
    if (name == OSSL_KDF_PARAM_PREFIX) return Copy(*param, &prefix_);
    if (name == OSSL_KDF_PARAM_LABEL) return Copy(*param, &label_);
    if (name == OSSL_KDF_PARAM_DATA) return Copy(*param, &data_);
    return true;  // as OpenSSL has it: not asked for, so without effect
  }

  [[nodiscard]] bool Derive(uint8_t* out, size_t size) const {
    if (hash_ == nullptr) return false;
    if (mode_ == EVP_KDF_HKDF_MODE_EXTRACT_ONLY) return size == hash_->size && Extract(out);
    if (mode_ != EVP_KDF_HKDF_MODE_EXPAND_ONLY || !key_.set()) return false;
    return ExpandLabel(key_.bytes(), data_.bytes(), out, size);
  }

  // SIZE_MAX: any.
  [[nodiscard]] size_t OutputSize() const {
    return mode_ == EVP_KDF_HKDF_MODE_EXTRACT_ONLY && hash_ != nullptr ? hash_->size : SIZE_MAX;
  }

 private:
  template <size_t kMost>
  static bool Copy(const OSSL_PARAM& param, Field<kMost>* into) {
    return param.data_type == OSSL_PARAM_OCTET_STRING && into->Set(param.data, param.data_size);
  }
  bool SetDigest(const OSSL_PARAM& param) {
    hash_ = nullptr;
    if (param.data_type != OSSL_PARAM_UTF8_STRING || param.data == nullptr) return false;
    hash_ = FindHash({static_cast<const char*>(param.data), param.data_size});
    return hash_ != nullptr;
  }

  // The next stage of the schedule: Extract(Derive-Secret(previous secret, "derived", ""), input);
  // without a previous secret the salt is empty, without an input it is zeros.
  [[nodiscard]] bool Extract(uint8_t* out) const {
    static constexpr std::array<uint8_t, kMostHash> kZeros{};
    std::array<uint8_t, kMostHash> salt;
    size_t salt_size = 0;
    bool done = true;
    if (salt_.set()) {
      salt_size = hash_->size;
      done = ExpandLabel(salt_.bytes(), {hash_->of_nothing.data(), hash_->size}, salt.data(),
                         salt_size);
    }
    const Bytes input = key_.set() ? key_.bytes() : Bytes(kZeros.data(), hash_->size);
    done = done && Hmac(*hash_, {salt.data(), salt_size}, {input}, out);
    OPENSSL_cleanse(salt.data(), salt.size());
    return done;
  }

  // HKDF-Expand-Label. TLS never asks for more than one block of HKDF (but exporters).
  [[nodiscard]] bool ExpandLabel(Bytes secret, Bytes context, uint8_t* out, size_t size) const {
    const size_t label = prefix_.bytes().size() + label_.bytes().size();
    if (size == 0 || size > 255 * hash_->size || label > 255 || secret.size() != hash_->size)
      return false;
    const std::array<uint8_t, 3> head = {static_cast<uint8_t>(size >> 8),
                                         static_cast<uint8_t>(size), static_cast<uint8_t>(label)};
    const auto context_size = static_cast<uint8_t>(context.size());
    std::array<uint8_t, kMostHash> block;
    bool done = true;
    size_t had = 0;  // of the block before
    for (uint8_t count = 1; size > 0 && done; ++count) {
      done = Hmac(*hash_, secret,
                  {{block.data(), had},
                   head,
                   prefix_.bytes(),
                   label_.bytes(),
                   {&context_size, 1},
                   context,
                   {&count, 1}},
                  block.data());
      had = hash_->size;
      const size_t take = size < had ? size : had;
      std::memcpy(out, block.data(), take);
      out += take;
      size -= take;
    }
    OPENSSL_cleanse(block.data(), block.size());
    return done;
  }

  int mode_ = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
  const Hash* hash_ = nullptr;
  Field<128> key_;  // a secret of the schedule, or of a key exchange (P-521: 66 bytes)
  Field<kMostHash> salt_;
  Field<32> prefix_;
  Field<249> label_;
  Field<64> data_;
};

void* New(void* /*provider*/) { return new (std::nothrow) Kdf(); }
void* Duplicate(void* kdf) { return new (std::nothrow) Kdf(*static_cast<const Kdf*>(kdf)); }
void Free(void* kdf) { delete static_cast<Kdf*>(kdf); }
void Reset(void* kdf) {
  static_cast<Kdf*>(kdf)->~Kdf();
  new (kdf) Kdf();
}

int SetParams(void* kdf, const OSSL_PARAM* params) {
  for (; params != nullptr && params->key != nullptr; ++params) {
    if (!static_cast<Kdf*>(kdf)->Set(params)) return 0;
  }
  return 1;
}

int Derive(void* kdf, unsigned char* out, size_t size, const OSSL_PARAM* params) {
  return SetParams(kdf, params) == 1 && static_cast<Kdf*>(kdf)->Derive(out, size) ? 1 : 0;
}

const OSSL_PARAM* SettableParams(void* /*kdf*/, void* /*provider*/) {
  static const OSSL_PARAM kSettable[] = {OSSL_PARAM_int(OSSL_KDF_PARAM_MODE, nullptr),
                                         OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, nullptr, 0),
                                         OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, nullptr, 0),
                                         OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT, nullptr, 0),
                                         OSSL_PARAM_octet_string(OSSL_KDF_PARAM_PREFIX, nullptr, 0),
                                         OSSL_PARAM_octet_string(OSSL_KDF_PARAM_LABEL, nullptr, 0),
                                         OSSL_PARAM_octet_string(OSSL_KDF_PARAM_DATA, nullptr, 0),
                                         OSSL_PARAM_END};
  return kSettable;
}

int GetParams(void* kdf, OSSL_PARAM* params) {
  OSSL_PARAM* const size = OSSL_PARAM_locate(params, OSSL_KDF_PARAM_SIZE);
  return size == nullptr ||
                 OSSL_PARAM_set_size_t(size, static_cast<const Kdf*>(kdf)->OutputSize()) == 1
             ? 1
             : 0;
}

const OSSL_PARAM* GettableParams(void* /*kdf*/, void* /*provider*/) {
  static const OSSL_PARAM kGettable[] = {OSSL_PARAM_size_t(OSSL_KDF_PARAM_SIZE, nullptr),
                                         OSSL_PARAM_END};
  return kGettable;
}

template <typename Function>
OSSL_DISPATCH KdfEntry(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

}  // namespace

const OSSL_DISPATCH* Tls13KdfFunctions() {
  static const OSSL_DISPATCH kFunctions[] = {
      KdfEntry(OSSL_FUNC_KDF_NEWCTX, New),
      KdfEntry(OSSL_FUNC_KDF_DUPCTX, Duplicate),
      KdfEntry(OSSL_FUNC_KDF_FREECTX, Free),
      KdfEntry(OSSL_FUNC_KDF_RESET, Reset),
      KdfEntry(OSSL_FUNC_KDF_DERIVE, Derive),
      KdfEntry(OSSL_FUNC_KDF_SET_CTX_PARAMS, SetParams),
      KdfEntry(OSSL_FUNC_KDF_SETTABLE_CTX_PARAMS, SettableParams),
      KdfEntry(OSSL_FUNC_KDF_GET_CTX_PARAMS, GetParams),
      KdfEntry(OSSL_FUNC_KDF_GETTABLE_CTX_PARAMS, GettableParams),
      {0, nullptr}};
  return kFunctions;
}

}  // namespace sallyport::dataplane
