#include "dataplane/observe/trace_rules.h"

#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

TEST(TraceRules, AddressesBlocksAndIdentities) {
  const TraceRulesPtr rules = TraceRulesFrom({"192.0.2.7", "2001:db8::/32", "alice", "ab12"});
  ASSERT_NE(rules, nullptr);
  EXPECT_TRUE(rules->Matches("192.0.2.7", "", nullptr));
  EXPECT_TRUE(rules->Matches("2001:db8::1", "", nullptr));
  EXPECT_FALSE(rules->Matches("192.0.2.8", "", nullptr));
  EXPECT_TRUE(rules->Matches("192.0.2.8", "ab12", nullptr));
  Identity identity;
  EXPECT_FALSE(rules->Matches("192.0.2.8", "", &identity)) << "no name is nobody's";
  identity.name = "alice";
  EXPECT_TRUE(rules->Matches("192.0.2.8", "", &identity));
  identity.name = "bob";
  EXPECT_FALSE(rules->Matches("192.0.2.8", "cd34", &identity));
  identity.key_id = "alice";
  EXPECT_TRUE(rules->Matches("", "", &identity));
  EXPECT_FALSE(rules->Matches("no address", "", nullptr));
}

TEST(TraceRules, NobodyIsNoRules) { EXPECT_EQ(TraceRulesFrom({}), nullptr); }

}  // namespace
}  // namespace sallyport::dataplane
