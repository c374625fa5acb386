#include "shared/crypto/recipient.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/openssl.h"
#include "shared/crypto/private_key.h"
#include "shared/crypto/random.h"
#include "shared/crypto/sealer.h"

namespace sallyport::crypto {
namespace {

constexpr size_t kKekSize = 32;
constexpr size_t kSaltSize = 16;
constexpr size_t kLeastPassphrase = 12;
constexpr int kLeastRsaBits = 2048;
constexpr int kLeastCurveBits = 224;  // as strong as those (SP 800-57, table 2)
constexpr uint64_t kScryptN = 1 << 16, kScryptR = 8, kScryptP = 1;  // 64 MB
constexpr uint64_t kScryptMemory = 128 << 20;
constexpr char kMethodEcdh[] = "ecdh", kMethodRsa[] = "rsa-oaep", kMethodScrypt[] = "scrypt";

using UniqueKdf = std::unique_ptr<EVP_KDF, FreeWith<EVP_KDF_free>>;
using UniqueKdfCtx = std::unique_ptr<EVP_KDF_CTX, FreeWith<EVP_KDF_CTX_free>>;

unsigned char* Raw(std::string* bytes) { return reinterpret_cast<unsigned char*>(bytes->data()); }
const unsigned char* Raw(absl::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
void* Octets(absl::string_view bytes) { return const_cast<char*>(bytes.data()); }

UniqueBio Memory(absl::string_view text) {
  return UniqueBio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Nobody is asked for the password of a PEM file.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

absl::StatusOr<UniquePkey> PublicKeyOf(absl::string_view pem) {
  const ErrorScope scope;
  UniquePkey key;
  if (absl::StrContains(pem, "-----BEGIN CERTIFICATE-----")) {
    const UniqueX509 certificate(
        PEM_read_bio_X509(Memory(pem).get(), nullptr, &NoPassword, nullptr));
    if (certificate != nullptr) key.reset(X509_get_pubkey(certificate.get()));
  } else if (absl::StrContains(pem, "-----BEGIN PUBLIC KEY-----")) {
    key.reset(PEM_read_bio_PUBKEY(Memory(pem).get(), nullptr, &NoPassword, nullptr));
  }
  if (key != nullptr) return key;
  return absl::InvalidArgumentError("holds no public key and no certificate in PEM");
}

bool IsCurve(const EVP_PKEY* key) {
  return EVP_PKEY_is_a(key, "EC") == 1 || EVP_PKEY_is_a(key, "X25519") == 1 ||
         EVP_PKEY_is_a(key, "X448") == 1;
}

absl::StatusOr<UniquePkey> EphemeralFor(EVP_PKEY* recipient) {
  UniquePkey made;
  if (EVP_PKEY_is_a(recipient, "EC") == 1) {
    char curve[80];
    size_t size = 0;
    if (EVP_PKEY_get_group_name(recipient, curve, sizeof curve, &size) == 1)
      made.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve));
  } else {
    made.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, EVP_PKEY_get0_type_name(recipient)));
  }
  if (made == nullptr) return absl::InvalidArgumentError("has a curve that cannot be used");
  return made;
}

absl::StatusOr<base::Secret> Agree(EVP_PKEY* own, EVP_PKEY* theirs) {
  const UniquePkeyCtx context(EVP_PKEY_CTX_new(own, nullptr));
  size_t size = 0;
  if (context == nullptr || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), theirs) != 1 ||
      EVP_PKEY_derive(context.get(), nullptr, &size) != 1)
    return absl::InvalidArgumentError("is not of the same curve");
  std::string shared(size, '\0');
  const bool ok = EVP_PKEY_derive(context.get(), Raw(&shared), &size) == 1;
  shared.resize(ok ? size : 0);
  base::Secret secret(std::move(shared));
  if (!ok) return absl::InvalidArgumentError("is not of the same curve");
  return secret;
}

absl::StatusOr<base::Secret> Hkdf(absl::string_view shared, absl::string_view info) {
  const UniqueKdf kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const UniqueKdfCtx context(EVP_KDF_CTX_new(kdf.get()));
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, Octets(shared), shared.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, Octets(info), info.size()),
      OSSL_PARAM_construct_end()};
  std::string out(kKekSize, '\0');
  const bool ok =
      context != nullptr && EVP_KDF_derive(context.get(), Raw(&out), out.size(), params) == 1;
  base::Secret secret(std::move(out));
  if (!ok) return absl::InternalError("HKDF failed");
  return secret;
}

absl::StatusOr<base::Secret> KeyOfCurve(EVP_PKEY* own, EVP_PKEY* theirs,
                                        absl::string_view ephemeral, absl::string_view recipient) {
  auto shared = Agree(own, theirs);
  if (!shared.ok()) return shared.status();
  return Hkdf(shared->Reveal(), absl::StrCat("sallyport.recipient.v1|", ephemeral.size(), ":",
                                             ephemeral, "|", recipient.size(), ":", recipient));
}

absl::StatusOr<std::unique_ptr<const Sealer>> SealerOf(base::Secret kek) {
  std::vector<MasterKey> keys;
  keys.push_back({"recipient", std::move(kek)});
  return Sealer::Create(std::move(keys));
}

// Two parts, the first with its length before it.
std::string Joined(const Sealed& sealed) {
  return absl::StrCat(std::string(1, static_cast<char>(sealed.wrapped_data_key.size())),
                      sealed.wrapped_data_key, sealed.ciphertext);
}

absl::StatusOr<base::Secret> OpenKek(base::Secret kek, absl::string_view method,
                                     const std::string& wrapped) {
  auto sealer = SealerOf(std::move(kek));
  if (!sealer.ok()) return sealer.status();
  const size_t first = wrapped.empty() ? 0 : static_cast<unsigned char>(wrapped.front());
  if (wrapped.size() < first + 1) return absl::DataLossError("the wrapped key is cut off");
  return (*sealer)->Open({"", "recipient", method},
                         {"recipient", wrapped.substr(1, first), wrapped.substr(1 + first)});
}

absl::StatusOr<std::string> SealKek(base::Secret kek, absl::string_view method,
                                    absl::string_view key) {
  auto sealer = SealerOf(std::move(kek));
  if (!sealer.ok()) return sealer.status();
  auto sealed = (*sealer)->Seal({"", "recipient", method}, key);
  if (!sealed.ok()) return sealed.status();
  return Joined(*sealed);
}

UniquePkeyCtx OaepContext(EVP_PKEY* key, bool encrypt) {
  UniquePkeyCtx context(EVP_PKEY_CTX_new(key, nullptr));
  if (context == nullptr) return nullptr;
  const int begun =
      encrypt ? EVP_PKEY_encrypt_init(context.get()) : EVP_PKEY_decrypt_init(context.get());
  if (begun != 1 || EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), EVP_sha256()) != 1)
    return nullptr;
  return context;
}

absl::StatusOr<std::string> OaepWrap(EVP_PKEY* recipient, absl::string_view key) {
  if (EVP_PKEY_get_bits(recipient) < kLeastRsaBits)
    return absl::InvalidArgumentError("is an RSA key of fewer than 2048 bits");
  const UniquePkeyCtx context = OaepContext(recipient, true);
  size_t size = 0;
  std::string out;
  const bool ok = context != nullptr &&
                  EVP_PKEY_encrypt(context.get(), nullptr, &size, Raw(key), key.size()) == 1 &&
                  (out.resize(size),
                   EVP_PKEY_encrypt(context.get(), Raw(&out), &size, Raw(key), key.size()) == 1);
  if (!ok) return absl::InternalError("RSA-OAEP failed");
  out.resize(size);
  return out;
}

absl::StatusOr<base::Secret> OaepUnwrap(EVP_PKEY* own, const std::string& wrapped) {
  const UniquePkeyCtx context = OaepContext(own, false);
  size_t size = 0;
  std::string out;
  const bool ok =
      context != nullptr &&
      EVP_PKEY_decrypt(context.get(), nullptr, &size, Raw(wrapped), wrapped.size()) == 1 &&
      (out.resize(size),
       EVP_PKEY_decrypt(context.get(), Raw(&out), &size, Raw(wrapped), wrapped.size()) == 1);
  out.resize(ok ? size : 0);
  base::Secret secret(std::move(out));
  if (!ok) return absl::DataLossError("the wrapped key was changed");
  return secret;
}

absl::StatusOr<base::Secret> Scrypt(absl::string_view passphrase, absl::string_view salt) {
  std::string out(kKekSize, '\0');
  const bool ok =
      EVP_PBE_scrypt(passphrase.data(), passphrase.size(), Raw(salt), salt.size(), kScryptN,
                     kScryptR, kScryptP, kScryptMemory, Raw(&out), out.size()) == 1;
  base::Secret secret(std::move(out));
  if (!ok) return absl::InternalError("scrypt failed");
  return secret;
}

}  // namespace

absl::StatusOr<WrappedKey> WrapForPublicKey(absl::string_view pem, absl::string_view key) {
  auto recipient = PublicKeyOf(pem);
  if (!recipient.ok()) return recipient.status();
  const ErrorScope scope;
  const auto spki = PublicKeyDer(recipient->get());
  if (!spki.ok()) return spki.status();
  WrappedKey out;
  out.recipient = base::Hex(Sha256(*spki));
  if (EVP_PKEY_is_a(recipient->get(), "RSA") == 1) {
    auto wrapped = OaepWrap(recipient->get(), key);
    if (!wrapped.ok()) return wrapped.status();
    out.method = kMethodRsa;
    out.wrapped = *std::move(wrapped);
    return out;
  }
  if (!IsCurve(recipient->get()))
    return absl::InvalidArgumentError(
        "is a key that only signs: make one of `openssl genpkey -algorithm X25519`, of an EC curve "
        "or of RSA");
  if (EVP_PKEY_get_bits(recipient->get()) < kLeastCurveBits)
    return absl::InvalidArgumentError("is a key of a curve of fewer than 224 bits");
  auto ephemeral = EphemeralFor(recipient->get());
  if (!ephemeral.ok()) return ephemeral.status();
  auto given = PublicKeyDer(ephemeral->get());
  if (!given.ok()) return given.status();
  auto kek = KeyOfCurve(ephemeral->get(), recipient->get(), *given, *spki);
  if (!kek.ok()) return kek.status();
  auto wrapped = SealKek(*std::move(kek), kMethodEcdh, key);
  if (!wrapped.ok()) return wrapped.status();
  out.method = kMethodEcdh;
  out.given = *std::move(given);
  out.wrapped = *std::move(wrapped);
  return out;
}

absl::StatusOr<WrappedKey> WrapForPassphrase(absl::string_view passphrase, absl::string_view key) {
  if (passphrase.size() < kLeastPassphrase)
    return absl::InvalidArgumentError(
        absl::StrCat("a passphrase has at least ", kLeastPassphrase, " characters"));
  WrappedKey out;
  out.method = kMethodScrypt;
  out.given = RandomBytes(kSaltSize);
  auto kek = Scrypt(passphrase, out.given);
  if (!kek.ok()) return kek.status();
  auto wrapped = SealKek(*std::move(kek), kMethodScrypt, key);
  if (!wrapped.ok()) return wrapped.status();
  out.wrapped = *std::move(wrapped);
  return out;
}

absl::StatusOr<base::Secret> UnwrapWithPrivateKey(absl::string_view pem,
                                                  const WrappedKey& wrapped) {
  if (wrapped.method == kMethodScrypt)
    return absl::InvalidArgumentError("it is sealed to a passphrase, not to a key");
  const ErrorScope scope;
  const UniquePkey own(PEM_read_bio_PrivateKey(Memory(pem).get(), nullptr, &NoPassword, nullptr));
  if (own == nullptr)
    return absl::InvalidArgumentError(
        "holds no private key in PEM (one with a password: `openssl pkey` takes it off)");
  const auto spki = PublicKeyDer(own.get());
  if (!spki.ok()) return spki.status();
  if (const std::string mine = base::Hex(Sha256(*spki)); mine != wrapped.recipient) {
    return absl::InvalidArgumentError(
        absl::StrCat("is another key than the one that it is sealed to: SHA-256 of the public key ",
                     mine, ", not ", wrapped.recipient));
  }
  if (wrapped.method == kMethodRsa) return OaepUnwrap(own.get(), wrapped.wrapped);
  if (wrapped.method != kMethodEcdh) return absl::DataLossError("sealed in an unknown way");
  const unsigned char* at = Raw(wrapped.given);
  const UniquePkey ephemeral(d2i_PUBKEY(nullptr, &at, static_cast<long>(wrapped.given.size())));
  if (ephemeral == nullptr) return absl::DataLossError("the wrapped key was changed");
  auto kek = KeyOfCurve(own.get(), ephemeral.get(), wrapped.given, *spki);
  if (!kek.ok()) return absl::DataLossError("the wrapped key was changed");
  return OpenKek(*std::move(kek), kMethodEcdh, wrapped.wrapped);
}

absl::StatusOr<base::Secret> UnwrapWithPassphrase(absl::string_view passphrase,
                                                  const WrappedKey& wrapped) {
  if (wrapped.method != kMethodScrypt)
    return absl::InvalidArgumentError("it is sealed to a key, not to a passphrase");
  auto kek = Scrypt(passphrase, wrapped.given);
  if (!kek.ok()) return kek.status();
  auto opened = OpenKek(*std::move(kek), kMethodScrypt, wrapped.wrapped);
  if (absl::IsDataLoss(opened.status()))
    return absl::InvalidArgumentError("is not the passphrase, or the file was changed");
  return opened;
}

}  // namespace sallyport::crypto
