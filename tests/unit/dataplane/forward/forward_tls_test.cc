#include <gtest/gtest.h>

#include <atomic>

#include "absl/strings/match.h"
#include "dataplane/forward/forward.h"
#include "tests/unit/dataplane/forward/forward_fixture.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using testing::ForwardTest;
using testing::Origin;
using testing::OriginConnection;
using testing::Pair;
using testing::Result;

struct TlsWorld {
  Pair server = testing::SelfSigned("DNS:origin.example");
  Pair client_root = testing::Root("client root");
};
const TlsWorld& T() {
  static const TlsWorld* const world = new TlsWorld();
  return *world;
}

class ForwardTlsTest : public ForwardTest {
 protected:
  ForwardTlsTest() {
    auto credentials = std::make_shared<UpstreamCredentials>();
    credentials->reason = Reason::kAllowed;
    credentials->trust_der = {T().server.Der()};
    credentials_ = credentials;
  }
};

TEST_F(ForwardTlsTest, RefusedClientCertificateIsATlsFailureNotAReset) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Origin origin(testing::Serves(""), {.chain = {&T().server},
                                        .client_ca = &T().client_root,
                                        .require = true,
                                        .max_version = version});
    const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin, "https"));
    EXPECT_EQ(result.outcome.reason, Reason::kUpstreamTlsHandshake);
    EXPECT_TRUE(absl::StrContains(result.outcome.detail, "asked for a client certificate"))
        << result.outcome.detail;
  }
}

TEST_F(ForwardTlsTest, LargeAnswersOverTls) {
  const std::string body(5u << 20, 'y');
  Origin origin(testing::Serves(body), {.chain = {&T().server}});
  const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin, "https"));
  EXPECT_EQ(result.outcome.reason, Reason::kAllowed) << result.outcome.detail;
  EXPECT_EQ(result.outcome.response_bytes, body.size());
  EXPECT_EQ(result.outcome.upstream->spki_sha256.size(), 64u);
}

TEST_F(ForwardTlsTest, TruncatedUntilCloseAnswerIsCut) {
  for (const bool clean : {false, true}) {
    Origin origin(
        [&](OriginConnection& connection) {
          connection.ReadHead();
          connection.Write("HTTP/1.1 200 OK\r\n\r\nabc");
          if (!clean) connection.CloseWithoutNotify();
        },
        {.chain = {&T().server}});
    const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin, "https"));
    EXPECT_EQ(result.outcome.reason, clean ? Reason::kAllowed : Reason::kUpstreamReset);
    EXPECT_EQ(absl::StrContains(result.answer, "\r\n0\r\n\r\n"), clean);
  }
}

TEST_F(ForwardTlsTest, PinMismatchSendsNothing) {
  auto credentials = std::make_shared<UpstreamCredentials>();
  credentials->reason = Reason::kAllowed;
  credentials->trust_der = {T().server.Der()};
  credentials->pinned = true;
  credentials->pin_spki_sha256 = {SpkiSha256(T().client_root.certificate.get())};
  credentials_ = credentials;
  std::atomic<int> requests{0};
  Origin origin([&](OriginConnection& connection) { requests += connection.ReadSome() ? 1 : 0; },
                {.chain = {&T().server}});
  const Result result = Run("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Target(origin, "https"));
  EXPECT_EQ(result.outcome.reason, Reason::kUpstreamPin);
  EXPECT_EQ(result.outcome.upstream->spki_sha256.size(), 64u);
  EXPECT_EQ(requests, 0);
}

}  // namespace
}  // namespace sallyport::dataplane
