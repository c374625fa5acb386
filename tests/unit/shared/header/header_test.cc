#include "gtest/gtest.h"
#include "shared/header/client_cert.h"
#include "shared/header/names.h"
#include "shared/header/xfcc.h"

namespace sallyport::header {
namespace {

TEST(BuildXfcc, SanitizeSetForm) {
  const std::vector<std::string> uris = {"spiffe://td/app"},
                                 dns = {"a.example.com", "b.example.com"};
  XfccFacts facts;
  facts.hash = "ab12";
  facts.subject = "CN=alice,O=Acme \"Inc\"";
  facts.uri_sans = uris;
  facts.dns_sans = dns;
  EXPECT_EQ(
      BuildXfcc(facts),
      "Hash=ab12;Subject=\"CN=alice,O=Acme \\\"Inc\\\"\";URI=spiffe://td/app;DNS=a.example.com;"
      "DNS=b.example.com");
}

TEST(BuildXfcc, NamesCannotBreakOut) {
  const std::vector<std::string> uris = {"spiffe://td/x;Hash=ff", "u,Hash=ee", "q\"=", "\r\nX: y"};
  const std::vector<std::string> dns = {"d;Subject=\"CN=root\""};
  XfccFacts facts;
  facts.hash = "ab12";
  facts.subject = "CN=x\\\",O=\n\x80\";Hash=evil;\"";
  facts.uri_sans = uris;
  facts.dns_sans = dns;
  const std::string value = BuildXfcc(facts);
  EXPECT_TRUE(IsFieldValue(value));
  for (char c : value) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
  const auto parsed = ParseRightmostXfcc(value);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->hash, "ab12");
  EXPECT_EQ(parsed->uri.size(), 4u);
  EXPECT_EQ(parsed->uri[0], uris[0]);
  EXPECT_EQ(parsed->uri[1], uris[1]);
  EXPECT_EQ(parsed->uri[2], uris[2]);
  EXPECT_EQ(parsed->dns, dns);
}

TEST(BuildXfcc, EmptySubject) {
  XfccFacts facts;
  facts.hash = "00";
  EXPECT_EQ(BuildXfcc(facts), "Hash=00;Subject=\"\"");
}

TEST(BuildXfcc, SelectedParts) {
  const std::vector<std::string> uris = {"spiffe://td/app"};
  const std::vector<std::string> issuers = {"ISSUER"};
  XfccFacts facts;
  facts.hash = "ab";
  facts.subject = "CN=x";
  facts.uri_sans = facts.dns_sans = uris;
  facts.issuers = issuers;
  XfccParts parts;
  parts.cert = parts.chain = true;
  // Without the leaf there is neither.
  EXPECT_EQ(BuildXfcc(facts, parts),
            "Hash=ab;Subject=\"CN=x\";URI=spiffe://td/app;DNS=spiffe://td/app");
  facts.leaf_der = "LEAF\xff\xfe";
  EXPECT_EQ(
      BuildXfcc(facts, parts),
      "Hash=ab;"
      "Cert=\"-----BEGIN%20CERTIFICATE-----%0ATEVBRv%2F%2B%0A-----END%20CERTIFICATE-----%0A\";"
      "Chain=\"-----BEGIN%20CERTIFICATE-----%0ATEVBRv%2F%2B%0A-----END%20CERTIFICATE-----%0A"
      "-----BEGIN%20CERTIFICATE-----%0ASVNTVUVS%0A-----END%20CERTIFICATE-----%0A\";"
      "Subject=\"CN=x\";URI=spiffe://td/app;DNS=spiffe://td/app");
  EXPECT_EQ(BuildXfcc(facts, {false, false, false, false, true, false}), "URI=spiffe://td/app");
  EXPECT_EQ(BuildXfcc(facts, {false, false, false, false, false, false}), "");
  const auto parsed = ParseRightmostXfcc(BuildXfcc(facts, parts));
  ASSERT_TRUE(parsed.ok());
  EXPECT_TRUE(parsed->has_cert);
}

TEST(BuildXfcc, PemLinesHave64Characters) {
  XfccFacts facts;
  const std::string der(96, 'a');  // two whole lines of Base64
  facts.leaf_der = der;
  const std::string value = BuildXfcc(facts, {false, true, false, false, false, false});
  const std::string line = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh";
  EXPECT_EQ(value, "Cert=\"-----BEGIN%20CERTIFICATE-----%0A" + line + "%0A" + line +
                       "%0A-----END%20CERTIFICATE-----%0A\"");
}

TEST(CheckXfcc, WhatOthersWrite) {
  for (const char* value :
       {"Hash=aa", "By=spiffe://p;Hash=aa;Subject=\"\";URI=", "Hash=aa,Hash=bb;URI=http://x?a=b",
        "Hash=aa;Subject=\"CN=a,\\\"b\\\",Hash=cc\" , Hash=bb"}) {
    EXPECT_TRUE(CheckXfcc(value).ok()) << value << CheckXfcc(value);
  }
}

// What could swallow or split the element behind it.
TEST(CheckXfcc, WhatIsNotClearIsRefused) {
  for (const char* value :
       {"", ",", "Hash=aa,", ",Hash=aa", "Hash", "Hash=aa,evil", "Hash=aa;Subject=\"CN=x",
        "URI=b\";Hash=\"x", "URI=a\"b,c\"d", "Subject=\"a\"b", "URI=a\\", "Subject=\"a\\\"",
        "Hash=aa\x01", "URI=caf\xc3\xa9", "Hash=aa;Hash=bb"}) {
    EXPECT_FALSE(CheckXfcc(value).ok()) << value;
  }
  EXPECT_FALSE(CheckXfcc("URI=" + std::string(70'000, 'a')).ok());
}

TEST(ParseXfcc, TheRightmostElementCounts) {
  const auto parsed = ParseRightmostXfcc(
      "Hash=aa;Subject=\"CN=a,b\" , By=spiffe://p;Hash=bb;cert=\"-----%20\";URI=");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->hash, "bb");
  EXPECT_EQ(parsed->by, std::vector<std::string>{"spiffe://p"});
  EXPECT_TRUE(parsed->has_cert);
  EXPECT_EQ(parsed->cert, "-----%20");
  EXPECT_EQ(parsed->uri, std::vector<std::string>{""});
}

TEST(ParseXfcc, CommasInQuotesDoNotSplit) {
  const auto parsed = ParseRightmostXfcc("Hash=aa;Subject=\"CN=x,Hash=bb;Cert=evil\"");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->hash, "aa");
  EXPECT_FALSE(parsed->has_cert);
}

TEST(ParseXfcc, UnescapedUrisOfOthersAreTolerated) {
  const auto parsed = ParseRightmostXfcc("Hash=aa;URI=https://h/p?a=b;DNS=x");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->uri[0], "https://h/p?a=b");
}

TEST(ParseXfcc, Refused) {
  for (const char* value :
       {"", " ", "Hash=aa,", "Hash", "Hash=a;Hash=b", "Cert=\"a\";cert=\"b\"", "Subject=\"open",
        "Subject=\"x\"y", "=x", "Hash=\"a\\\"", ";Hash=a", "Subject=\"a\";Subject=\"b\""}) {
    EXPECT_FALSE(ParseRightmostXfcc(value).ok()) << value;
  }
  EXPECT_FALSE(ParseRightmostXfcc(std::string(70'000, 'a')).ok());
}

TEST(Names, IdentityHeaders) {
  for (const char* name :
       {"X-Forwarded-Client-Cert", "x_forwarded_client_cert", "CLIENT-CERT", "client_cert_chain",
        "X-WSO2-CLIENT-CERTIFICATE", "X-SSL-Client-Verify", "ssl_client_s_dn", "X-Client-Cert",
        "X-Amzn-Mtls-Clientcert-Leaf", "X-Forwarded-Tls-Client-Cert", "X-ARR-ClientCert"}) {
    EXPECT_TRUE(IsIdentityHeader(name)) << name;
  }
  for (const char* name : {"X-Forwarded-For", "Cookie", "X-Client", "Client", "Certificate"}) {
    EXPECT_FALSE(IsIdentityHeader(name)) << name;
  }
  EXPECT_TRUE(IsIdentityHeader("X_Caller", "x-caller"));
  EXPECT_FALSE(IsIdentityHeader("X_Caller"));
}

TEST(Names, AddressHeaders) {
  for (const char* name : {"Forwarded", "X-Forwarded-For", "x_forwarded_anything", "X-Real-IP",
                           "true_client-ip", "X-Client-Ip", "X-Original-URL", "x_rewrite_url"}) {
    EXPECT_TRUE(IsAddressHeader(name)) << name;
  }
  for (const char* name : {"", "X-Forwarded", "X-Real", "Forwarded-For", "X-Client", "Accept"}) {
    EXPECT_FALSE(IsAddressHeader(name)) << name;
  }
}

TEST(Names, FieldNamesAndValues) {
  EXPECT_TRUE(SameName("X-A_b", "x_a-B"));
  EXPECT_FALSE(SameName("xa", "x-a"));
  EXPECT_EQ(CanonicalName("X_Y-Z"), "x-y-z");
  EXPECT_TRUE(IsFieldName("X-Ok_1"));
  for (const char* name : {"", "a b", "a:", "a\n", "\x80"}) EXPECT_FALSE(IsFieldName(name)) << name;
  EXPECT_TRUE(IsFieldValue("a\tb"));
  for (const char* value : {" a", "a ", "a\r\nb", "a\x7f"})
    EXPECT_FALSE(IsFieldValue(value)) << value;
  EXPECT_FALSE(IsFieldName(absl::string_view("a\0b", 3)));
  EXPECT_FALSE(IsFieldValue(absl::string_view("a\0b", 3)));
}

TEST(ClientCert, RoundTripAndRefusals) {
  const std::string der("\x30\x82\x00\xff", 4);
  EXPECT_EQ(ClientCertValue(der), ":MIIA/w==:");
  EXPECT_EQ(*ParseClientCertValue(" :MIIA/w==: "), der);
  const std::vector<std::string> chain = {"a", "b"};
  EXPECT_EQ(ClientCertChainValue(chain), ":YQ==:, :Yg==:");
  for (const char* value :
       {"", "::", ":", ":YQ==:,:Yg==:", "YQ==", ":YQ==:;a=1", ":Y Q=:", ":YQ===:", ":=YQ:"}) {
    EXPECT_FALSE(ParseClientCertValue(value).ok()) << value;
  }
}

}  // namespace
}  // namespace sallyport::header
