#include "tests/fakes/test_ca.h"

#include <openssl/conf.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "shared/crypto/certificate_facts.h"
#include "shared/crypto/pem.h"
#include "shared/crypto/private_key.h"
#include "tests/fakes/test_keys.h"

namespace sallyport::testing {
namespace {

using crypto::FreeWith;
using crypto::UniqueBio;
using crypto::UniqueX509;
using crypto::UniqueX509Name;

void Must(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "test certificate: %s: %s\n", what, crypto::TakeErrors().c_str());
  std::abort();
}

SharedKey Own(EVP_PKEY* key) {
  Must(key != nullptr, "key");
  return {key, EVP_PKEY_free};
}

SharedKey FromPem(const char* pem) {
  const UniqueBio in(BIO_new_mem_buf(pem + 1, -1));
  return Own(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
}

const unsigned char* Data(absl::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

UniqueX509Name MakeName(absl::string_view text) {
  UniqueX509Name name(X509_NAME_new());
  if (text.empty()) return name;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(part, absl::MaxSplits('=', 1));
    Must(
        X509_NAME_add_entry_by_txt(name.get(), pair.first.c_str(), MBSTRING_UTF8, Data(pair.second),
                                   static_cast<int>(pair.second.size()), -1, 0) == 1,
        "name");
  }
  return name;
}

GENERAL_NAME* MakeGeneralName(int type, absl::string_view value) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  const int size = static_cast<int>(value.size());
  if (type == GEN_DIRNAME) {
    GENERAL_NAME_set0_value(name, type, MakeName(value).release());
  } else if (type == GEN_IPADD) {
    ASN1_OCTET_STRING* bytes = ASN1_OCTET_STRING_new();
    Must(ASN1_OCTET_STRING_set(bytes, Data(value), size) == 1, "address");
    GENERAL_NAME_set0_value(name, type, bytes);
  } else if (type == GEN_RID) {
    GENERAL_NAME_set0_value(name, type, OBJ_txt2obj(std::string(value).c_str(), 1));
  } else {
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    Must(ASN1_STRING_set(text, value.data(), size) == 1, "text");
    GENERAL_NAME_set0_value(name, type, text);
  }
  return name;
}

std::string Encode(X509* x509) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(x509, &bytes);
  Must(size > 0, "encode");
  const crypto::UniqueOpensslBytes owner(bytes);
  return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)};
}

void SetTime(ASN1_TIME* out, absl::Time time) {
  Must(ASN1_TIME_set(out, static_cast<time_t>(absl::ToUnixSeconds(time))) != nullptr, "time");
}

void AddStructure(X509* x509, int nid, bool critical, void* value) {
  Must(X509_add1_ext_i2d(x509, nid, value, critical ? 1 : 0, X509V3_ADD_APPEND) == 1, "extension");
}

void AddRaw(X509* x509, const std::string& oid, bool critical, absl::string_view der) {
  const std::unique_ptr<ASN1_OBJECT, FreeWith<ASN1_OBJECT_free>> object(
      OBJ_txt2obj(oid.c_str(), 0));
  Must(object != nullptr, "OID");
  const std::unique_ptr<ASN1_OCTET_STRING, FreeWith<ASN1_OCTET_STRING_free>> value(
      ASN1_OCTET_STRING_new());
  ASN1_OCTET_STRING_set(value.get(), Data(der), static_cast<int>(der.size()));
  X509_EXTENSION* extension =
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), critical ? 1 : 0, value.get());
  Must(X509_add_ext(x509, extension, -1) == 1, "extension");
  X509_EXTENSION_free(extension);
}

std::string KeyIdOf(EVP_PKEY* key) {
  const std::string spki = crypto::PublicKeyDer(key).value();
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  Must(EVP_Digest(spki.data(), spki.size(), digest, &size, EVP_sha1(), nullptr) == 1, "key id");
  return {reinterpret_cast<const char*>(digest), size};
}

absl::Time Year(int year) { return absl::FromCivil(absl::CivilSecond(year), absl::UTCTimeZone()); }

bool SignsWithoutDigest(const EVP_PKEY* key) {
  const int id = EVP_PKEY_get_base_id(key);
  return id == EVP_PKEY_ED25519 || id == EVP_PKEY_ED448;
}

}  // namespace

absl::Time TestNow() { return absl::FromCivil(absl::CivilSecond(2026, 6, 1), absl::UTCTimeZone()); }

SharedKey MakeKey(KeyType type) {
  switch (type) {
    case KeyType::kP256: return Own(EVP_EC_gen("P-256"));
    case KeyType::kP384: return Own(EVP_EC_gen("P-384"));
    case KeyType::kP521: return Own(EVP_EC_gen("P-521"));
    case KeyType::kEd25519: return Own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    case KeyType::kEd448: return Own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448"));
    case KeyType::kSecp256k1: return Own(EVP_EC_gen("secp256k1"));
    case KeyType::kRsa2048: return FromPem(kRsa2048Pem);
    case KeyType::kRsa2048B: return FromPem(kRsa2048BPem);
    case KeyType::kRsa2048C: return FromPem(kRsa2048CPem);
    case KeyType::kRsa4096: return FromPem(kRsa4096Pem);
    case KeyType::kRsa1024: return FromPem(kRsa1024Pem);
    case KeyType::kDsa: return FromPem(kDsaPem);
  }
  std::abort();
}

std::string TestCert::Pem() const { return crypto::CertificatePem(der); }

std::string TestCert::KeyDer() const {
  return std::string(crypto::ToPkcs8(key.get()).value().Reveal());
}

std::string TestCert::KeyPem() const {
  const UniqueBio out(BIO_new(BIO_s_mem()));
  Must(PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) ==
           1,
       "key PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<size_t>(size)};
}

std::string TestCert::PublicDer() const { return crypto::PublicKeyDer(key.get()).value(); }

std::string ChainPem(std::initializer_list<const TestCert*> chain) {
  std::string pem;
  for (const TestCert* certificate : chain) pem += certificate->Pem();
  return pem;
}

TestCert FromDer(std::string der, SharedKey key) {
  TestCert out{std::move(der), nullptr, std::move(key)};
  if (absl::StatusOr<crypto::CertificatePtr> parsed = crypto::ParseCertificate(out.der);
      parsed.ok()) {
    out.cert = *std::move(parsed);
  }
  return out;
}

namespace {

TestCert WithSignature(const TestCert& certificate,
                       const std::function<std::string(absl::string_view)>& change) {
  const UniqueX509 copy(X509_dup(certificate.cert->x509.get()));
  const ASN1_BIT_STRING* signature = nullptr;
  X509_get0_signature(&signature, nullptr, copy.get());
  auto* writable = const_cast<ASN1_BIT_STRING*>(signature);
  const std::string changed =
      change({reinterpret_cast<const char*>(ASN1_STRING_get0_data(signature)),
              static_cast<size_t>(ASN1_STRING_length(signature))});
  Must(ASN1_STRING_set(writable, changed.data(), static_cast<int>(changed.size())) == 1, "bits");
  writable->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
  writable->flags |= ASN1_STRING_FLAG_BITS_LEFT;
  return FromDer(Encode(copy.get()), certificate.key);
}

std::string Malleate(absl::string_view der) {
  const unsigned char* at = Data(der);
  const std::unique_ptr<ECDSA_SIG, FreeWith<ECDSA_SIG_free>> signature(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  Must(signature != nullptr, "an ECDSA signature");
  const std::unique_ptr<EC_GROUP, FreeWith<EC_GROUP_free>> group(
      EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  BIGNUM* s = BN_new();
  BN_sub(s, EC_GROUP_get0_order(group.get()), ECDSA_SIG_get0_s(signature.get()));
  ECDSA_SIG_set0(signature.get(), BN_dup(ECDSA_SIG_get0_r(signature.get())), s);
  unsigned char* bytes = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &bytes);
  const crypto::UniqueOpensslBytes owner(bytes);
  return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)};
}

}  // namespace

TestCert WithMalleatedSignature(const TestCert& certificate) {
  return WithSignature(certificate, Malleate);
}

TestCert WithBrokenSignature(const TestCert& certificate) {
  return WithSignature(certificate, [](absl::string_view bytes) {
    std::string changed(bytes);
    changed.back() = static_cast<char>(changed.back() ^ 1);
    return changed;
  });
}

std::string SignedPartOf(const TestCert& certificate) {
  return std::string(crypto::internal::SignedPart(certificate.der));
}

namespace {

std::string Tagged(char tag, absl::string_view content) {
  std::string out(1, tag);
  if (content.size() > 0xff) {
    out += {'\x82', static_cast<char>(content.size() >> 8), static_cast<char>(content.size())};
  } else if (content.size() > 0x7f) {
    out += {'\x81', static_cast<char>(content.size())};
  } else {
    out += static_cast<char>(content.size());
  }
  return absl::StrCat(out, content);
}

}  // namespace

TestCert SignBytes(absl::string_view tbs, const TestCert& issuer, SharedKey key) {
  const crypto::UniqueMdCtx context(EVP_MD_CTX_new());
  std::string signature(static_cast<size_t>(EVP_PKEY_get_size(issuer.key.get())), '\0');
  size_t size = signature.size();
  Must(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, issuer.key.get()) == 1 &&
           EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                          Data(tbs), tbs.size()) == 1,
       "sign");
  signature.resize(size);
  const absl::string_view ecdsa_with_sha256("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12);
  const std::string bits = Tagged('\x03', absl::StrCat(absl::string_view("\0", 1), signature));
  return FromDer(Tagged('\x30', absl::StrCat(tbs, ecdsa_with_sha256, bits)), std::move(key));
}

CertBuilder::CertBuilder(absl::string_view subject)
    : subject_(subject),
      not_before_(Year(2020)),
      not_after_(Year(2090)),
      usage_(KU_DIGITAL_SIGNATURE),
      extended_usage_({"clientAuth"}) {}

CertBuilder& CertBuilder::Ca(int path_length) {
  usage_ = KU_KEY_CERT_SIGN | KU_CRL_SIGN;
  extended_usage_.reset();
  return BasicConstraints(true, true, path_length);
}

CertBuilder& CertBuilder::LikeOpensslReq() {
  usage_.reset();
  extended_usage_.reset();
  return BasicConstraints(true, true);
}

CertBuilder& CertBuilder::Key(KeyType type) { return Key(MakeKey(type)); }

CertBuilder& CertBuilder::Key(SharedKey key) {
  key_ = std::move(key);
  return *this;
}

CertBuilder& CertBuilder::Valid(absl::Time not_before, absl::Time not_after) {
  not_before_ = not_before;
  not_after_ = not_after;
  return *this;
}

CertBuilder& CertBuilder::Expired() { return Valid(Year(2020), Year(2021)); }
CertBuilder& CertBuilder::NotYetValid() { return Valid(Year(2089), Year(2090)); }

CertBuilder& CertBuilder::Version(int version) {
  version_ = version;
  return *this;
}

CertBuilder& CertBuilder::Serial(int64_t serial) {
  serial_ = serial;
  return *this;
}

CertBuilder& CertBuilder::San(int gen_type, absl::string_view value) {
  sans_.emplace_back(gen_type, std::string(value));
  return *this;
}

CertBuilder& CertBuilder::Dns(absl::string_view name) { return San(GEN_DNS, name); }
CertBuilder& CertBuilder::Uri(absl::string_view uri) { return San(GEN_URI, uri); }
CertBuilder& CertBuilder::Email(absl::string_view address) { return San(GEN_EMAIL, address); }
CertBuilder& CertBuilder::Ip(absl::string_view bytes) { return San(GEN_IPADD, bytes); }
CertBuilder& CertBuilder::Directory(absl::string_view name) { return San(GEN_DIRNAME, name); }

CertBuilder& CertBuilder::SanCritical() {
  san_critical_ = true;
  return *this;
}

CertBuilder& CertBuilder::EmptySan() {
  empty_san_ = true;
  return *this;
}

CertBuilder& CertBuilder::Usage(std::optional<uint32_t> ku_bits) {
  usage_ = ku_bits;
  return *this;
}

CertBuilder& CertBuilder::ExtendedUsage(std::vector<std::string> oids) {
  extended_usage_ = std::move(oids);
  return *this;
}

CertBuilder& CertBuilder::NoExtendedUsage() {
  extended_usage_.reset();
  return *this;
}

CertBuilder& CertBuilder::ServerAuth() { return ExtendedUsage({"serverAuth"}); }

CertBuilder& CertBuilder::BasicConstraints(bool critical, bool ca, int path_length) {
  has_constraints_ = true;
  constraints_critical_ = critical;
  ca_ = ca;
  path_length_ = path_length;
  return *this;
}

CertBuilder& CertBuilder::NoBasicConstraints() {
  has_constraints_ = false;
  return *this;
}

CertBuilder& CertBuilder::NoKeyIds() {
  key_ids_ = false;
  return *this;
}

CertBuilder& CertBuilder::AuthorityKeyId(absl::string_view bytes) {
  authority_key_id_ = std::string(bytes);
  return *this;
}

CertBuilder& CertBuilder::Permit(int gen_type, absl::string_view value) {
  permitted_.emplace_back(gen_type, std::string(value));
  return *this;
}

CertBuilder& CertBuilder::Exclude(int gen_type, absl::string_view value) {
  excluded_.emplace_back(gen_type, std::string(value));
  return *this;
}

CertBuilder& CertBuilder::Extension(absl::string_view oid, bool critical, absl::string_view der) {
  extensions_.push_back({std::string(oid), critical, std::string(der)});
  return *this;
}

CertBuilder& CertBuilder::ConfigExtension(absl::string_view name, absl::string_view value) {
  config_extensions_.emplace_back(std::string(name), std::string(value));
  return *this;
}

CertBuilder& CertBuilder::Digest(absl::string_view name) {
  digest_ = std::string(name);
  return *this;
}

CertBuilder& CertBuilder::Pss() {
  pss_ = true;
  return *this;
}

CertBuilder& CertBuilder::IssuerName(absl::string_view name) {
  issuer_name_ = std::string(name);
  return *this;
}

CertBuilder& CertBuilder::Tweak(std::function<void(X509*)> tweak) {
  tweak_ = std::move(tweak);
  return *this;
}

TestCert CertBuilder::SelfSign() {
  if (key_ == nullptr) key_ = MakeKey(KeyType::kP256);
  return Sign(nullptr, key_.get());
}

TestCert CertBuilder::SignBy(const TestCert& issuer) {
  if (key_ == nullptr) key_ = MakeKey(KeyType::kP256);
  Must(issuer.cert != nullptr, "an issuer that parses");
  return Sign(issuer.cert->x509.get(), issuer.key.get());
}

TestCert CertBuilder::Sign(const X509* issuer, EVP_PKEY* issuer_key) {
  const UniqueX509 x509(X509_new());
  X509_set_version(x509.get(), version_ - 1);
  int64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(x509.get()), serial_.value_or(serial & INT64_MAX));
  SetTime(X509_getm_notBefore(x509.get()), not_before_);
  SetTime(X509_getm_notAfter(x509.get()), not_after_);
  const UniqueX509Name subject = MakeName(subject_);
  X509_set_subject_name(x509.get(), subject.get());
  const UniqueX509Name other = MakeName(issuer_name_.value_or(""));
  X509_set_issuer_name(x509.get(), issuer_name_        ? other.get()
                                   : issuer != nullptr ? X509_get_subject_name(issuer)
                                                       : subject.get());
  Must(X509_set_pubkey(x509.get(), key_.get()) == 1, "public key");
  if (version_ == 3) AddExtensions(x509.get(), issuer, issuer_key);
  if (tweak_) tweak_(x509.get());

  const EVP_MD* md =
      SignsWithoutDigest(issuer_key) ? nullptr : EVP_get_digestbyname(digest_.c_str());
  const crypto::UniqueMdCtx context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  Must(EVP_DigestSignInit(context.get(), &options, md, nullptr, issuer_key) == 1, "sign");
  if (pss_) {
    Must(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1, "PSS");
    Must(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1, "PSS");
  }
  Must(X509_sign_ctx(x509.get(), context.get()) > 0, "sign");
  return FromDer(Encode(x509.get()), key_);
}

void CertBuilder::AddNames(X509* x509) {
  if (sans_.empty() && !empty_san_) return;
  GENERAL_NAMES* names = GENERAL_NAMES_new();
  for (const auto& [type, value] : sans_) {
    sk_GENERAL_NAME_push(names, MakeGeneralName(type, value));
  }
  AddStructure(x509, NID_subject_alt_name, san_critical_, names);
  GENERAL_NAMES_free(names);
}

void CertBuilder::AddUsages(X509* x509) {
  if (usage_) {
    ASN1_BIT_STRING* bits = ASN1_BIT_STRING_new();
    for (int bit = 0; bit < 8; ++bit) {
      if ((*usage_ & (0x80U >> bit)) != 0) ASN1_BIT_STRING_set_bit(bits, bit, 1);
    }
    AddStructure(x509, NID_key_usage, true, bits);
    ASN1_BIT_STRING_free(bits);
  }
  if (extended_usage_) {
    EXTENDED_KEY_USAGE* usages = EXTENDED_KEY_USAGE_new();
    for (const std::string& oid : *extended_usage_) {
      sk_ASN1_OBJECT_push(usages, OBJ_txt2obj(oid.c_str(), 0));
    }
    AddStructure(x509, NID_ext_key_usage, false, usages);
    EXTENDED_KEY_USAGE_free(usages);
  }
}

void CertBuilder::AddKeyIds(X509* x509, EVP_PKEY* issuer_key) {
  if (!key_ids_) return;
  const std::string own = KeyIdOf(key_.get());
  const std::string authority = authority_key_id_.value_or(KeyIdOf(issuer_key));
  ASN1_OCTET_STRING* subject_id = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(subject_id, Data(own), static_cast<int>(own.size()));
  AddStructure(x509, NID_subject_key_identifier, false, subject_id);
  ASN1_OCTET_STRING_free(subject_id);
  AUTHORITY_KEYID* id = AUTHORITY_KEYID_new();
  id->keyid = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(id->keyid, Data(authority), static_cast<int>(authority.size()));
  AddStructure(x509, NID_authority_key_identifier, false, id);
  AUTHORITY_KEYID_free(id);
}

void CertBuilder::AddConstraints(X509* x509) {
  if (has_constraints_) {
    BASIC_CONSTRAINTS* constraints = BASIC_CONSTRAINTS_new();
    constraints->ca = ca_ ? 0xff : 0;
    if (path_length_ >= 0) {
      constraints->pathlen = ASN1_INTEGER_new();
      ASN1_INTEGER_set(constraints->pathlen, path_length_);
    }
    AddStructure(x509, NID_basic_constraints, constraints_critical_, constraints);
    BASIC_CONSTRAINTS_free(constraints);
  }
  if (permitted_.empty() && excluded_.empty()) return;
  NAME_CONSTRAINTS* names = NAME_CONSTRAINTS_new();
  const auto add = [](const auto& from, STACK_OF(GENERAL_SUBTREE) * *to) {
    if (from.empty()) return;
    *to = sk_GENERAL_SUBTREE_new_null();
    for (const auto& [type, value] : from) {
      GENERAL_SUBTREE* subtree = GENERAL_SUBTREE_new();
      GENERAL_NAME_free(subtree->base);
      subtree->base = MakeGeneralName(type, value);
      sk_GENERAL_SUBTREE_push(*to, subtree);
    }
  };
  add(permitted_, &names->permittedSubtrees);
  add(excluded_, &names->excludedSubtrees);
  AddStructure(x509, NID_name_constraints, true, names);
  NAME_CONSTRAINTS_free(names);
}

void CertBuilder::AddExtensions(X509* x509, const X509* issuer, EVP_PKEY* issuer_key) {
  AddConstraints(x509);
  AddUsages(x509);
  AddNames(x509);
  AddKeyIds(x509, issuer_key);
  for (const RawExtension& extension : extensions_) {
    AddRaw(x509, extension.oid, extension.critical, extension.der);
  }
  for (const auto& [name, value] : config_extensions_) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, const_cast<X509*>(issuer), x509, nullptr, nullptr, 0);
    const std::unique_ptr<CONF, FreeWith<NCONF_free>> none(NCONF_new(nullptr));
    X509V3_set_nconf(&context, none.get());
    X509_EXTENSION* extension = X509V3_EXT_nconf(none.get(), &context, name.c_str(), value.c_str());
    Must(extension != nullptr && X509_add_ext(x509, extension, -1) == 1, name.c_str());
    X509_EXTENSION_free(extension);
  }
}

}  // namespace sallyport::testing
