#include "dataplane/tls/ec_key_cache.h"

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/params.h>

#include <array>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "shared/base/mutex.h"

// The key objects of OpenSSL 3's EC key manager are EC_KEYs, which count their references. Nothing
// newer says so.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace sallyport::dataplane {
namespace {

constexpr size_t kMostKeys = 4096;
constexpr size_t kMostKeyBytes = 8 << 20;
constexpr size_t kBytesOfAKey = 2048;  // what OpenSSL takes for one, group and all
constexpr size_t kMostSpki = 256;      // that is kept; P-521: 158
constexpr size_t kMostRead = 2048;     // with a curve that is written out

struct FreeEcKey {
  void operator()(EC_KEY* key) const { EC_KEY_free(key); }
};

// Which cache belongs to which library: a decoder is told its provider's context, which is
// OpenSSL's.
class Caches {
 public:
  static Caches& Get() {
    static Caches* const caches = new Caches();
    return *caches;
  }
  void Add(void* provider, EcKeyCache* cache) {
    const base::MutexLock lock(&mutex_);
    of_[provider] = cache;
  }
  void Remove(void* provider) {
    const base::MutexLock lock(&mutex_);
    of_.erase(provider);
  }
  [[nodiscard]] EcKeyCache* Find(void* provider) {
    const base::MutexLock lock(&mutex_);
    const auto found = of_.find(provider);
    return found == of_.end() ? nullptr : found->second;
  }

 private:
  base::Mutex mutex_;
  absl::flat_hash_map<void*, EcKeyCache*> of_ ABSL_GUARDED_BY(mutex_);
};

struct Core {
  explicit Core(const OSSL_DISPATCH* offered);
  OSSL_FUNC_BIO_read_ex_fn* read = nullptr;
  OSSL_FUNC_BIO_new_membuf_fn* new_membuf = nullptr;
  OSSL_FUNC_BIO_free_fn* free = nullptr;
};
// `offered`: at the first call.
const Core& TheCore(const OSSL_DISPATCH* offered = nullptr) {
  static const Core core(offered);
  return core;
}

struct Openssls {
  OSSL_FUNC_decoder_newctx_fn* make = nullptr;
  OSSL_FUNC_decoder_freectx_fn* free = nullptr;
  OSSL_FUNC_decoder_does_selection_fn* does_selection = nullptr;
  OSSL_FUNC_decoder_decode_fn* decode = nullptr;
};
Openssls& TheDecoder() {
  static Openssls decoder;
  return decoder;
}

// One decoding.
struct Decoding {
  void* provider;
  EcKeyCache* cache;  // null: none
};

// Between OpenSSL's decoder and who takes its key.
struct Passing {
  EcKeyCache* cache;
  absl::string_view spki;
  OSSL_CALLBACK* take;
  void* taker;
};

int PassOn(const OSSL_PARAM* params, void* data) {
  const Passing& passing = *static_cast<Passing*>(data);
  const OSSL_PARAM* const reference = OSSL_PARAM_locate_const(params, OSSL_OBJECT_PARAM_REFERENCE);
  if (reference != nullptr && reference->data != nullptr && reference->data_size == sizeof(void*)) {
    // Before it is handed over: whoever takes it leaves null.
    auto* const key = *static_cast<EC_KEY**>(reference->data);
    if (key != nullptr && passing.spki.size() <= kMostSpki) passing.cache->Put(passing.spki, key);
  }
  return passing.take(params, passing.taker);
}

int HandOver(EC_KEY* key, OSSL_CALLBACK* take, void* taker) {
  const std::unique_ptr<EC_KEY, FreeEcKey> mine(key);
  EC_KEY* reference = key;
  int type = OSSL_OBJECT_PKEY;
  char name[] = "EC";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
      OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, name, 0),
      OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, static_cast<void*>(&reference),
                                        sizeof(void*)),
      OSSL_PARAM_construct_end()};
  EC_KEY_up_ref(key);  // for the taker
  const int taken = take(params, taker);
  EC_KEY_free(reference);  // null where it was taken
  return taken;
}

int WithOpenssl(const Decoding& decoding, OSSL_CORE_BIO* in, int selection, OSSL_CALLBACK* take,
                void* taker, OSSL_PASSPHRASE_CALLBACK* ask, void* asked) {
  void* const decoder = TheDecoder().make(decoding.provider);
  if (decoder == nullptr) return 0;
  const int decoded = TheDecoder().decode(decoder, in, selection, take, taker, ask, asked);
  TheDecoder().free(decoder);
  return decoded;
}

void* MakeDecoding(void* provider) { return new Decoding{provider, Caches::Get().Find(provider)}; }
void FreeDecoding(void* decoding) { delete static_cast<Decoding*>(decoding); }

int Decode(void* context, OSSL_CORE_BIO* in, int selection, OSSL_CALLBACK* take, void* taker,
           OSSL_PASSPHRASE_CALLBACK* ask, void* asked) {
  const Decoding& decoding = *static_cast<Decoding*>(context);
  const Core& core = TheCore();
  if (decoding.cache == nullptr || core.read == nullptr || core.new_membuf == nullptr ||
      core.free == nullptr) {
    return WithOpenssl(decoding, in, selection, take, taker, ask, asked);
  }
  std::array<char, kMostRead> bytes;
  size_t size = 0;
  if (core.read(in, bytes.data(), bytes.size(), &size) != 1) return 1;  // nothing to decode
  // What does not fit is no EC key, and the part that does is none either.
  const absl::string_view spki(bytes.data(), size);
  EC_KEY* const known = size <= kMostSpki ? decoding.cache->Find(spki) : nullptr;
  if (known != nullptr) return HandOver(known, take, taker);
  OSSL_CORE_BIO* const again = core.new_membuf(bytes.data(), static_cast<int>(size));
  if (again == nullptr) return 0;
  Passing passing{decoding.cache, spki, take, taker};
  const int decoded = WithOpenssl(decoding, again, selection, PassOn, &passing, ask, asked);
  core.free(again);
  return decoded;
}

template <typename Function>
OSSL_DISPATCH DecoderEntry(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

template <typename Function>
void TakeFunction(const OSSL_DISPATCH& entry, int id, Function** into) {
  if (entry.function_id == id) *into = reinterpret_cast<Function*>(entry.function);
}

Core::Core(const OSSL_DISPATCH* offered) {
  for (; offered != nullptr && offered->function_id != 0; ++offered) {
    TakeFunction(*offered, OSSL_FUNC_BIO_READ_EX, &read);
    TakeFunction(*offered, OSSL_FUNC_BIO_NEW_MEMBUF, &new_membuf);
    TakeFunction(*offered, OSSL_FUNC_BIO_FREE, &free);
  }
}

}  // namespace

struct EcKeyCache::Known {
  Known(absl::string_view bytes, EC_KEY* shared) : spki(bytes), key(shared) {}
  const std::string spki;
  const std::unique_ptr<EC_KEY, FreeEcKey> key;
};

EcKeyCache::EcKeyCache(void* provider) : provider_(provider), keys_(kMostKeys, kMostKeyBytes) {
  Caches::Get().Add(provider_, this);
}

EcKeyCache::~EcKeyCache() { Caches::Get().Remove(provider_); }

EC_KEY* EcKeyCache::Find(absl::string_view spki) {
  const auto* const known =
      keys_.Find(cache::KeyedHash(cache::ProcessHashKey(), spki), /*now_ns=*/0);
  if (known == nullptr || (*known)->spki != spki) return nullptr;
  EC_KEY* const key = (*known)->key.get();
  return EC_KEY_up_ref(key) == 1 ? key : nullptr;
}

void EcKeyCache::Put(absl::string_view spki, EC_KEY* key) {
  if (EC_KEY_up_ref(key) != 1) return;
  keys_.Put(cache::KeyedHash(cache::ProcessHashKey(), spki),
            std::make_shared<const Known>(spki, key), spki.size() + kBytesOfAKey,
            /*keep_until_ns=*/1);
}

void TakeCoreFunctions(const OSSL_DISPATCH* core) { (void)TheCore(core); }

const OSSL_DISPATCH* CachingEcDecoder(const OSSL_DISPATCH* openssls) {
  // Seen to be so in 3.0.
  if (OPENSSL_version_major() != 3 || OPENSSL_version_minor() != 0) return nullptr;
  Openssls& theirs = TheDecoder();
  for (; openssls->function_id != 0; ++openssls) {
    TakeFunction(*openssls, OSSL_FUNC_DECODER_NEWCTX, &theirs.make);
    TakeFunction(*openssls, OSSL_FUNC_DECODER_FREECTX, &theirs.free);
    TakeFunction(*openssls, OSSL_FUNC_DECODER_DOES_SELECTION, &theirs.does_selection);
    TakeFunction(*openssls, OSSL_FUNC_DECODER_DECODE, &theirs.decode);
  }
  if (theirs.make == nullptr || theirs.free == nullptr || theirs.does_selection == nullptr ||
      theirs.decode == nullptr) {
    return nullptr;
  }
  static const OSSL_DISPATCH kFunctions[] = {
      DecoderEntry(OSSL_FUNC_DECODER_NEWCTX, MakeDecoding),
      DecoderEntry(OSSL_FUNC_DECODER_FREECTX, FreeDecoding),
      DecoderEntry(OSSL_FUNC_DECODER_DOES_SELECTION, theirs.does_selection),
      DecoderEntry(OSSL_FUNC_DECODER_DECODE, Decode),
      {0, nullptr}};
  return kFunctions;
}

}  // namespace sallyport::dataplane

#pragma GCC diagnostic pop
