// Every certificate that tests need, made when the test runs; RSA and DSA keys are pre-generated
// (test only), the others are new each time. Valid from 2020 to 2090 unless said otherwise, so both
// TestNow() and the real time are inside. Not thread-safe; crashes on misuse, since only tests call
// it.
//
//   const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
//   const TestCert leaf = CertBuilder("CN=alice").Uri("spiffe://corp/alice").SignBy(root);
//   leaf.cert (crypto::CertificatePtr)  leaf.Pem()  leaf.KeyPem()
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/crypto/certificate.h"
#include "shared/crypto/openssl.h"

namespace sallyport::testing {

[[nodiscard]] absl::Time TestNow();  // 2026-06-01T00:00:00Z

using SharedKey = std::shared_ptr<EVP_PKEY>;

// Rsa* and kDsa: one fixed pair per enumerator. Others: a new pair at each call of MakeKey.
enum class KeyType : uint8_t {
  kP256,
  kP384,
  kP521,
  kEd25519,
  kEd448,
  kSecp256k1,
  kRsa2048,  // three fixed pairs
  kRsa2048B,
  kRsa2048C,
  kRsa4096,
  kRsa1024,
  kDsa,
};
[[nodiscard]] SharedKey MakeKey(KeyType type);

struct TestCert {
  std::string der;
  crypto::CertificatePtr cert;  // null when the DER was broken on purpose and does not parse
  SharedKey key;

  [[nodiscard]] std::string Pem() const;
  [[nodiscard]] std::string KeyPem() const;     // PKCS#8
  [[nodiscard]] std::string KeyDer() const;     // PKCS#8
  [[nodiscard]] std::string PublicDer() const;  // SubjectPublicKeyInfo
};
[[nodiscard]] std::string ChainPem(std::initializer_list<const TestCert*> chain);

// The same certificate with other signature bytes: s → n − s of a P-256 signature verifies as well.
[[nodiscard]] TestCert WithMalleatedSignature(const TestCert& certificate);
// Flips a bit of the signature.
[[nodiscard]] TestCert WithBrokenSignature(const TestCert& certificate);
[[nodiscard]] TestCert FromDer(std::string der, SharedKey key);
// The signed part of a certificate, and a certificate made of any bytes as its signed part, signed
// with ECDSA and SHA-256 by an issuer with an EC key: what only a CA gone wrong would issue.
[[nodiscard]] std::string SignedPartOf(const TestCert& certificate);
[[nodiscard]] TestCert SignBytes(absl::string_view tbs, const TestCert& issuer, SharedKey key);

class CertBuilder {
 public:
  // Comma-separated attributes in order, "O=Acme,CN=alice"; "" gives an empty subject. A leaf:
  // version 3, key usage digitalSignature, extended key usage clientAuth, key ids, new P-256 key.
  explicit CertBuilder(absl::string_view subject);

  CertBuilder& Ca(int path_length = -1);  // CA:TRUE, keyCertSign and cRLSign, no EKU
  CertBuilder& LikeOpensslReq();          // as `openssl req -x509`: CA:TRUE, no KU, no EKU
  CertBuilder& Key(KeyType type);
  CertBuilder& Key(SharedKey key);
  CertBuilder& Valid(absl::Time not_before, absl::Time not_after);
  CertBuilder& Expired();             // 2020 to 2021
  CertBuilder& NotYetValid();         // from 2089
  CertBuilder& Version(int version);  // 1 or 3; 1 drops all extensions
  CertBuilder& Serial(int64_t serial);

  CertBuilder& Dns(absl::string_view name);
  CertBuilder& Uri(absl::string_view uri);
  CertBuilder& Email(absl::string_view address);
  CertBuilder& Ip(absl::string_view bytes);  // 4 or 16 raw bytes
  CertBuilder& Directory(absl::string_view name);
  CertBuilder& San(int gen_type, absl::string_view value);  // GEN_*
  CertBuilder& SanCritical();
  CertBuilder& EmptySan();

  CertBuilder& Usage(std::optional<uint32_t> ku_bits);  // KU_*; nullopt: no extension
  CertBuilder& ExtendedUsage(
      std::vector<std::string> oids);  // names or OIDs; {}: an empty extension
  CertBuilder& NoExtendedUsage();
  CertBuilder& ServerAuth();
  CertBuilder& BasicConstraints(bool critical, bool ca, int path_length = -1);
  CertBuilder& NoBasicConstraints();
  CertBuilder& NoKeyIds();
  CertBuilder& AuthorityKeyId(absl::string_view bytes);

  // Name constraints. `value` of GEN_IPADD: address and mask; of GEN_DIRNAME: a name as above.
  CertBuilder& Permit(int gen_type, absl::string_view value);
  CertBuilder& Exclude(int gen_type, absl::string_view value);

  CertBuilder& Extension(absl::string_view oid, bool critical, absl::string_view der);
  // OpenSSL configuration syntax, e.g. ("policyConstraints", "requireExplicitPolicy:0").
  CertBuilder& ConfigExtension(absl::string_view name, absl::string_view value);

  CertBuilder& Digest(absl::string_view name);  // "SHA1", …; default SHA256
  CertBuilder& Pss();
  CertBuilder& IssuerName(absl::string_view name);  // other than that of the issuer who signs
  // Last word before signing.
  CertBuilder& Tweak(std::function<void(X509*)> tweak);

  [[nodiscard]] TestCert SelfSign();
  [[nodiscard]] TestCert SignBy(const TestCert& issuer);

 private:
  struct RawExtension {
    std::string oid;
    bool critical;
    std::string der;
  };
  TestCert Sign(const X509* issuer, EVP_PKEY* issuer_key);
  void AddExtensions(X509* x509, const X509* issuer, EVP_PKEY* issuer_key);
  void AddNames(X509* x509);
  void AddUsages(X509* x509);
  void AddKeyIds(X509* x509, EVP_PKEY* issuer_key);
  void AddConstraints(X509* x509);

  std::string subject_;
  SharedKey key_;
  absl::Time not_before_;
  absl::Time not_after_;
  int version_ = 3;
  std::optional<int64_t> serial_;
  std::vector<std::pair<int, std::string>> sans_;
  bool san_critical_ = false;
  bool empty_san_ = false;
  std::optional<uint32_t> usage_;
  std::optional<std::vector<std::string>> extended_usage_;
  bool has_constraints_ = false;
  bool constraints_critical_ = true;
  bool ca_ = false;
  int path_length_ = -1;
  bool key_ids_ = true;
  std::optional<std::string> authority_key_id_;
  std::vector<std::pair<int, std::string>> permitted_;
  std::vector<std::pair<int, std::string>> excluded_;
  std::vector<RawExtension> extensions_;
  std::vector<std::pair<std::string, std::string>> config_extensions_;
  std::string digest_ = "SHA256";
  bool pss_ = false;
  std::optional<std::string> issuer_name_;
  std::function<void(X509*)> tweak_;
};

}  // namespace sallyport::testing
