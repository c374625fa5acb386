// OpenSSL judges the same fixed chain. Every case says what either answers; where the two differ,
// why. Then random mixtures: a chain is good for either exactly when all of its parts are.
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <random>

#include "tests/unit/authsvc/verify/verify_questions.h"

namespace sallyport::authsvc {
namespace {

// Leaf first, anchor last. As an ordinary user calls it: client purpose, 112 bits of security, an
// anchor need not be self-signed, host names are not looked for in the subject.
bool OpensslAccepts(absl::Span<const TestCert> chain) {
  const crypto::ErrorScope errors;
  const crypto::UniqueX509Store store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), chain.back().cert->x509.get());
  const crypto::UniqueX509Stack untrusted(sk_X509_new_null());
  for (size_t i = 1; i + 1 < chain.size(); ++i) {
    sk_X509_push(untrusted.get(), crypto::ShareX509(chain[i].cert->x509.get()).release());
  }
  const crypto::UniqueX509StoreCtx context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), chain[0].cert->x509.get(), untrusted.get());
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
  X509_VERIFY_PARAM_set_time(param, absl::ToTimeT(TestNow()));
  X509_VERIFY_PARAM_set_auth_level(param, 2);
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return X509_verify_cert(context.get()) == 1;
}

bool WeAccept(const std::array<TestCert, 3>& chain) {
  return Verify({chain[0], chain[1]}, Trust({chain[2]})).ok();
}

enum Verdict : uint8_t { kBoth, kNeither, kOnlyOpenssl, kOnlyWe };
bool Ours(Verdict verdict) { return verdict == kBoth || verdict == kOnlyWe; }
bool Openssls(Verdict verdict) { return verdict == kBoth || verdict == kOnlyOpenssl; }

// One change of one certificate. Changes of one slot exclude each other.
struct Change {
  const char* name;
  const char* slot;
  void (*apply)(CertBuilder& builder);
  Verdict verdict;
  const char* why;  // of a difference
};

const absl::string_view kNull("\x05\0", 2);

const Change kLeafChanges[] = {
    {"none", "time", [](CertBuilder&) {}, kBoth, ""},
    {"expired", "time", [](CertBuilder& b) { b.Expired(); }, kNeither, ""},
    {"not yet valid", "time", [](CertBuilder& b) { b.NotYetValid(); }, kNeither, ""},
    {"ends now", "time", [](CertBuilder& b) { b.Valid(TestNow() - absl::Hours(1), TestNow()); },
     kOnlyWe, "notAfter is inclusive (RFC 5280 4.1.2.5)"},
    {"RSA-1024", "key", [](CertBuilder& b) { b.Key(KeyType::kRsa1024); }, kNeither, ""},
    {"RSA-2048", "key", [](CertBuilder& b) { b.Key(KeyType::kRsa2048); }, kBoth, ""},
    {"Ed25519", "key", [](CertBuilder& b) { b.Key(KeyType::kEd25519); }, kBoth, ""},
    {"DSA", "key", [](CertBuilder& b) { b.Key(KeyType::kDsa); }, kOnlyOpenssl,
     "TLS 1.3 has no DSA"},
    {"secp256k1", "key", [](CertBuilder& b) { b.Key(KeyType::kSecp256k1); }, kOnlyOpenssl,
     "not a curve of TLS"},
    {"explicit curve", "key",
     [](CertBuilder& b) {
       testing::SharedKey key = testing::MakeKey(KeyType::kP256);
       EVP_PKEY_set_utf8_string_param(key.get(), "encoding", "explicit");
       b.Key(key);
     },
     kNeither, ""},
    {"no KU", "usage", [](CertBuilder& b) { b.Usage(std::nullopt); }, kBoth, ""},
    {"KU keyEncipherment", "usage", [](CertBuilder& b) { b.Usage(KU_KEY_ENCIPHERMENT); }, kNeither,
     ""},
    {"KU keyAgreement", "usage", [](CertBuilder& b) { b.Usage(KU_KEY_AGREEMENT); }, kOnlyOpenssl,
     "the key signs the handshake (RFC 8446 4.4.2.2)"},
    {"no EKU", "eku", [](CertBuilder& b) { b.NoExtendedUsage(); }, kBoth, ""},
    {"anyEKU", "eku", [](CertBuilder& b) { b.ExtendedUsage({"anyExtendedKeyUsage"}); }, kOnlyWe,
     "any purpose includes clientAuth (RFC 5280 4.2.1.12)"},
    {"serverAuth", "eku", [](CertBuilder& b) { b.ServerAuth(); }, kNeither, ""},
    {"empty EKU", "eku", [](CertBuilder& b) { b.ExtendedUsage({}); }, kNeither, ""},
    {"no key ids", "ids", [](CertBuilder& b) { b.NoKeyIds(); }, kBoth, ""},
    {"AKI mismatch", "ids", [](CertBuilder& b) { b.AuthorityKeyId("other"); }, kOnlyWe,
     "the key id is a hint (RFC 5280 4.2.1.1); the signature decides"},
    {"negative serial", "serial", [](CertBuilder& b) { b.Serial(-1); }, kBoth, ""},
    {"unknown extension", "extension", [](CertBuilder& b) { b.Extension("1.2.3.4", false, kNull); },
     kBoth, ""},
    {"critical extension", "extension", [](CertBuilder& b) { b.Extension("1.2.3.4", true, kNull); },
     kNeither, ""},
    {"doubled extension", "extension",
     [](CertBuilder& b) {
       b.Extension("1.2.3.4", false, kNull).Extension("1.2.3.4", false, kNull);
     },
     kOnlyOpenssl, "at most one of each (RFC 5280 4.2); OpenSSL looks at those it knows"},
    {"SHA-1", "digest", [](CertBuilder& b) { b.Digest("SHA1"); }, kNeither, ""},
    {"SHA-384", "digest", [](CertBuilder& b) { b.Digest("SHA384"); }, kBoth, ""},
    {"SHA3-256", "digest", [](CertBuilder& b) { b.Digest("SHA3-256"); }, kNeither, ""},
    {"empty SAN", "san", [](CertBuilder& b) { b.EmptySan(); }, kOnlyOpenssl,
     "a SEQUENCE of at least one (RFC 5280 4.2.1.6)"},
};

const Change kIntermediateChanges[] = {
    {"expired", "time", [](CertBuilder& b) { b.Expired(); }, kNeither, ""},
    {"not yet valid", "time", [](CertBuilder& b) { b.NotYetValid(); }, kNeither, ""},
    {"RSA-1024", "key", [](CertBuilder& b) { b.Key(KeyType::kRsa1024); }, kNeither, ""},
    {"RSA-2048", "key", [](CertBuilder& b) { b.Key(KeyType::kRsa2048); }, kBoth, ""},
    {"P-384", "key", [](CertBuilder& b) { b.Key(KeyType::kP384); }, kBoth, ""},
    {"not a CA", "ca", [](CertBuilder& b) { b.BasicConstraints(true, false); }, kNeither, ""},
    {"no constraints", "ca", [](CertBuilder& b) { b.NoBasicConstraints(); }, kNeither, ""},
    {"not critical", "ca", [](CertBuilder& b) { b.BasicConstraints(false, true); }, kBoth, ""},
    {"path length 0", "ca", [](CertBuilder& b) { b.BasicConstraints(true, true, 0); }, kBoth, ""},
    {"no KU", "usage", [](CertBuilder& b) { b.Usage(std::nullopt); }, kBoth, ""},
    {"no keyCertSign", "usage", [](CertBuilder& b) { b.Usage(KU_CRL_SIGN); }, kNeither, ""},
    {"serverAuth", "eku", [](CertBuilder& b) { b.ServerAuth(); }, kNeither, ""},
    {"clientAuth", "eku", [](CertBuilder& b) { b.ExtendedUsage({"clientAuth"}); }, kBoth, ""},
    {"anyEKU", "eku", [](CertBuilder& b) { b.ExtendedUsage({"anyExtendedKeyUsage"}); }, kOnlyWe,
     "any purpose includes clientAuth (RFC 5280 4.2.1.12)"},
    {"SHA-1", "digest", [](CertBuilder& b) { b.Digest("SHA1"); }, kNeither, ""},
    {"policy wanted", "policy",
     [](CertBuilder& b) { b.ConfigExtension("policyConstraints", "requireExplicitPolicy:0"); },
     kOnlyOpenssl, "OpenSSL evaluates policies only when told to (RFC 5280 6.1)"},
};

const Change kAnchorChanges[] = {
    {"expired", "time", [](CertBuilder& b) { b.Expired(); }, kNeither, ""},
    {"RSA-1024", "key", [](CertBuilder& b) { b.Key(KeyType::kRsa1024); }, kNeither, ""},
    {"SHA-1 on itself", "digest", [](CertBuilder& b) { b.Digest("SHA1"); }, kBoth, ""},
    {"path length 0", "ca", [](CertBuilder& b) { b.BasicConstraints(true, true, 0); }, kNeither,
     ""},
    {"path length 1", "ca", [](CertBuilder& b) { b.BasicConstraints(true, true, 1); }, kBoth, ""},
    {"no constraints", "ca", [](CertBuilder& b) { b.NoBasicConstraints(); }, kOnlyOpenssl,
     "a CA says that it is one; OpenSSL takes keyCertSign for it"},
    {"not a CA", "ca", [](CertBuilder& b) { b.BasicConstraints(true, false); }, kNeither, ""},
    {"version 1", "ca", [](CertBuilder& b) { b.Version(1); }, kOnlyOpenssl,
     "version 1 cannot say that it is a CA; OpenSSL takes self-signed ones"},
    {"no keyCertSign", "usage", [](CertBuilder& b) { b.Usage(KU_CRL_SIGN); }, kNeither, ""},
    {"serverAuth", "eku", [](CertBuilder& b) { b.ServerAuth(); }, kNeither, ""},
};

// A constraint on the intermediate and a name in the leaf.
struct NameCase {
  bool permitted;
  int base_kind;
  absl::string_view base;
  int san_kind;
  absl::string_view san;
  Verdict verdict;
  const char* why;
};

const NameCase kNameCases[] = {
    {true, GEN_DNS, "good.com", GEN_DNS, "a.good.com", kBoth, ""},
    {true, GEN_DNS, "good.com", GEN_DNS, "a.evil.com", kNeither, ""},
    {true, GEN_DNS, "good.com", GEN_DNS, "notgood.com", kNeither, ""},
    {false, GEN_DNS, "evil.com", GEN_DNS, "a.evil.com", kNeither, ""},
    {false, GEN_DNS, "evil.com", GEN_DNS, "a.good.com", kBoth, ""},
    {true, GEN_DNS, "good.com", GEN_URI, "urn:x", kBoth, ""},
    {false, GEN_DNS, "secret.good.com", GEN_DNS, "*.good.com", kOnlyOpenssl,
     "the wildcard can stand for the excluded name"},
    {true, GEN_DNS, ".good.com", GEN_DNS, "a.good.com", kOnlyOpenssl,
     "no leading period in DNS constraints (RFC 5280 4.2.1.10)"},
    {true, GEN_DNS, "good.com", GEN_DNS, "a b.good.com", kOnlyOpenssl, "not a host name"},
    {false, GEN_DNS, "evil.com", GEN_DNS, "evil.com.", kOnlyOpenssl, "trailing dot"},
    {true, GEN_URI, ".good.com", GEN_URI, "https://a.good.com/x", kBoth, ""},
    {true, GEN_URI, ".good.com", GEN_URI, "https://a.evil.com/x", kNeither, ""},
    {true, GEN_URI, ".good.com", GEN_URI, "spiffe://evil.com/.good.com:x", kOnlyOpenssl,
     "the host ends at the path (RFC 3986 3.2)"},
    {true, GEN_URI, ".good.com", GEN_URI, "https://evil.com?.good.com", kOnlyOpenssl,
     "the host ends at the query (RFC 3986 3.2)"},
    {false, GEN_URI, "evil.com", GEN_URI, "spiffe://evil.com/a:b", kOnlyOpenssl,
     "the colon is in the path"},
    {false, GEN_URI, "evil.com", GEN_URI, "https://u:p@evil.com/", kOnlyOpenssl,
     "user information is not the host"},
    {false, GEN_URI, "evil.com", GEN_URI, "https://evil.com./", kOnlyOpenssl, "trailing dot"},
    {true, GEN_URI, "good.com", GEN_URI, "spiffe://good.com/a:b", kOnlyWe,
     "the colon is in the path"},
    {false, GEN_URI, "", GEN_URI, "https://good.com/", kOnlyOpenssl, "empty means everything"},
    {true, GEN_EMAIL, "good.com", GEN_EMAIL, "a@good.com", kBoth, ""},
    {true, GEN_EMAIL, "good.com", GEN_EMAIL, "a@evil.com", kNeither, ""},
    {false, GEN_EMAIL, "evil.com", GEN_EMAIL, "a@evil.com", kNeither, ""},
    {true, GEN_EMAIL, "good.com", GEN_EMAIL, "\"a\"@good.com", kOnlyOpenssl,
     "a quoted local part can hide a second address"},
    {false, GEN_EMAIL, "", GEN_EMAIL, "a@good.com", kOnlyOpenssl, "empty means everything"},
    {true, GEN_DIRNAME, "O=Acme", GEN_DNS, "good.com", kBoth, ""},
    {true, GEN_DIRNAME, "O=Other", GEN_DNS, "good.com", kNeither, ""},
    {false, GEN_DIRNAME, "O=Acme", GEN_DNS, "good.com", kNeither, ""},
};

struct Mixture {
  std::vector<const Change*> leaf;
  std::vector<const Change*> intermediate;
  std::vector<const Change*> anchor;
  const NameCase* names = nullptr;
  int broken = -1;  // whose signature
};

CertBuilder Apply(CertBuilder builder, const std::vector<const Change*>& changes) {
  for (const Change* change : changes) change->apply(builder);
  return builder;
}

std::array<TestCert, 3> Build(const Mixture& mixture) {
  std::array<TestCert, 3> chain;
  chain[2] = Apply(CertBuilder("CN=Root").Ca(), mixture.anchor).SelfSign();
  CertBuilder intermediate = Apply(CertBuilder("CN=I").Ca(), mixture.intermediate);
  CertBuilder leaf = Apply(CertBuilder("O=Acme,CN=x"), mixture.leaf);
  if (mixture.names != nullptr) {
    const NameCase& names = *mixture.names;
    if (names.permitted) intermediate.Permit(names.base_kind, names.base);
    if (!names.permitted) intermediate.Exclude(names.base_kind, names.base);
    leaf.San(names.san_kind, names.san);
  }
  chain[1] = intermediate.SignBy(chain[2]);
  chain[0] = leaf.SignBy(chain[1]);
  if (mixture.broken >= 0) {
    TestCert& broken = chain[static_cast<size_t>(mixture.broken)];
    broken = testing::WithBrokenSignature(broken);
  }
  return chain;
}

void Expect(const Mixture& mixture, bool (*side)(Verdict), bool actual, const char* who) {
  bool wanted = mixture.broken < 0;
  std::string parts =
      mixture.broken < 0 ? "" : " broken signature " + std::to_string(mixture.broken);
  for (const auto* list : {&mixture.leaf, &mixture.intermediate, &mixture.anchor}) {
    parts += " |";
    for (const Change* change : *list) {
      wanted = wanted && side(change->verdict);
      parts += std::string(" ") + change->name;
    }
  }
  if (mixture.names != nullptr) {
    wanted = wanted && side(mixture.names->verdict);
    absl::StrAppend(&parts, " | ", mixture.names->base, " over ", mixture.names->san);
  }
  EXPECT_EQ(actual, wanted) << who << parts;
}

void Check(const Mixture& mixture) {
  const std::array<TestCert, 3> chain = Build(mixture);
  for (const TestCert& made : chain) ASSERT_NE(made.cert, nullptr);
  Expect(mixture, Ours, WeAccept(chain), "we:");
  Expect(mixture, Openssls, OpensslAccepts(chain), "OpenSSL:");
}

TEST(OracleTest, EachChangeAlone) {
  for (const Change& change : kLeafChanges) Check({.leaf = {&change}});
  for (const Change& change : kIntermediateChanges) Check({.intermediate = {&change}});
  for (const Change& change : kAnchorChanges) Check({.anchor = {&change}});
  for (const NameCase& names : kNameCases) Check({.names = &names});
  Check({.broken = 0});
  Check({.broken = 1});
}

TEST(OracleTest, EveryDifferenceIsExplained) {
  const auto explained = [](Verdict verdict, const char* why) {
    const bool differs = verdict == kOnlyOpenssl || verdict == kOnlyWe;
    return differs == (*why != '\0');
  };
  for (const Change& change : kLeafChanges) EXPECT_TRUE(explained(change.verdict, change.why));
  for (const Change& change : kIntermediateChanges) {
    EXPECT_TRUE(explained(change.verdict, change.why));
  }
  for (const Change& change : kAnchorChanges) EXPECT_TRUE(explained(change.verdict, change.why));
  for (const NameCase& names : kNameCases) EXPECT_TRUE(explained(names.verdict, names.why));
}

// Explicit curve parameters on a single certificate: OpenSSL looks for them in longer chains only.
TEST(OracleTest, ExplicitCurveOnASingleCertificate) {
  testing::SharedKey key = testing::MakeKey(KeyType::kP256);
  EVP_PKEY_set_utf8_string_param(key.get(), "encoding", "explicit");
  const TestCert made = CertBuilder("CN=x").Key(key).SelfSign();
  EXPECT_TRUE(OpensslAccepts({&made, 1}));
  EXPECT_EQ(ReasonFor({made}, TrustExactly(made)), base::Reason::kCertWeakKey);
}

// A subject that is empty without a SAN names nobody (RFC 5280 4.1.2.6).
TEST(OracleTest, NeitherSubjectNorSan) {
  const TestCert root = MakeRoot();
  const std::array<TestCert, 2> chain = {CertBuilder("").SignBy(root), root};
  EXPECT_TRUE(OpensslAccepts(chain));
  EXPECT_EQ(ReasonFor({chain[0]}, Trust({root})), base::Reason::kCertMalformed);
}

// OpenSSL commits to one issuer and never goes back; handed the good path alone it agrees with us.
TEST(OracleTest, OpensslAgreesOnThePathThatWasFound) {
  const testing::SharedKey key = testing::MakeKey(KeyType::kP256);
  const TestCert root = MakeRoot();
  const TestCert dead_end = CertBuilder("CN=I").Ca().Key(key).SignBy(MakeRoot("CN=Stranger"));
  const TestCert good = CertBuilder("CN=I").Ca().Key(key).SignBy(root);
  const TestCert leaf = CertBuilder("CN=x").SignBy(good);
  const PathResult result = Verify({leaf, dead_end, good}, Trust({root}));
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(OpensslAccepts(std::array<TestCert, 3>{leaf, good, root}));
  EXPECT_FALSE(OpensslAccepts(std::array<TestCert, 4>{leaf, dead_end, good, root}));
}

class Mixer {
 public:
  explicit Mixer(uint32_t seed) : random_(seed) {}

  Mixture Next() {
    Mixture mixture;
    mixture.leaf = Pick(kLeafChanges);
    mixture.intermediate = Pick(kIntermediateChanges);
    mixture.anchor = Pick(kAnchorChanges);
    if (Below(3) == 0) mixture.names = &kNameCases[Below(std::size(kNameCases))];
    if (Below(12) == 0) mixture.broken = static_cast<int>(Below(2));
    return mixture;
  }

 private:
  size_t Below(size_t n) { return random_() % n; }

  template <size_t kSize>
  std::vector<const Change*> Pick(const Change (&table)[kSize]) {
    std::vector<const Change*> picked;
    for (size_t count = Below(3); count > 0; --count) {
      const Change* change = &table[Below(kSize)];
      bool taken = false;
      for (const Change* other : picked) {
        taken = taken || absl::string_view(other->slot) == change->slot;
      }
      if (!taken) picked.push_back(change);
      // It has no extensions, so nothing that changes one can be seen beside it.
      if (absl::string_view(change->name) == "version 1") return {change};
    }
    return picked;
  }

  std::mt19937 random_;
};

TEST(OracleTest, RandomMixtures) {
  Mixer mixer(20261126);
  for (int i = 0; i < 200 && !HasFailure(); ++i) Check(mixer.Next());
}

}  // namespace
}  // namespace sallyport::authsvc
