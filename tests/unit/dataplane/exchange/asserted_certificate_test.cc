// Who is believed about a caller's certificate, and what of a request's fields is read.
#include "dataplane/exchange/asserted_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "shared/header/client_cert.h"
#include "shared/header/xfcc.h"

namespace sallyport::dataplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kLeaf("\x30\x03\x02\x01\x01", 5), kOther("\x30\x03\x02\x01\x02", 5);

std::vector<AddressRange> Blocks(const std::vector<std::string>& texts) {
  std::vector<AddressRange> blocks;
  for (const std::string& text : texts) blocks.push_back(*ParseAddressRange(text));
  return blocks;
}

CertificateHeaders Headers(const std::vector<std::string>& proxies = {"10.0.0.0/8"}) {
  return {{"x-ssl-cert", "client-cert", "x-forwarded-client-cert"}, Blocks(proxies)};
}

struct Asked {
  CertificateHeaders headers = Headers();
  AssertedMemo memo;
  PeerCertificatePtr In(const HeaderFields& fields) {
    auto made = AssertedCertificateIn(fields, headers, &memo);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? *made : nullptr;
  }
  std::string Refusal(const HeaderFields& fields) {
    const auto made = AssertedCertificateIn(fields, headers, &memo);
    return made.ok() ? "" : std::string(made.status().message());
  }
};

TEST(CertificateHeaders, NobodyIsBelievedWithoutTheSetting) {
  const CertificateHeaders off({}, Blocks({"10.0.0.0/8"}));
  EXPECT_FALSE(off.on());
  EXPECT_FALSE(off.Believes("10.0.0.1"));
  EXPECT_FALSE(off.Names("x-ssl-cert"));
  EXPECT_FALSE(CertificateHeaders().Believes("10.0.0.1"));
}

TEST(CertificateHeaders, ProxiesAreBelievedByAddress) {
  const CertificateHeaders headers = Headers({"10.0.0.0/8", "2001:db8::5"});
  EXPECT_TRUE(headers.Believes("10.1.2.3"));
  EXPECT_TRUE(headers.Believes("2001:db8::5"));
  for (const char* address : {"11.0.0.1", "2001:db8::6", "", "proxy", "::1"})
    EXPECT_FALSE(headers.Believes(address)) << address;
}

TEST(CertificateHeaders, ABlockOfNearlyEverybodyDoesNotCount) {
  for (const char* block : {"0.0.0.0/0", "::/0", "128.0.0.0/1", "8.0.0.0/7", "2000::/3", "::/64",
                            "::ffff:0:0/96", "::ffff:0.0.0.0/100"}) {
    const CertificateHeaders headers = Headers({block, "192.0.2.7"});
    EXPECT_TRUE(headers.Believes("192.0.2.7")) << block;
    for (const char* address : {"10.0.0.1", "200.0.0.1", "9.9.9.9", "2001:db8::1", "::1"})
      EXPECT_FALSE(headers.Believes(address)) << block;
  }
  for (const char* block : {"10.0.0.0/8", "fc00::/7", "::/97"})
    EXPECT_TRUE(
        Headers({block}).Believes(std::string(block).substr(0, std::string(block).find('/'))))
        << block;
}

TEST(CertificateHeaders, NamesInEverySpelling) {
  for (const char* name : {"x-ssl-cert", "X-SSL-Cert", "x_ssl_cert", "X-SSL_CERT", "Client-Cert",
                           "client_cert_chain", "Client-Cert-Chain"})
    EXPECT_TRUE(Headers().Names(name)) << name;
  EXPECT_FALSE(Headers().Names("x-ssl-certs"));
  EXPECT_FALSE(CertificateHeaders({"x-ssl-cert"}, {}).Names("client-cert-chain"));
}

TEST(CertificateHeaders, WhatIsBelievedStill) {
  const CertificateHeaders less({"x-ssl-cert"}, Blocks({"10.0.0.0/8"}));
  const CertificateHeaders more = Headers({"10.0.0.0/8", "192.0.2.1"});
  EXPECT_TRUE(more.Extends(less));
  EXPECT_TRUE(more.Extends(more));
  EXPECT_TRUE(less.Extends(CertificateHeaders()));
  EXPECT_FALSE(less.Extends(more));
  EXPECT_FALSE(CertificateHeaders().Extends(less));
  EXPECT_FALSE(CertificateHeaders({"x-ssl-cert"}, {}).Extends(less));
  EXPECT_FALSE(CertificateHeaders({"x-ssl-cert"}, Blocks({"10.0.0.0/9"})).Extends(less));
}

TEST(AssertedCertificateIn, OneFieldOfOneKind) {
  Asked asked;
  const std::string leaf = header::ClientCertValue(kLeaf);
  EXPECT_EQ(asked.In({{"Host", "x"}, {"Cookie", "y"}}), nullptr);
  EXPECT_EQ(asked.In({{"X-SSL-Cert", ""}}), nullptr);
  const PeerCertificatePtr made = asked.In({{"Host", "x"}, {"X-SSL-CERT", leaf}});
  ASSERT_NE(made, nullptr);
  EXPECT_THAT(made->chain_der, ElementsAre(kLeaf));
  EXPECT_EQ(made->leaf_hex, MakePeerCertificate({kLeaf})->leaf_hex);
  EXPECT_THAT(asked
                  .In({{"client-cert", leaf},
                       {"client-cert-chain", header::ClientCertValue(kOther)},
                       {"Client-Cert-Chain", leaf}})
                  ->chain_der,
              ElementsAre(kLeaf, kOther, kLeaf));
}

TEST(AssertedCertificateIn, WhatCouldBeReadInTwoWays) {
  Asked asked;
  const std::string leaf = header::ClientCertValue(kLeaf);
  EXPECT_THAT(asked.Refusal({{"x-ssl-cert", leaf}, {"X-SSL-Cert", leaf}}), HasSubstr("twice"));
  EXPECT_THAT(asked.Refusal({{"x-ssl-cert", leaf}, {"x-ssl-cert", ""}}), HasSubstr("twice"));
  EXPECT_THAT(asked.Refusal({{"x-ssl-cert", leaf}, {"client-cert", leaf}}),
              HasSubstr("client-cert: beside x-ssl-cert"));
  EXPECT_THAT(asked.Refusal({{"x-ssl-cert", ""}, {"client-cert", leaf}}), HasSubstr("beside"));
  EXPECT_THAT(asked.Refusal({{"client-cert-chain", leaf}}), HasSubstr("without client-cert"));
  EXPECT_THAT(asked.Refusal({{"x-ssl-cert", leaf}, {"client-cert-chain", leaf}}),
              HasSubstr("without client-cert"));
  EXPECT_THAT(asked.Refusal({{"client-cert", ""}, {"client-cert-chain", leaf}}),
              HasSubstr("beside an empty"));
  EXPECT_THAT(asked.Refusal({{"client-cert", leaf}, {"client-cert-chain", "x"}}),
              HasSubstr("client-cert-chain: "));
  EXPECT_THAT(asked.Refusal({{"x-ssl-cert", "s3cr3t"}}),
              ::testing::AllOf(HasSubstr("x-ssl-cert: "), ::testing::Not(HasSubstr("s3cr3t"))));
}

TEST(AssertedCertificateIn, ASpellingThatProxiesPassOnIsNotBelieved) {
  Asked asked;
  const std::string leaf = header::ClientCertValue(kLeaf), other = header::ClientCertValue(kOther);
  EXPECT_EQ(asked.In({{"x_ssl_cert", leaf}, {"client_cert", leaf}, {"client_cert_chain", leaf}}),
            nullptr);
  EXPECT_THAT(asked.In({{"x-ssl_cert", leaf}, {"x-ssl-cert", other}})->chain_der,
              ElementsAre(kOther));
}

TEST(AssertedCertificateIn, TheHashOfXfccIsThatOfItsCert) {
  Asked asked;
  const std::string hex = MakePeerCertificate({kLeaf})->leaf_hex;
  const std::string other = MakePeerCertificate({kOther})->leaf_hex;
  header::XfccFacts facts;
  facts.leaf_der = kLeaf;
  header::XfccParts parts;
  parts.cert = true;
  facts.hash = hex;
  EXPECT_NE(asked.In({{"X-Forwarded-Client-Cert", header::BuildXfcc(facts, parts)}}), nullptr);
  facts.hash = other;
  EXPECT_THAT(asked.Refusal({{"X-Forwarded-Client-Cert", header::BuildXfcc(facts, parts)}}),
              HasSubstr("Hash is not that of Cert"));
}

TEST(AssertedCertificateIn, TheSameBytesAreReadOnce) {
  Asked asked;
  const std::string leaf = header::ClientCertValue(kLeaf), other = header::ClientCertValue(kOther);
  const PeerCertificatePtr first = asked.In({{"x-ssl-cert", leaf}});
  EXPECT_EQ(asked.In({{"x-ssl-cert", leaf}}), first);
  EXPECT_EQ(asked.In({}), nullptr);
  EXPECT_NE(asked.Refusal({{"x-ssl-cert", "x"}}), "");
  EXPECT_EQ(asked.In({{"x-ssl-cert", leaf}}), first);
  EXPECT_THAT(asked.In({{"client-cert", leaf}, {"client-cert-chain", other}})->chain_der,
              ElementsAre(kLeaf, kOther));
  EXPECT_THAT(asked.In({{"client-cert", leaf}})->chain_der, ElementsAre(kLeaf));
  EXPECT_THAT(asked.In({{"x-ssl-cert", other}})->chain_der, ElementsAre(kOther));
}

}  // namespace
}  // namespace sallyport::dataplane
