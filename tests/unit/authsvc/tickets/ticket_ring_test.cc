#include "authsvc/tickets/ticket_ring.h"

#include <gtest/gtest.h>

#include <set>

namespace sallyport::authsvc {
namespace {

constexpr absl::Duration kPeriod = absl::Hours(1);
const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

TEST(TicketRing, KeysAreRandomAndOfTheRightSize) {
  std::set<std::string> names, secrets;
  TicketRing ring;
  for (int i = 0; i < 8; ++i) {
    Rotate(kNow, kPeriod, &ring);
    EXPECT_EQ(ring.keys.front()->name.size(), 16u);
    EXPECT_EQ(ring.keys.front()->secret.Reveal().size(), 64u);
    names.insert(ring.keys.front()->name);
    secrets.emplace(ring.keys.front()->secret.Reveal());
  }
  EXPECT_EQ(names.size(), 8u);
  EXPECT_EQ(secrets.size(), 8u);
  EXPECT_EQ(ring.keys.size(), 3u);
}

TEST(TicketRing, IsDueByAgeAndByAFarFuture) {
  TicketRing ring;
  EXPECT_TRUE(RotationDue(ring, kNow, kPeriod));
  Rotate(kNow, kPeriod, &ring);
  EXPECT_FALSE(RotationDue(ring, kNow, kPeriod));
  EXPECT_FALSE(RotationDue(ring, kNow + kPeriod - absl::Milliseconds(1), kPeriod));
  EXPECT_TRUE(RotationDue(ring, kNow + kPeriod, kPeriod));
  EXPECT_FALSE(RotationDue(ring, kNow - kPeriod + absl::Milliseconds(1), kPeriod));
  EXPECT_TRUE(RotationDue(ring, kNow - kPeriod, kPeriod));
}

TEST(TicketRing, EncodesAndDecodes) {
  TicketRing ring;
  for (int i = 0; i < 3; ++i) Rotate(kNow + i * kPeriod, kPeriod, &ring);
  const base::Secret bytes = EncodeTicketKeys(ring.keys);
  const auto keys = DecodeTicketKeys(bytes.Reveal());
  ASSERT_TRUE(keys.ok());
  ASSERT_EQ(keys->size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*keys)[i]->name, ring.keys[i]->name);
    EXPECT_EQ((*keys)[i]->secret.Reveal(), ring.keys[i]->secret.Reveal());
    EXPECT_EQ((*keys)[i]->made, ring.keys[i]->made);
  }
  EXPECT_TRUE(DecodeTicketKeys("")->empty());
  EXPECT_TRUE(absl::IsDataLoss(DecodeTicketKeys(bytes.Reveal().substr(1)).status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeTicketKeys(std::string(88 * 4, 'x')).status()));
}

}  // namespace
}  // namespace sallyport::authsvc
