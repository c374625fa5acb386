#include "dataplane/tls/tls_provider.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <array>
#include <initializer_list>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "dataplane/tls/tls13_kdf.h"
#include "dataplane/tls/x25519_keys.h"

namespace sallyport::dataplane {
namespace {

constexpr char kName[] = "sallyport-tls";

struct Kept {
  int operation;
  std::initializer_list<absl::string_view> names;
};

// HMAC is a key manager and a signature too: the binder of a resumed session is made with it.
const Kept kKept[] = {
    {OSSL_OP_DIGEST, {"SHA1", "SHA2-256", "SHA2-384", "SHA2-512"}},
    {OSSL_OP_CIPHER, {"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305", "AES-256-CBC"}},
    {OSSL_OP_MAC, {"HMAC"}},
    {OSSL_OP_KDF, {"TLS13-KDF", "TLS1-PRF", "HKDF"}},
    {OSSL_OP_RAND, {"CTR-DRBG", "SEED-SRC"}},
    {OSSL_OP_KEYMGMT, {"EC", "X25519", "RSA", "RSA-PSS", "ED25519", "ED448", "HMAC"}},
    {OSSL_OP_KEYEXCH, {"ECDH", "X25519"}},
    {OSSL_OP_SIGNATURE, {"ECDSA", "RSA", "ED25519", "ED448", "HMAC"}},
    {OSSL_OP_DECODER, {"EC", "RSA", "RSA-PSS", "ED25519", "ED448"}},
};

const Kept kTls13Kdf = {OSSL_OP_KDF, {"TLS13-KDF"}};
const Kept kX25519Keys = {OSSL_OP_KEYMGMT, {"X25519"}};

bool Named(const OSSL_ALGORITHM& algorithm, const Kept& kept) {
  for (const absl::string_view name : absl::StrSplit(algorithm.algorithm_names, ':')) {
    for (const absl::string_view wanted : kept.names) {
      if (absl::EqualsIgnoreCase(name, wanted)) return true;
    }
  }
  return false;
}

// Of the decoders: those that read the public key of a certificate.
bool ReadsPublicKey(const OSSL_ALGORITHM& algorithm) {
  const absl::string_view properties = algorithm.property_definition;
  return absl::StrContains(properties, "input=der") &&
         absl::StrContains(properties, "structure=SubjectPublicKeyInfo");
}

// What the provider answers with. OpenSSL's tables are constants of its code, the same for each
// instance of its default provider, so those of one instance, which is never freed, serve all.
class Tables {
 public:
  static const Tables& Get() {
    static const Tables* const tables = new Tables();
    return *tables;
  }

  [[nodiscard]] bool ok() const { return default_ != nullptr; }
  [[nodiscard]] const OSSL_ALGORITHM* Find(int operation) const {
    if (operation <= 0 || static_cast<size_t>(operation) >= by_operation_.size()) return nullptr;
    const auto& found = by_operation_[static_cast<size_t>(operation)];
    return found.empty() ? nullptr : found.data();
  }
  // The groups and their code points.
  [[nodiscard]] int Capabilities(const char* capability, OSSL_CALLBACK* tell, void* context) const {
    return OSSL_PROVIDER_get_capabilities(default_, capability, tell, context);
  }

 private:
  Tables() : default_(OSSL_PROVIDER_load(OSSL_LIB_CTX_new(), "default")) {
    if (default_ == nullptr) return;
    for (const Kept& kept : kKept) Keep(kept);
  }

  void Keep(const Kept& kept) {
    int no_cache = 0;
    const OSSL_ALGORITHM* all = OSSL_PROVIDER_query_operation(default_, kept.operation, &no_cache);
    auto& into = by_operation_[static_cast<size_t>(kept.operation)];
    for (; all != nullptr && all->algorithm_names != nullptr; ++all) {
      if (!Named(*all, kept)) continue;
      if (kept.operation == OSSL_OP_DECODER && !ReadsPublicKey(*all)) continue;
      into.push_back(*all);
      if (kept.operation == OSSL_OP_KDF && Named(*all, kTls13Kdf))
        into.back().implementation = Tls13KdfFunctions();
      if (kept.operation == OSSL_OP_KEYMGMT && Named(*all, kX25519Keys))
        into.back().implementation = X25519KeyFunctions(all->implementation);
    }
    into.push_back({});
  }

  OSSL_PROVIDER* const default_;
  std::array<std::vector<OSSL_ALGORITHM>, OSSL_OP__HIGHEST + 1> by_operation_;
};

// The algorithms are the default provider's and take its context for theirs: so ours is the same,
// and nothing of our own fits into it.
const OSSL_ALGORITHM* QueryOperation(void* /*context*/, int operation, int* no_cache) {
  *no_cache = 0;
  return Tables::Get().Find(operation);
}

const OSSL_ALGORITHM* QueryWithoutPublicKeys(void* context, int operation, int* no_cache) {
  return operation == OSSL_OP_DECODER ? nullptr : QueryOperation(context, operation, no_cache);
}

int GetCapabilities(void* /*context*/, const char* capability, OSSL_CALLBACK* tell, void* to) {
  return Tables::Get().Capabilities(capability, tell, to);
}

const OSSL_PARAM* ProviderParams(void* /*context*/) {
  static const OSSL_PARAM kGettable[] = {
      OSSL_PARAM_DEFN(OSSL_PROV_PARAM_NAME, OSSL_PARAM_UTF8_PTR, nullptr, 0),
      OSSL_PARAM_DEFN(OSSL_PROV_PARAM_STATUS, OSSL_PARAM_INTEGER, nullptr, 0), OSSL_PARAM_END};
  return kGettable;
}

int GetProviderParams(void* /*context*/, OSSL_PARAM* params) {
  OSSL_PARAM* const name = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_NAME);
  OSSL_PARAM* const status = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
  if (name != nullptr && OSSL_PARAM_set_utf8_ptr(name, kName) != 1) return 0;
  return status == nullptr || OSSL_PARAM_set_int(status, 1) == 1 ? 1 : 0;
}

// The context belongs to the inner library.
void Teardown(void* /*context*/) {}

template <typename Function>
OSSL_DISPATCH Entry(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

// The default provider of the inner library while the outer one loads ours: an initialiser is given
// no data of its own.
thread_local const OSSL_PROVIDER* loading = nullptr;

template <auto kQuery>
int Initialise(const OSSL_CORE_HANDLE* /*handle*/, const OSSL_DISPATCH* /*core*/,
               const OSSL_DISPATCH** functions, void** context) {
  static const OSSL_DISPATCH kFunctions[] = {
      Entry(OSSL_FUNC_PROVIDER_TEARDOWN, Teardown),
      Entry(OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, ProviderParams),
      Entry(OSSL_FUNC_PROVIDER_GET_PARAMS, GetProviderParams),
      Entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, kQuery),
      Entry(OSSL_FUNC_PROVIDER_GET_CAPABILITIES, GetCapabilities),
      {0, nullptr}};
  if (loading == nullptr) return 0;
  *functions = kFunctions;
  *context = OSSL_PROVIDER_get0_provider_ctx(loading);
  return 1;
}

}  // namespace

UniqueProvider LoadTlsProvider(TlsProvider kind, const OSSL_PROVIDER* whole, OSSL_LIB_CTX* into) {
  if (!Tables::Get().ok()) return nullptr;
  OSSL_provider_init_fn* const initialise =
      kind == TlsProvider::kWhole ? Initialise<QueryOperation> : Initialise<QueryWithoutPublicKeys>;
  loading = whole;
  UniqueProvider loaded;
  if (OSSL_PROVIDER_add_builtin(into, kName, initialise) == 1)
    loaded.reset(OSSL_PROVIDER_load(into, kName));
  loading = nullptr;
  return loaded;
}

}  // namespace sallyport::dataplane
