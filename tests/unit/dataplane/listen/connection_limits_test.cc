#include "dataplane/listen/connection_limits.h"

#include <gtest/gtest.h>

namespace sallyport::dataplane {
namespace {

TEST(ConnectionLimits, TheLimitOfOpenFilesLeavesRoomForTheRest) {
  EXPECT_EQ(ConnectionLimits::Affordable(20000, 262144), 20000u);
  EXPECT_EQ(ConnectionLimits::Affordable(20000, 1024), 720u);
  EXPECT_EQ(ConnectionLimits::Affordable(100, 1024), 100u);
  EXPECT_EQ(ConnectionLimits::Affordable(20000, 64), 1u) << "never none";
  EXPECT_EQ(ConnectionLimits::Affordable(20000, 0), 1u);
  EXPECT_EQ(ConnectionLimits::Affordable(20000, UINT64_MAX >> 2), 20000u);
}

TEST(ConnectionLimits, CountsAllAndEachAddress) {
  ConnectionLimits limits(/*total=*/3, /*per_address=*/2);
  EXPECT_TRUE(limits.Enter("a"));
  EXPECT_TRUE(limits.Enter("a"));
  EXPECT_FALSE(limits.Enter("a"));
  EXPECT_TRUE(limits.Enter("b"));
  EXPECT_FALSE(limits.Enter("c")) << "three are there";
  limits.Leave("a");
  EXPECT_TRUE(limits.Enter("a"));
}

TEST(ConnectionLimits, AnAddressBeginsSoManyHandshakesWithinASecond) {
  ConnectionLimits limits(10, 0, /*handshakes=*/2);
  const absl::Duration start = absl::Hours(5);
  EXPECT_TRUE(limits.MayShake("192.0.2.1", start));
  EXPECT_TRUE(limits.MayShake("192.0.2.1", start));
  EXPECT_FALSE(limits.MayShake("192.0.2.1", start));
  EXPECT_FALSE(limits.MayShake("::ffff:192.0.2.1", start)) << "the same one";
  EXPECT_TRUE(limits.MayShake("192.0.2.2", start)) << "nobody else pays for it";
  EXPECT_TRUE(limits.MayShake("192.0.2.1", start + absl::Milliseconds(500)));
  EXPECT_FALSE(limits.MayShake("192.0.2.1", start + absl::Milliseconds(501)));
  EXPECT_TRUE(limits.MayShake("192.0.2.1", start + absl::Hours(1)));
  EXPECT_TRUE(limits.MayShake("192.0.2.1", start + absl::Hours(1)));
  EXPECT_FALSE(limits.MayShake("192.0.2.1", start + absl::Hours(1))) << "no more is saved up";
}

TEST(ConnectionLimits, AHostHasAllAddressesOfItsBlockOfIpv6) {
  ConnectionLimits limits(10, 0, 1);
  EXPECT_TRUE(limits.MayShake("2001:db8::1", absl::ZeroDuration()));
  EXPECT_FALSE(limits.MayShake("2001:db8::ffff:2", absl::ZeroDuration()));
  EXPECT_TRUE(limits.MayShake("2001:db8:0:1::1", absl::ZeroDuration()));
}

TEST(ConnectionLimits, AHostHasTheConnectionsOfItsBlockOfIpv6) {
  ConnectionLimits limits(/*total=*/10, /*per_address=*/1);
  EXPECT_TRUE(limits.Enter("2001:db8::1"));
  EXPECT_FALSE(limits.Enter("2001:db8::ffff:2"));
  EXPECT_FALSE(limits.Name("2001:db8::3"));
  EXPECT_TRUE(limits.Enter("2001:db8:0:1::1")) << "the next block";
  EXPECT_TRUE(limits.Enter("192.0.2.1"));
  EXPECT_FALSE(limits.Enter("::ffff:192.0.2.1")) << "the same one";
  EXPECT_TRUE(limits.Enter("fe80::1%lo"));
  EXPECT_TRUE(limits.Enter("fe80::2%lo")) << "what cannot be read is only itself";
  limits.Leave("2001:db8::4");
  EXPECT_TRUE(limits.Enter("2001:db8::5"));
}

TEST(ConnectionLimits, WithoutALimitOfHandshakesThereIsNone) {
  ConnectionLimits limits(10, 0);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limits.MayShake("192.0.2.1", absl::ZeroDuration()));
}

TEST(ConnectionLimits, WhoIsNotKnownYetCountsInTheTotalAlone) {
  ConnectionLimits limits(3, 1);
  EXPECT_TRUE(limits.Enter(""));
  EXPECT_TRUE(limits.Enter(""));
  EXPECT_TRUE(limits.Name("a"));
  EXPECT_FALSE(limits.Name("a"));
  EXPECT_FALSE(limits.Enter("a"));
  limits.Leave("");  // the one that got no name
  limits.Leave("a");
  EXPECT_TRUE(limits.Enter("a"));
  EXPECT_TRUE(limits.Enter(""));
  EXPECT_TRUE(limits.Enter(""));
  EXPECT_FALSE(limits.Enter(""));
}

TEST(ConnectionLimits, WithoutALimitPerAddressNamesAreFree) {
  ConnectionLimits limits(2, 0);
  EXPECT_TRUE(limits.Enter(""));
  EXPECT_TRUE(limits.Name("a"));
  limits.Leave("a");
  EXPECT_TRUE(limits.Enter("a"));
  EXPECT_TRUE(limits.Enter("a"));
  EXPECT_FALSE(limits.Enter("b"));
}

TEST(ConnectionLimits, EachCauseIsSaidOnceAMinute) {
  ConnectionLimits limits(1, 0);
  EXPECT_TRUE(limits.MaySay(NotTaken::kLimit, absl::Seconds(1)));
  EXPECT_FALSE(limits.MaySay(NotTaken::kLimit, absl::Seconds(60)));
  EXPECT_TRUE(limits.MaySay(NotTaken::kProxyHeader, absl::Seconds(60)));
  EXPECT_TRUE(limits.MaySay(NotTaken::kLimit, absl::Seconds(61)));
}

}  // namespace
}  // namespace sallyport::dataplane
