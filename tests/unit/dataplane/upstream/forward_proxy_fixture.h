// A pool whose targets are behind a forward proxy, and what a proxy's answer comes to.
#pragma once

#include <gmock/gmock.h>

#include <atomic>
#include <string>

#include "absl/strings/escaping.h"
#include "dataplane/upstream/forward_proxy.h"
#include "tests/unit/dataplane/upstream/pool_fixture.h"
#include "tests/unit/dataplane/upstream/proxy_for_tests.h"

namespace sallyport::dataplane::testing {

inline constexpr char kPassword[] = "open sesame";

class ForwardProxyTest : public UpstreamPoolTest {
 protected:
  static UpstreamCredentials By(UpstreamCredentials credentials, uint16_t port,
                                const std::string& password = kPassword) {
    ForwardProxy& proxy = credentials.proxy.emplace();
    proxy.host = "proxy.example";
    proxy.port = port;
    if (password.empty()) return credentials;
    proxy.username = "ali";
    proxy.password = base::Secret::CopyOf(password);
    return credentials;
  }
  static UpstreamTargetPtr Proxied(const std::string& scheme, const std::string& host,
                                   uint16_t port) {
    RouteTarget target = *ParseTarget(absl::StrCat(scheme, "://", host, ":", port));
    target.proxy = "proxy.example:3128";
    return MakeUpstreamTarget(target);
  }
  // What one answer of a proxy, and what it does then, come to; it must not be told anything more.
  UpstreamFailure FailureBy(const Origin::Script& script, const UpstreamTargetPtr& target,
                            const std::string& password = kPassword) {
    std::atomic<bool> told_more{false};
    UpstreamFailure failure;
    {
      const Origin proxy([&](OriginConnection& connection) {
        if (connection.ReadHead().empty()) return;
        script(connection);
        if (connection.fd() < 0) return;
        told_more = connection.ReadSome() || !connection.buffer().empty();
      });
      failure = FailureOf(target, By(Plain(), proxy.port(), password));
    }
    EXPECT_FALSE(told_more);
    EXPECT_THAT(failure.detail, ::testing::Not(::testing::HasSubstr(kPassword)));
    EXPECT_THAT(failure.detail, ::testing::Not(::testing::HasSubstr(Encoded())));
    return failure;
  }
  UpstreamFailure FailureByAnswer(const std::string& answer) {
    return FailureBy([&](OriginConnection& connection) { connection.Write(answer); },
                     Proxied("https", "one.example", 443));
  }
  static std::string Encoded() { return absl::Base64Escape(absl::StrCat("ali:", kPassword)); }
};

}  // namespace sallyport::dataplane::testing
