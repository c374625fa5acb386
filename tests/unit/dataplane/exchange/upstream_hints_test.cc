#include "dataplane/exchange/upstream_hints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(UpstreamHints, NameTheSettingOfTheDialect) {
  EXPECT_THAT(std::string(UpstreamTlsHint(ErrorStyle::kApisix, Reason::kUpstreamCertUntrusted)),
              AllOf(HasSubstr("tls.ca_certs"), HasSubstr("ssl_trusted_certificate"),
                    HasSubstr("tls.verify: false")));
  EXPECT_THAT(std::string(UpstreamTlsHint(ErrorStyle::kApisix, Reason::kUpstreamCertName)),
              HasSubstr("upstream_host"));
  EXPECT_THAT(std::string(UpstreamTlsHint(ErrorStyle::kApisix, Reason::kUpstreamTlsHandshake)),
              HasSubstr("tls.client_cert_id"));
  EXPECT_EQ(UpstreamTlsHint(ErrorStyle::kApisix, Reason::kUpstreamConnect), "");
  EXPECT_EQ(UpstreamTlsHint(ErrorStyle::kNative, Reason::kUpstreamCertUntrusted), "");
}

TEST(UpstreamHints, SayItOnceForEachApiAndReason) {
  UpstreamHints hints;
  Route route;
  route.style = ErrorStyle::kApisix;
  route.api_id = "one";
  ::testing::internal::CaptureStderr();
  hints.Refused(route, "up.test", Reason::kUpstreamCertUntrusted, "first");
  hints.Refused(route, "up.test", Reason::kUpstreamCertUntrusted, "second");
  hints.Refused(route, "up.test", Reason::kUpstreamCertName, "third");
  hints.Refused(route, "up.test", Reason::kUpstreamConnect, "never");
  route.api_id = "two";
  hints.Refused(route, "up.test", Reason::kUpstreamCertUntrusted, "fourth");
  const std::string log = ::testing::internal::GetCapturedStderr();
  for (const char* const said : {"\"first\"", "\"third\"", "\"fourth\""})
    EXPECT_THAT(log, HasSubstr(said));
  for (const char* const unsaid : {"\"second\"", "\"never\""})
    EXPECT_EQ(log.find(unsaid), std::string::npos);
}

}  // namespace
}  // namespace sallyport::dataplane
