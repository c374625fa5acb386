// Which headers trusted proxies may tell of certificates in, and who may be such a proxy.
#include "authsvc/change/certificate_header_checks.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sallyport::authsvc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Check(const std::vector<std::string>& names, const std::vector<std::string>& proxies,
                  Warnings* warnings = nullptr, v1::Xfcc xfcc = v1::XFCC_DEFAULT) {
  v1::GatewaySettings settings;
  for (const std::string& name : names) settings.add_client_certificate_headers(name);
  for (const std::string& proxy : proxies) settings.add_trusted_proxies(proxy);
  settings.mutable_identity_forwarding()->set_xfcc(xfcc);
  Warnings unused;
  const absl::Status status =
      CheckCertificateHeaders(settings, warnings == nullptr ? &unused : warnings);
  return std::string(status.message());
}

TEST(CertificateHeaderChecks, Good) {
  Warnings warnings;
  EXPECT_THAT(Check({"X-WSO2-CLIENT-CERTIFICATE", "X-Forwarded-Client-Cert", "Client-Cert",
                     "X-SSL-Cert", "X-Amzn-Mtls-Clientcert", "My.Cert"},
                    {"10.0.0.0/8", "fc00::/7", "192.0.2.1", "2001:db8::1"}, &warnings),
              IsEmpty());
  EXPECT_THAT(warnings, IsEmpty());
  EXPECT_THAT(Check({}, {"0.0.0.0/0"}), IsEmpty()) << "not used for certificates";
}

TEST(CertificateHeaderChecks, Names) {
  for (const char* name : {"", "X SSL", "X:SSL", "X-SSL\r\n", "Zert\xc3\xa9"})
    EXPECT_THAT(Check({name}, {"10.0.0.1"}), HasSubstr("is not a valid header name")) << name;
  EXPECT_THAT(Check({std::string(300, 'x')}, {"10.0.0.1"}), HasSubstr("not a valid header name"));
  EXPECT_THAT(Check({"X_SSL_Cert"}, {"10.0.0.1"}), HasSubstr("write `-`"));
  EXPECT_THAT(Check({"Client-Cert-Chain"}, {"10.0.0.1"}), HasSubstr("name that"));
  for (const char* name : {"Host",
                           "host",
                           "Authorization",
                           "Cookie",
                           "Connection",
                           "Content-Length",
                           "Content-Type",
                           "Transfer-Encoding",
                           "TE",
                           "Upgrade",
                           "Expect",
                           "Proxy-Authorization",
                           "X-Forwarded-For",
                           "X-Forwarded-Proto",
                           "Forwarded",
                           "X-Real-IP",
                           "X-Request-Id",
                           "traceparent",
                           "Accept",
                           "Accept-Encoding",
                           "Origin",
                           "Access-Control-Request-Method",
                           "Sec-WebSocket-Key",
                           "If-Match",
                           "Range",
                           "User-Agent",
                           "X-API-KEY"}) {
    EXPECT_THAT(Check({"X-SSL-Cert", name}, {"10.0.0.1"}), HasSubstr("has another purpose"))
        << name;
  }
  EXPECT_THAT(Check({"X-SSL-Cert", "x-ssl-cert"}, {"10.0.0.1"}), HasSubstr("twice"));
  EXPECT_THAT(Check({"A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9"}, {"10.0.0.1"}),
              HasSubstr("more than 8"));
}

TEST(CertificateHeaderChecks, Proxies) {
  EXPECT_THAT(Check({"X-SSL-Cert"}, {}), HasSubstr("list their addresses"));
  for (const char* block : {"0.0.0.0/0", "::/0", "128.0.0.0/1", "10.0.0.0/7", "2000::/3", "::/64",
                            "::ffff:0:0/96", "::ffff:10.0.0.0/103"}) {
    EXPECT_THAT(Check({"X-SSL-Cert"}, {"10.0.0.1", block}), HasSubstr(block));
  }
  EXPECT_THAT(Check({"X-SSL-Cert"}, {"::ffff:10.0.0.0/104"}), IsEmpty());
}

TEST(CertificateHeaderChecks, WarnsWhereXfccIsReadAndWasToBePassedOn) {
  Warnings warnings;
  EXPECT_THAT(Check({"x-forwarded-client-cert"}, {"10.0.0.1"}, &warnings, v1::XFCC_FORWARD_ONLY),
              IsEmpty());
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("not passed on")));
  warnings.clear();
  (void)Check({"x-ssl-cert"}, {"10.0.0.1"}, &warnings, v1::XFCC_FORWARD_ONLY);
  EXPECT_THAT(warnings, IsEmpty());
}

}  // namespace
}  // namespace sallyport::authsvc
