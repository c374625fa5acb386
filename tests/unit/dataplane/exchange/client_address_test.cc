#include "dataplane/exchange/client_address.h"

#include <gtest/gtest.h>

#include "dataplane/exchange/request_id.h"
#include "shared/base/request_id.h"

namespace sallyport::dataplane {
namespace {

std::vector<AddressRange> Trusted() {
  return {*ParseAddressRange("10.0.0.0/8"), *ParseAddressRange("fd00::/8")};
}

TEST(IsTrustedProxy, ByAddress) {
  EXPECT_TRUE(IsTrustedProxy(Trusted(), "10.1.2.3"));
  EXPECT_TRUE(IsTrustedProxy(Trusted(), "fd00::1"));
  EXPECT_FALSE(IsTrustedProxy(Trusted(), "11.1.2.3"));
  EXPECT_FALSE(IsTrustedProxy(Trusted(), ""));
  EXPECT_FALSE(IsTrustedProxy({}, "10.1.2.3"));
}

TEST(ForwardedClient, RightmostThatIsNoProxy) {
  const struct {
    HeaderFields fields;
    const char* client;
  } cases[] = {
      {{}, "10.0.0.1"},
      {{{"X-Forwarded-For", "192.0.2.1"}}, "192.0.2.1"},
      {{{"X-Forwarded-For", "1.1.1.1, 192.0.2.1, 10.0.0.9"}}, "192.0.2.1"},
      {{{"X-Forwarded-For", "1.1.1.1"}, {"x-forwarded-for", "192.0.2.1"}}, "192.0.2.1"},
      {{{"X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-For", "10.0.0.9"}}, "192.0.2.1"},
      {{{"X-Forwarded-For", "10.0.0.9, 10.0.0.8"}}, "10.0.0.1"},
      {{{"X-Forwarded-For", "1.1.1.1, rubbish"}}, "10.0.0.1"},
      {{{"X-Forwarded-For", "1.1.1.1, 192.0.2.0/24"}}, "10.0.0.1"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ForwardedClient(Trusted(), c.fields, "10.0.0.1"), c.client);
  }
}

TEST(RequestIds, AreUniqueAndPlain) {
  RequestIds ids;
  RequestIds others;
  std::string first;
  std::string second;
  std::string third;
  ids.Next(&first);
  ids.Next(&second);
  others.Next(&third);
  EXPECT_NE(first, second);
  EXPECT_NE(first, third);
  EXPECT_EQ(first.size(), 32u);
  EXPECT_TRUE(base::IsRequestId(first));
}

}  // namespace
}  // namespace sallyport::dataplane
