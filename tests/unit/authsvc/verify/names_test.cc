// Name constraints, with every case of reference x509.md that OpenSSL takes and should not.
#include <gtest/gtest.h>

#include "authsvc/verify/name_syntax.h"
#include "tests/unit/authsvc/verify/verify_questions.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

constexpr Reason kOk = Reason::kAllowed;
constexpr Reason kNo = Reason::kCertNameConstraint;

// A leaf with one SAN under an intermediate with one constraint.
PathResult Try(bool permitted, int kind, absl::string_view base, int san_kind,
               absl::string_view san, bool leading_period = false) {
  const TestCert root = MakeRoot();
  CertBuilder builder("CN=I");
  builder.Ca();
  if (permitted) builder.Permit(kind, base);
  if (!permitted) builder.Exclude(kind, base);
  const TestCert inter = builder.SignBy(root);
  const TestCert leaf = CertBuilder("CN=x").San(san_kind, san).SignBy(inter);
  TrustSpec spec;
  spec.authorities = {root.cert};
  spec.allow_leading_period = leading_period;
  return Verify({leaf, inter}, TrustSet::Make(std::move(spec)));
}
Reason Permitted(int kind, absl::string_view base, absl::string_view san) {
  return ReasonOf(Try(true, kind, base, kind, san));
}
Reason Excluded(int kind, absl::string_view base, absl::string_view san) {
  return ReasonOf(Try(false, kind, base, kind, san));
}

TEST(DnsConstraintTest, Subtrees) {
  EXPECT_EQ(Permitted(GEN_DNS, "good.com", "good.com"), kOk);
  EXPECT_EQ(Permitted(GEN_DNS, "good.com", "a.b.good.com"), kOk);
  EXPECT_EQ(Permitted(GEN_DNS, "good.com", "GOOD.com"), kOk);
  EXPECT_EQ(Permitted(GEN_DNS, "good.com", "notgood.com"), kNo);
  EXPECT_EQ(Permitted(GEN_DNS, "good.com", "com"), kNo);
  EXPECT_EQ(Permitted(GEN_DNS, "", "anything.org"), kOk);
  EXPECT_EQ(Excluded(GEN_DNS, "evil.com", "good.com"), kOk);
  EXPECT_EQ(Excluded(GEN_DNS, "evil.com", "a.EVIL.com"), kNo);
  EXPECT_EQ(Excluded(GEN_DNS, "", "good.com"), kNo);
  EXPECT_EQ(Permitted(GEN_DNS, "good.com", "*.good.com"), kOk);
  EXPECT_EQ(Permitted(GEN_DNS, "a.good.com", "*.good.com"), kNo);
}

TEST(DnsConstraintTest, WildcardThatCanFallIntoAnExcludedSubtree) {
  EXPECT_EQ(Excluded(GEN_DNS, "secret.good.com", "*.good.com"), kNo);
  EXPECT_EQ(Excluded(GEN_DNS, "a.secret.good.com", "*.good.com"), kNo);
  EXPECT_EQ(Excluded(GEN_DNS, "secret.good.com", "*.other.com"), kOk);
  EXPECT_EQ(Excluded(GEN_DNS, "good.com", "*.good.com"), kNo);
}

TEST(DnsConstraintTest, LeadingPeriod) {
  const PathResult refused = Try(true, GEN_DNS, ".good.com", GEN_DNS, "a.good.com");
  EXPECT_EQ(ReasonOf(refused), kNo);
  EXPECT_NE(refused.failure->detail.find(".good.com"), std::string::npos) << "it is named";
  EXPECT_EQ(ReasonOf(Try(false, GEN_DNS, ".evil.com", GEN_DNS, "good.com")), kNo);
  EXPECT_EQ(ReasonOf(Try(true, GEN_DNS, ".good.com", GEN_DNS, "a.good.com", true)), kOk);
  EXPECT_EQ(ReasonOf(Try(true, GEN_DNS, ".good.com", GEN_DNS, "good.com", true)), kNo);
  EXPECT_EQ(ReasonOf(Try(true, GEN_DNS, ".good.com", GEN_DNS, "*.good.com", true)), kOk);
  EXPECT_EQ(ReasonOf(Try(false, GEN_DNS, ".evil.com", GEN_DNS, "a.evil.com", true)), kNo);
  EXPECT_EQ(ReasonOf(Try(true, GEN_DNS, ".good.com", GEN_URI, "spiffe://x/y")), kOk)
      << "no DNS name below it";
}

TEST(DnsConstraintTest, NamesThatDoNotParse) {
  for (const absl::string_view bad :
       {absl::string_view("a.good.com."), absl::string_view("a\0.good.com", 11),
        absl::string_view("a b.good.com"), absl::string_view("..good.com"),
        absl::string_view("f*o.good.com"), absl::string_view("a.*.good.com"),
        absl::string_view("*"), absl::string_view(""), absl::string_view("b\xc3\xbc.good.com")}) {
    EXPECT_EQ(Permitted(GEN_DNS, "good.com", bad), kNo) << bad;
    EXPECT_EQ(Excluded(GEN_DNS, "evil.com", bad), kNo) << bad;
  }
  EXPECT_EQ(Excluded(GEN_DNS, "evil.com", "evil.com."), kNo) << "trailing dot";
  EXPECT_EQ(Permitted(GEN_DNS, "*.good.com", "a.good.com"), kNo) << "no such constraint";
}

TEST(DnsConstraintTest, CommonNameIsNotAHostName) {
  const TestCert root = MakeRoot();
  const TestCert inter = CertBuilder("CN=I").Ca().Permit(GEN_DNS, "good.com").SignBy(root);
  const TestCert leaf = CertBuilder("CN=alice.smith").SignBy(inter);
  EXPECT_EQ(ReasonFor({leaf, inter}, Trust({root})), kOk);
}

TEST(UriConstraintTest, HostByRfc3986) {
  EXPECT_EQ(Permitted(GEN_URI, ".good.com", "https://a.good.com/x"), kOk);
  EXPECT_EQ(Permitted(GEN_URI, ".good.com", "https://good.com/x"), kNo);
  EXPECT_EQ(Permitted(GEN_URI, "good.com", "https://good.com:8443/x"), kOk);
  EXPECT_EQ(Permitted(GEN_URI, "good.com", "spiffe://good.com/a:b"), kOk) << ": in the path";
  EXPECT_EQ(Permitted(GEN_URI, "good.com", "https://GOOD.com"), kOk);
  EXPECT_EQ(Permitted(GEN_URI, "good.com", "https://user:p@good.com/"), kOk);
  EXPECT_EQ(Permitted(GEN_URI, "good.com", "https://a.good.com/"), kNo);

  EXPECT_EQ(Permitted(GEN_URI, ".good.com", "spiffe://evil.com/.good.com:x"), kNo);
  EXPECT_EQ(Permitted(GEN_URI, ".good.com", "https://evil.com?.good.com"), kNo);
  EXPECT_EQ(Permitted(GEN_URI, ".good.com", "https://evil.com#.good.com"), kNo);
  EXPECT_EQ(Permitted(GEN_URI, ".good.com", "https://a.good.com@evil.com/"), kNo);
  EXPECT_EQ(Permitted(GEN_URI, ".good.com", "https://evil.com\\.good.com/"), kNo);

  EXPECT_EQ(Excluded(GEN_URI, "evil.com", "spiffe://evil.com/a:b"), kNo);
  EXPECT_EQ(Excluded(GEN_URI, "evil.com", "https://u:p@evil.com/"), kNo);
  EXPECT_EQ(Excluded(GEN_URI, "evil.com", "https://evil.com./"), kNo);
  EXPECT_EQ(Excluded(GEN_URI, "evil.com", "https://good.com/"), kOk);
}

TEST(UriConstraintTest, WithoutAHostName) {
  for (const char* bad :
       {"urn:x", "spiffe:///x", "https://10.0.0.1/", "https://[::1]/", "x", "https://0x7f000001/",
        "https://a b/", "https://good.com:x/", "://good.com"}) {
    EXPECT_EQ(Permitted(GEN_URI, "good.com", bad), kNo) << bad;
    EXPECT_EQ(Excluded(GEN_URI, "evil.com", bad), kNo) << bad;
  }
}

TEST(UriConstraintTest, EmptyExcludedMeansEverything) {
  EXPECT_EQ(Excluded(GEN_URI, "", "https://good.com/"), kNo);
  EXPECT_EQ(Excluded(GEN_URI, "", "urn:x"), kNo);
}

TEST(EmailConstraintTest, Forms) {
  EXPECT_EQ(Permitted(GEN_EMAIL, "good.com", "a@good.com"), kOk);
  EXPECT_EQ(Permitted(GEN_EMAIL, "good.com", "a@GOOD.com"), kOk);
  EXPECT_EQ(Permitted(GEN_EMAIL, "good.com", "a@b.good.com"), kNo);
  EXPECT_EQ(Permitted(GEN_EMAIL, ".good.com", "a@b.good.com"), kOk);
  EXPECT_EQ(Permitted(GEN_EMAIL, ".good.com", "a@good.com"), kNo);
  EXPECT_EQ(Permitted(GEN_EMAIL, "a@good.com", "a@good.com"), kOk);
  EXPECT_EQ(Permitted(GEN_EMAIL, "a@good.com", "A@good.com"), kNo) << "local part has case";
  EXPECT_EQ(Excluded(GEN_EMAIL, "evil.com", "a@evil.com"), kNo);
  EXPECT_EQ(Excluded(GEN_EMAIL, "evil.com", "a@good.com"), kOk);
  EXPECT_EQ(Excluded(GEN_EMAIL, "", "a@good.com"), kNo) << "an empty one means everything";
}

TEST(EmailConstraintTest, MalformedAddresses) {
  for (const absl::string_view bad :
       {absl::string_view("a@evil.com\0@good.com", 20),
        absl::string_view("\"a@evil.com\"@good.com"), absl::string_view("\"a\"@good.com"),
        absl::string_view("good.com"), absl::string_view("@good.com"),
        absl::string_view("a@good.com."), absl::string_view("a@[10.0.0.1]")}) {
    EXPECT_EQ(Permitted(GEN_EMAIL, "good.com", bad), kNo) << bad;
    EXPECT_EQ(Excluded(GEN_EMAIL, "evil.com", bad), kNo) << bad;
  }
}

TEST(EmailConstraintTest, HoldsForTheSubjectToo) {
  const TestCert root = MakeRoot();
  const TestCert inter = CertBuilder("CN=I").Ca().Permit(GEN_EMAIL, "good.com").SignBy(root);
  const TestCert leaf = CertBuilder("CN=x,emailAddress=a@evil.com").SignBy(inter);
  EXPECT_EQ(ReasonFor({leaf, inter}, Trust({root})), kNo);
  const TestCert good = CertBuilder("CN=x,emailAddress=a@good.com").SignBy(inter);
  EXPECT_EQ(ReasonFor({good, inter}, Trust({root})), kOk);
}

TEST(AddressConstraintTest, Masks) {
  const absl::string_view net("\x0a\0\0\0\xff\0\0\0", 8);
  EXPECT_EQ(Permitted(GEN_IPADD, net, absl::string_view("\x0a\x01\x02\x03", 4)), kOk);
  EXPECT_EQ(Permitted(GEN_IPADD, net, absl::string_view("\x0b\x01\x02\x03", 4)), kNo);
  EXPECT_EQ(Excluded(GEN_IPADD, net, absl::string_view("\x0a\x01\x02\x03", 4)), kNo);
  EXPECT_EQ(Excluded(GEN_IPADD, net, absl::string_view("\x0b\x01\x02\x03", 4)), kOk);
  EXPECT_EQ(Permitted(GEN_IPADD, net, std::string(16, '\0')), kNo);
  EXPECT_EQ(Excluded(GEN_IPADD, net,
                     absl::string_view("\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x01\x02\x03", 16)),
            kNo)
      << "the same address, IPv4-mapped";
  EXPECT_EQ(Permitted(GEN_IPADD, net, "abc"), kNo) << "address of 3 bytes";
  EXPECT_EQ(Permitted(GEN_IPADD, "abcd", absl::string_view("\x0a\x01\x02\x03", 4)), kNo)
      << "constraint without mask";
}

TEST(DirectoryConstraintTest, Prefixes) {
  const auto with = [](bool permitted, absl::string_view base, absl::string_view subject) {
    const TestCert root = MakeRoot();
    CertBuilder builder("O=Acme,CN=I");
    builder.Ca();
    if (permitted) builder.Permit(GEN_DIRNAME, base);
    if (!permitted) builder.Exclude(GEN_DIRNAME, base);
    const TestCert inter = builder.SignBy(root);
    return ReasonFor({CertBuilder(subject).SignBy(inter), inter}, Trust({root}));
  };
  EXPECT_EQ(with(true, "O=Acme", "O=Acme,OU=x,CN=alice"), kOk);
  EXPECT_EQ(with(true, "O=Acme", "O=acme,CN=alice"), kOk) << "names compare without case";
  EXPECT_EQ(with(true, "O=Acme", "O=Acme2,CN=alice"), kNo);
  EXPECT_EQ(with(true, "O=Acme,OU=x", "O=Acme"), kNo);
  EXPECT_EQ(with(true, "OU=x", "O=Acme,OU=x"), kNo) << "from the root, not anywhere";
  EXPECT_EQ(with(false, "O=Acme,OU=evil", "O=Acme,OU=evil,CN=alice"), kNo);
  EXPECT_EQ(with(false, "O=Acme,OU=evil", "O=Acme,OU=good,CN=alice"), kOk);
  EXPECT_EQ(with(true, "", "O=Any"), kOk);
}

TEST(DirectoryConstraintTest, HoldsForDirectorySans) {
  const TestCert root = MakeRoot();
  const TestCert inter = CertBuilder("O=Acme").Ca().Permit(GEN_DIRNAME, "O=Acme").SignBy(root);
  const TestCert leaf = CertBuilder("O=Acme,CN=x").Directory("O=Evil").SignBy(inter);
  EXPECT_EQ(ReasonFor({leaf, inter}, Trust({root})), kNo);
}

TEST(ConstraintTest, OtherKindsAreRefusedOnlyWhereTheyMeet) {
  EXPECT_EQ(Permitted(GEN_RID, "1.2.3", "1.2.3.4"), kNo);
  EXPECT_EQ(ReasonOf(Try(true, GEN_RID, "1.2.3", GEN_DNS, "good.com")), kOk);
  EXPECT_EQ(ReasonOf(Try(true, GEN_DNS, "good.com", GEN_URI, "https://evil.com/")), kOk);
}

TEST(ConstraintTest, SmtpUtf8MailboxIsAnEmailAddress) {
  const TestCert root = MakeRoot();
  const TestCert inter = CertBuilder("CN=I").Ca().Permit(GEN_EMAIL, "good.com").SignBy(root);
  // otherName {id-on-SmtpUTF8Mailbox, UTF8String "a@evil.com"}
  const std::string der =
      std::string("\x30\x1a\xa0\x18\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x09\xa0\x0c\x0c\x0a", 18) +
      "a@evil.com";
  const TestCert leaf = CertBuilder("CN=x").Extension("2.5.29.17", false, der).SignBy(inter);
  ASSERT_FALSE(leaf.cert->certificate_defect) << leaf.cert->certificate_defect->detail;
  EXPECT_EQ(ReasonFor({leaf, inter}, Trust({root})), kNo);
}

TEST(ConstraintTest, MinimumIsRefused) {
  const TestCert root = MakeRoot();
  // permitted { dNSName "a", minimum 1 }
  const std::string der(
      "\x30\x0a\xa0\x08\x30\x06\x82\x01"
      "a"
      "\x80\x01\x01",
      12);
  const TestCert inter = CertBuilder("CN=I").Ca().Extension("2.5.29.30", true, der).SignBy(root);
  ASSERT_FALSE(inter.cert->certificate_defect);
  const TestCert leaf = CertBuilder("CN=x").Dns("a").SignBy(inter);
  const PathResult result = Verify({leaf, inter}, Trust({root}));
  EXPECT_EQ(ReasonOf(result), kNo);
  EXPECT_EQ(result.failure->x509_error, X509_V_ERR_SUBTREE_MINMAX);
}

TEST(ConstraintTest, HoldsForEveryCertificateBelowAndFromAnchors) {
  const TestCert root = CertBuilder("CN=Root").Ca().Permit(GEN_DNS, "good.com").SelfSign();
  const TestCert bad_inter = CertBuilder("CN=I").Ca().Dns("evil.com").SignBy(root);
  const TestCert leaf = CertBuilder("CN=x").Dns("a.good.com").SignBy(bad_inter);
  const PathResult result = Verify({leaf, bad_inter}, Trust({root}));
  EXPECT_EQ(ReasonOf(result), kNo);
  EXPECT_EQ(result.failure->depth, 1);
  const TestCert direct = CertBuilder("CN=x").Dns("evil.com").SignBy(root);
  EXPECT_EQ(ReasonFor({direct}, Trust({root})), kNo) << "anchors constrain too";
}

TEST(ConstraintTest, NotForSelfIssuedIntermediates) {
  const TestCert root = CertBuilder("CN=Root").Ca().Permit(GEN_DIRNAME, "O=Acme").SelfSign();
  const TestCert rolled = CertBuilder("CN=Root").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("O=Acme,CN=x").SignBy(rolled);
  EXPECT_EQ(ReasonFor({leaf, rolled}, Trust({root})), kOk);
  const TestCert self_issued_leaf = CertBuilder("CN=Root").SignBy(root);
  EXPECT_EQ(ReasonFor({self_issued_leaf}, Trust({root})), kNo) << "a leaf is always checked";
}

TEST(NameSyntaxTest, Hosts) {
  EXPECT_EQ(ReadHost("A.b", false), "a.b");
  EXPECT_EQ(ReadHost("*.b", true), "*.b");
  EXPECT_FALSE(ReadHost("*.b", false));
  EXPECT_FALSE(ReadHost("*", true));
  EXPECT_FALSE(ReadHost("-a", false));
  EXPECT_FALSE(ReadHost(std::string(64, 'a'), false));
  EXPECT_FALSE(ReadUriHost("https://a@b@good.com/"));
  EXPECT_FALSE(ReadUriHost("1https://good.com/"));
}

}  // namespace
}  // namespace sallyport::authsvc
