// Certificates that proxies tell of: every form that is taken, and above all what is not.
#include "shared/header/certificate_header.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "shared/header/client_cert.h"
#include "shared/header/pem_value.h"
#include "shared/header/xfcc.h"

namespace sallyport::header {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A DER SEQUENCE whose base64 has '+', '/' and, by its size, padding.
std::string Der(size_t bytes = 200, char fill = '\xfb') {
  std::string der;
  if (bytes < 0x80) {
    der = absl::StrCat("\x30", std::string(1, static_cast<char>(bytes)));
  } else {
    der = {0x30, '\x82', static_cast<char>(bytes >> 8), static_cast<char>(bytes & 0xff)};
    if (bytes < 0x100) der = {0x30, '\x81', static_cast<char>(bytes)};
  }
  for (size_t i = 0; i < bytes; ++i) der.push_back(i % 3 == 1 ? '\xff' : fill);
  return der;
}

const char kBegin[] = "-----BEGIN CERTIFICATE-----";
const char kEnd[] = "-----END CERTIFICATE-----";

std::string Pem(const std::string& der, const std::string& line_end) {
  const std::string base64 = absl::Base64Escape(der);
  std::string text = absl::StrCat(kBegin, line_end);
  for (size_t i = 0; i < base64.size(); i += 64)
    absl::StrAppend(&text, base64.substr(i, 64), line_end);
  return absl::StrCat(text, kEnd, line_end);
}

// All but unreserved characters, and `but`.
std::string Encoded(const std::string& text, const std::string& but = "") {
  std::string out;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-._~", c) ||
        absl::StrContains(but, c)) {
      out.push_back(c);
    } else {
      absl::StrAppend(&out, "%", absl::BytesToHexString(std::string(1, c)));
    }
  }
  return out;
}

std::vector<std::string> Parsed(const std::string& name, const std::string& value) {
  auto parsed = ParseCertificateHeader(name, value);
  EXPECT_TRUE(parsed.ok()) << parsed.status() << ": " << value;
  return parsed.ok() ? parsed->chain_der : std::vector<std::string>{"refused"};
}

std::string Refusal(const std::string& name, const std::string& value) {
  const auto parsed = ParseCertificateHeader(name, value);
  if (parsed.ok()) return "taken";
  return std::string(parsed.status().message());
}

TEST(CertificateHeader, PemOnOneLineHoweverItsLineEndsWent) {
  ASSERT_TRUE(absl::StrContains(absl::Base64Escape(Der()), '+'));
  ASSERT_TRUE(absl::StrContains(absl::Base64Escape(Der()), '/'));
  for (const char* line_end : {" ", "\t", " \t", "", "\n", "\r\n", "\n\t"}) {
    EXPECT_THAT(Parsed("X-SSL-Cert", Pem(Der(), line_end)), ElementsAre(Der())) << line_end;
    EXPECT_THAT(Parsed("X-SSL-Cert", absl::StrCat(" ", Pem(Der(), line_end), " ")),
                ElementsAre(Der()));
  }
}

TEST(CertificateHeader, PercentEncodedPem) {
  const std::string pem = Pem(Der(), "\n");
  EXPECT_THAT(Parsed("x-ssl-cert", Encoded(pem)), ElementsAre(Der())) << "nginx";
  EXPECT_THAT(Parsed("x-ssl-cert", absl::StrReplaceAll(Encoded(pem), {{"%2b", "%2B"}})),
              ElementsAre(Der()));
  EXPECT_THAT(Parsed("x-amzn-mtls-clientcert", Encoded(pem, "+=/")), ElementsAre(Der())) << "AWS";
  const std::string java = absl::StrReplaceAll(Encoded(pem), {{"%20", "+"}});
  EXPECT_TRUE(absl::StrContains(java, "-----BEGIN+CERTIFICATE-----%0a"));
  EXPECT_THAT(Parsed("x-wso2-client-certificate", java), ElementsAre(Der())) << "URLEncoder";
}

TEST(CertificateHeader, APlusIsNeverABlank) {
  const std::string pem = Pem(Der(), "\n");
  // Were it one, this would be read as a shorter base64.
  const std::string encoded = absl::StrReplaceAll(Encoded(pem, "+=/"), {{"+", "%20"}});
  EXPECT_NE(Refusal("x-amzn-mtls-clientcert", encoded), "taken");
  EXPECT_NE(Refusal("x", absl::StrReplaceAll(pem, {{"\n", "+"}})), "taken");
}

TEST(CertificateHeader, IsDecodedOnce) {
  EXPECT_NE(Refusal("x", Encoded(Encoded(Pem(Der(), "\n")))), "taken");
  EXPECT_THAT(Refusal("x", absl::StrCat(Pem(Der(), " "), "%")), HasSubstr("hexadecimal"));
  EXPECT_THAT(Refusal("x", absl::StrCat(Pem(Der(), " "), "%2")), HasSubstr("hexadecimal"));
  EXPECT_THAT(Refusal("x", absl::StrCat(Pem(Der(), " "), "%zz")), HasSubstr("hexadecimal"));
  EXPECT_NE(Refusal("x", absl::StrCat(Pem(Der(), " "), "%00")), "taken");
}

TEST(CertificateHeader, AChainOfAtMostEight) {
  std::string pem, other;
  for (char i = 0; i < 8; ++i) absl::StrAppend(&pem, Pem(Der(150, i), i % 2 == 0 ? " " : ""));
  EXPECT_THAT(Parsed("x", pem), SizeIs(8));
  EXPECT_EQ(Parsed("x", pem).front(), Der(150, 0));
  EXPECT_EQ(Parsed("x", pem).back(), Der(150, 7));
  EXPECT_THAT(Refusal("x", absl::StrCat(pem, Pem(Der(), ""))), HasSubstr("too many"));
}

TEST(CertificateHeader, NothingIsNoCertificate) {
  for (const char* name : {"x-ssl-cert", "client-cert", "x-forwarded-client-cert"}) {
    EXPECT_THAT(Parsed(name, ""), IsEmpty());
    EXPECT_THAT(Parsed(name, " \t"), IsEmpty());
  }
}

TEST(CertificateHeader, WhatIsNotPem) {
  const std::string base64 = absl::Base64Escape(Der());
  const std::string pem = Pem(Der(), " ");
  for (const std::string& value : {
           base64,                 // bare
           Der(),                  // DER
           std::string("(null)"),  // Apache without one
           std::string("-"),
           absl::StrCat(kBegin, kEnd),
           absl::StrCat(kBegin, base64),
           absl::StrCat(base64, kEnd),
           absl::StrCat(kEnd, base64, kBegin),
           absl::StrCat(kBegin, kBegin, base64, kEnd, kEnd),
           absl::StrCat("x", pem),
           absl::StrCat(pem, "x"),
           absl::StrCat(pem, ", ", pem),  // what joins two fields
           absl::StrCat("\"", pem, "\""),
           absl::StrReplaceAll(pem, {{" CERTIFICATE", " TRUSTED CERTIFICATE"}}),
           absl::StrReplaceAll(pem, {{" CERTIFICATE", " PUBLIC KEY"}}),
           absl::StrReplaceAll(pem, {{"BEGIN CERT", "begin cert"}}),
           absl::StrReplaceAll(pem, {{"-----END", "----END"}}),
           absl::StrReplaceAll(pem, {{" ", "\\n"}}),
           absl::StrReplaceAll(pem, {{" ", "\v"}}),
           absl::StrReplaceAll(pem, {{"+", "-"}, {"/", "_"}}),  // base64url
           absl::StrCat(kBegin, base64.substr(0, base64.size() - 1), kEnd),
           absl::StrCat(kBegin, base64, "=", kEnd),
           absl::StrCat(kBegin, "=", base64, kEnd),
           absl::StrCat(kBegin, base64.substr(0, 8), "!", base64.substr(8), kEnd),
       }) {
    EXPECT_NE(Refusal("x-ssl-cert", value), "taken") << value;
  }
}

TEST(CertificateHeader, Base64ThatIsNotCanonical) {
  const std::string der = {0x30, 0x02, 0x05, 0x00};  // "MAIFAA=="
  EXPECT_THAT(Parsed("x", absl::StrCat(kBegin, "MAIFAA==", kEnd)), ElementsAre(der));
  EXPECT_THAT(Refusal("x", absl::StrCat(kBegin, "MAIFAB==", kEnd)), HasSubstr("canonical"));
  EXPECT_THAT(Refusal("x", absl::StrCat(kBegin, "MAIFAA", kEnd)), HasSubstr("canonical"));
  EXPECT_THAT(Refusal("x", absl::StrCat(kBegin, "MAIFAA..", kEnd)), HasSubstr("canonical"));
}

TEST(CertificateHeader, OneDerSequence) {
  for (const std::string& good : {Der(0x7f), Der(0x80), Der(0xff), Der(0x100), Der(16'000)})
    EXPECT_TRUE(IsOneDerSequence(good)) << good.size();
  for (const std::string& bad : {
           std::string(),
           std::string("\x30"),
           Der(100) + "x",
           Der(100).substr(1),
           Der(100).substr(0, 50),
           Der(0x100).substr(0, 3),
           Der(17'000),                                 // too long
           std::string("\x31\x02\x05\x00", 4),          // a SET
           std::string("\x30\x80\x05\x00\x00\x00", 6),  // BER: of indefinite length
           std::string("\x30\x81\x02\x05\x00", 5),      // BER: a length that is too long
           std::string("\x30\x82\x00\x02\x05\x00", 6),
           std::string("\x30\x83\x00\x00\x02\x05\x00", 7),
       }) {
    EXPECT_FALSE(IsOneDerSequence(bad)) << absl::BytesToHexString(bad);
    EXPECT_NE(Refusal("x", Pem(bad, " ")), "taken");
    EXPECT_NE(Refusal("client-cert", ClientCertValue(bad)), "taken");
  }
}

TEST(CertificateHeader, TooLong) {
  std::string value = Pem(Der(16'000), " ");
  EXPECT_EQ(Refusal("x", value), "taken");
  value.append(kMostCertificateHeader, ' ');
  EXPECT_THAT(Refusal("x", value), HasSubstr("too long"));
}

TEST(CertificateHeader, AByteSequence) {
  for (const char* name : {"client-cert", "Client-Cert", "x-ssl-cert"}) {
    EXPECT_THAT(Parsed(name, ClientCertValue(Der())), ElementsAre(Der()));
    for (const std::string& value : {
             absl::StrCat(ClientCertValue(Der()), ";a=1"),
             absl::StrCat(ClientCertValue(Der()), ", ", ClientCertValue(Der())),
             absl::StrCat(":", absl::Base64Escape(Der())),
             absl::StrCat(absl::Base64Escape(Der()), ":"),
             std::string("::"),
             std::string(":"),
             ClientCertValue("abc"),
         }) {
      EXPECT_NE(Refusal(name, value), "taken") << value;
    }
  }
  EXPECT_NE(Refusal("client-cert", Pem(Der(), " ")), "taken");
}

TEST(CertificateHeader, TheChainOfRfc9440) {
  auto made = ParseCertificateHeader("client-cert", ClientCertValue(Der(200, 0)));
  ASSERT_TRUE(made.ok());
  const std::vector<std::string> two = {Der(200, 1), Der(200, 2)};
  EXPECT_TRUE(AddCertificateChain(ClientCertChainValue(two), &*made).ok());
  EXPECT_THAT(made->chain_der, ElementsAre(Der(200, 0), two[0], two[1]));
  for (const std::string& bad :
       {std::string(), std::string(","), absl::StrCat(ClientCertValue(Der()), ","),
        absl::StrCat(",", ClientCertValue(Der())), Pem(Der(), " "),
        absl::StrCat(ClientCertValue(Der()), ";a=1"), ClientCertValue("abc")}) {
    EXPECT_FALSE(AddCertificateChain(bad, &*made).ok()) << bad;
    EXPECT_THAT(made->chain_der, SizeIs(3));
  }
  const std::vector<std::string> five(5, Der());
  const std::vector<std::string> six(6, Der());
  EXPECT_FALSE(AddCertificateChain(ClientCertChainValue(six), &*made).ok());
  EXPECT_TRUE(AddCertificateChain(ClientCertChainValue(five), &*made).ok());
  EXPECT_FALSE(AddCertificateChain(ClientCertValue(Der()), &*made).ok());
}

std::string Element(const std::string& leaf, const std::vector<std::string>& issuers = {}) {
  XfccFacts facts;
  facts.hash = "AB12";
  facts.subject = "CN=\"x\",O=y";
  facts.leaf_der = leaf;
  facts.issuers = issuers;
  XfccParts parts;
  parts.cert = true;
  parts.chain = !issuers.empty();
  return BuildXfcc(facts, parts);
}

TEST(CertificateHeader, XfccOfTheNearestHop) {
  constexpr char kName[] = "X-Forwarded-Client-Cert";
  const auto parsed = ParseCertificateHeader(kName, Element(Der()));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(parsed->chain_der, ElementsAre(Der()));
  EXPECT_EQ(parsed->leaf_sha256_hex, "ab12");
  EXPECT_THAT(Parsed(kName, absl::StrCat(Element(Der(200, 1)), ",", Element(Der(200, 2)))),
              ElementsAre(Der(200, 2)));
  EXPECT_THAT(Parsed(kName, Element(Der(200, 1), {Der(200, 2), Der(200, 3)})),
              ElementsAre(Der(200, 1), Der(200, 2), Der(200, 3)));
}

TEST(CertificateHeader, XfccThatIsNotTaken) {
  constexpr char kName[] = "x-forwarded-client-cert";
  EXPECT_THAT(Refusal(kName, "Hash=ab;Subject=\"CN=x\""), HasSubstr("no Cert"));
  EXPECT_THAT(Refusal(kName, "Hash=ab;Cert=\"\""), HasSubstr("no Cert"));
  EXPECT_THAT(Refusal(kName, absl::StrCat(Element(Der()), ",Hash=ab")), HasSubstr("no Cert"));
  EXPECT_NE(Refusal(kName, absl::StrCat(Element(Der()), ",")), "taken");
  EXPECT_NE(Refusal(kName, absl::StrCat("Subject=\"CN=x,", Element(Der()))), "taken");
  EXPECT_NE(Refusal(kName, absl::StrCat("Hash=a;By=b\"c,", Element(Der()))), "taken");
  EXPECT_NE(Refusal(kName, absl::StrCat("Cert=\"x,", Element(Der()), "\"")), "taken");
  EXPECT_NE(Refusal(kName, absl::StrCat(Element(Der()), ";Cert=\"x\"")), "taken");
  EXPECT_NE(
      Refusal(kName, absl::StrCat("Cert=\"", Encoded(Pem(Der(), "\n") + Pem(Der(), "\n")), "\"")),
      "taken")
      << "of two that are the caller's";
  EXPECT_THAT(Refusal(kName, absl::StrCat("Cert=\"", Encoded(Pem(Der(200, 1), "\n")), "\";Chain=\"",
                                          Encoded(Pem(Der(200, 2), "\n")), "\"")),
              HasSubstr("does not begin with Cert"));
  EXPECT_NE(Refusal(kName, ClientCertValue(Der())), "taken");
  EXPECT_NE(Refusal(kName, Pem(Der(), " ")), "taken");
}

TEST(CertificateHeader, ARefusalDoesNotShowWhatWasSent) {
  for (const char* name : {"x", "client-cert", "x-forwarded-client-cert"})
    EXPECT_FALSE(absl::StrContains(Refusal(name, "s3cr3t"), "s3cr3t"));
}

}  // namespace
}  // namespace sallyport::header
