#include "dataplane/tls/x25519_keys.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <new>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "dataplane/tls/curve25519.h"

namespace sallyport::dataplane {
namespace {

struct OpensslKeys {
  OSSL_FUNC_keymgmt_new_fn* make = nullptr;
  OSSL_FUNC_keymgmt_free_fn* free = nullptr;
  OSSL_FUNC_keymgmt_import_fn* import = nullptr;
};
OpensslKeys openssl_keys;

struct KeyGeneration {
  void* provider;
  int selection;
};

void* BeginGeneration(void* provider, int selection, const OSSL_PARAM* /*params*/) {
  return new (std::nothrow) KeyGeneration{provider, selection};
}

void EndGeneration(void* generation) { delete static_cast<KeyGeneration*>(generation); }

// Other groups than its own are refused, as by OpenSSL.
int SetGenerationParams(void* /*generation*/, const OSSL_PARAM* params) {
  const OSSL_PARAM* const group =
      params == nullptr ? nullptr : OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
  const char* name = nullptr;
  return group == nullptr || (OSSL_PARAM_get_utf8_string_ptr(group, &name) == 1 &&
                              name != nullptr && absl::EqualsIgnoreCase(name, "X25519"))
             ? 1
             : 0;
}

const OSSL_PARAM* SettableGenerationParams(void* /*generation*/, void* /*provider*/) {
  static const OSSL_PARAM kSettable[] = {
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0), OSSL_PARAM_END};
  return kSettable;
}

// Each call draws a key of its own.
bool GenerateInto(void* key) {
  X25519Bytes secret;
  X25519Bytes public_key;
  bool done =
      RAND_priv_bytes_ex(OSSL_LIB_CTX_get0_global_default(), secret.data(), secret.size(), 0) == 1;
  secret.front() &= 0xf8;  // RFC 7748 5
  secret.back() = static_cast<uint8_t>((secret.back() & 0x7f) | 0x40);
  done = done && X25519PublicOf(secret, &public_key);
  const OSSL_PARAM params[] = {
      OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, secret.data(), secret.size()),
      OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, public_key.data(), public_key.size()),
      OSSL_PARAM_END};
  done = done && openssl_keys.import(key, OSSL_KEYMGMT_SELECT_KEYPAIR, params) == 1;
  OPENSSL_cleanse(secret.data(), secret.size());
  return done;
}

void* Generate(void* generation, OSSL_CALLBACK* /*progress*/, void* /*context*/) {
  const auto& wanted = *static_cast<const KeyGeneration*>(generation);
  void* const key = openssl_keys.make(wanted.provider);
  if (key == nullptr || (wanted.selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0) return key;
  if (GenerateInto(key)) return key;
  openssl_keys.free(key);
  return nullptr;
}

template <typename Function>
void Replace(OSSL_DISPATCH* entry, Function* function) {
  entry->function = reinterpret_cast<void (*)()>(function);
}

// False: unlike what we know.
bool ReplaceGeneration(std::vector<OSSL_DISPATCH>* functions) {
  int replaced = 0;
  for (OSSL_DISPATCH& entry : *functions) {
    switch (entry.function_id) {
      case OSSL_FUNC_KEYMGMT_NEW: openssl_keys.make = OSSL_FUNC_keymgmt_new(&entry); break;
      case OSSL_FUNC_KEYMGMT_FREE: openssl_keys.free = OSSL_FUNC_keymgmt_free(&entry); break;
      case OSSL_FUNC_KEYMGMT_IMPORT: openssl_keys.import = OSSL_FUNC_keymgmt_import(&entry); break;
      case OSSL_FUNC_KEYMGMT_GEN_SET_TEMPLATE: return false;
      case OSSL_FUNC_KEYMGMT_GEN_INIT:
        Replace(&entry, BeginGeneration);
        ++replaced;
        break;
      case OSSL_FUNC_KEYMGMT_GEN:
        Replace(&entry, Generate);
        ++replaced;
        break;
      case OSSL_FUNC_KEYMGMT_GEN_CLEANUP:
        Replace(&entry, EndGeneration);
        ++replaced;
        break;
      case OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS:
        Replace(&entry, SetGenerationParams);
        ++replaced;
        break;
      case OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS:
        Replace(&entry, SettableGenerationParams);
        ++replaced;
        break;
      default: break;
    }
  }
  return replaced == 5 && openssl_keys.make != nullptr && openssl_keys.free != nullptr &&
         openssl_keys.import != nullptr;
}

}  // namespace

const OSSL_DISPATCH* X25519KeyFunctions(const OSSL_DISPATCH* openssl) {
  static auto* const functions = new std::vector<OSSL_DISPATCH>();
  functions->clear();
  for (const OSSL_DISPATCH* entry = openssl; entry->function_id != 0; ++entry)
    functions->push_back(*entry);
  functions->push_back({0, nullptr});
  return X25519Ready() && ReplaceGeneration(functions) ? functions->data() : openssl;
}

}  // namespace sallyport::dataplane
