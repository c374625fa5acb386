#include "dataplane/tls/address_group.h"

#include <gtest/gtest.h>

namespace sallyport::dataplane {
namespace {

TEST(AddressGroupTest, IsTheAddressOrTheNetworkOfOneHost) {
  EXPECT_EQ(AddressGroup("192.0.2.1"), std::string("\xc0\x00\x02\x01", 4));
  EXPECT_EQ(AddressGroup("::ffff:192.0.2.1"), AddressGroup("192.0.2.1"));
  EXPECT_EQ(AddressGroup("2001:db8::1"), AddressGroup("2001:db8::2:3"));
  EXPECT_NE(AddressGroup("2001:db8::1"), AddressGroup("2001:db8:0:1::1"));
  EXPECT_EQ(AddressGroup("api.example.com"), "");
  EXPECT_EQ(AddressGroup(""), "");
}

}  // namespace
}  // namespace sallyport::dataplane
