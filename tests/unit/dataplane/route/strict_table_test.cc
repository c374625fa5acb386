#include "dataplane/route/strict_table.h"

#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

StrictRulePtr StrictRuleOf(std::vector<std::string> bundles, bool optional = false) {
  StrictRule rule;
  rule.trust_bundle_ids = std::move(bundles);
  rule.optional = optional;
  return MakeStrictRule(std::move(rule));
}

// The first bundle of the rule that holds; "": none does.
std::string Found(const StrictTablePtr& table, absl::string_view id, absl::string_view place,
                  absl::string_view name) {
  const StrictRulePtr* const rule = table->Find(id, place, name);
  return rule == nullptr ? "" : (*rule)->trust_bundle_ids.front();
}

TEST(StrictTable, TheMostSpecificNameHolds) {
  const std::vector<StrictNames> names = {
      {{"api.example.com", "Other.Example.com"}, StrictRuleOf({"exact"})},
      {{"*.example.com"}, StrictRuleOf({"below"})},
      {{}, StrictRuleOf({"whole"})}};
  const auto table = StrictTable::Make({{"front", "::1", 8443, names}});
  ASSERT_NE(table, nullptr);
  const std::string place = ListenerPlace("::1", 8443);
  EXPECT_EQ(Found(table, "front", place, "api.example.com"), "exact");
  EXPECT_EQ(Found(table, "front", place, "other.example.com"), "exact");
  EXPECT_EQ(Found(table, "front", place, "x.example.com"), "below");
  EXPECT_EQ(Found(table, "front", place, "a.b.example.com"), "whole") << "one label";
  EXPECT_EQ(Found(table, "front", place, "example.com"), "whole");
  EXPECT_EQ(Found(table, "front", place, ".example.com"), "whole");
  EXPECT_EQ(Found(table, "front", place, ""), "whole");
}

TEST(StrictTable, AListenerIsKnownByItsIdAndByItsPlace) {
  const std::vector<StrictNames> a = {{{"a.test"}, StrictRuleOf({"a"})}},
                                 b = {{{"b.test"}, StrictRuleOf({"b"})}};
  const auto table = StrictTable::Make({{"one", "127.0.0.1", 1, a}, {"two", "", 2, b}});
  EXPECT_EQ(Found(table, "one", "elsewhere|9", "a.test"), "a");
  EXPECT_EQ(Found(table, "file-0", ListenerPlace("127.0.0.1", 1), "a.test"), "a");
  EXPECT_EQ(Found(table, "file-0", ListenerPlace("::", 2), "b.test"), "b");
  EXPECT_EQ(Found(table, "one", ListenerPlace("::", 2), "a.test"), "a") << "both hold";
  EXPECT_EQ(Found(table, "one", ListenerPlace("::", 2), "b.test"), "b");
  EXPECT_EQ(Found(table, "file-0", ListenerPlace("127.0.0.2", 1), "a.test"), "");
  EXPECT_EQ(Found(table, "one", "", "c.test"), "");
}

TEST(StrictTable, NothingStrictIsNoTable) {
  EXPECT_EQ(StrictTable::Make({}), nullptr);
  EXPECT_EQ(StrictTable::Make({{"one", "::", 1, {}}}), nullptr);
}

TEST(StrictTable, ANameThatCannotBeReadHoldsForAll) {
  const std::vector<StrictNames> names = {{{"a.*.test"}, StrictRuleOf({"all"})}};
  const auto table = StrictTable::Make({{"one", "::", 1, names}});
  EXPECT_EQ(Found(table, "one", "", "b.test"), "all");
}

TEST(StrictRule, TheVersionIsThatOfTheContent) {
  EXPECT_EQ(StrictRuleOf({"a", "b"})->version, StrictRuleOf({"b", "a", "a"})->version);
  StrictRule any;
  any.any_issuer = true;
  StrictRule deep;
  deep.trust_bundle_ids = {"a"};
  deep.max_depth = 1;
  const uint64_t versions[] = {StrictRuleOf({"a"})->version, StrictRuleOf({"a"}, true)->version,
                               StrictRuleOf({"b"})->version, StrictRuleOf({"a", "b"})->version,
                               MakeStrictRule(any)->version, MakeStrictRule(deep)->version};
  for (size_t i = 0; i < std::size(versions); ++i) {
    EXPECT_NE(versions[i], 0u);
    for (size_t j = 0; j < i; ++j) EXPECT_NE(versions[i], versions[j]) << i << " " << j;
  }
  EXPECT_EQ(WithStrictness(7, nullptr), 7u);
  EXPECT_NE(WithStrictness(7, StrictRuleOf({"a"}).get()), 7u);
}

}  // namespace
}  // namespace sallyport::dataplane
