#include "authsvc/snapshot/ordered_set.h"

#include <random>
#include <set>

#include "authsvc/snapshot/hash_table.h"
#include "gtest/gtest.h"

namespace sallyport::authsvc {
namespace {

struct IntLess {
  bool operator()(int a, int b) const { return a < b; }
};
using IntSet = OrderedSet<int, IntLess>;

std::vector<int> From(const IntSet& set, int key) {
  std::vector<int> found;
  set.VisitFrom(key, [&](const int& value) {
    found.push_back(value);
    return true;
  });
  return found;
}
std::vector<int> From(const std::set<int>& set, int key) {
  return {set.lower_bound(key), set.end()};
}

// Random puts and erases beside std::set; now and then a copy is kept and must not change.
TEST(OrderedSet, IsAsStdSetAndCopiesDoNotChange) {
  std::mt19937 random(7);
  for (const int range : {10, 300, 20'000}) {
    IntSet set;
    std::set<int> expected;
    std::vector<std::pair<IntSet, std::set<int>>> kept;
    uint64_t edit = NextEdit();
    for (int step = 0; step < 20'000; ++step) {
      const int value = static_cast<int>(random() % static_cast<unsigned>(range));
      if (random() % 5 < (step < 10'000 ? 3u : 2u)) {
        EXPECT_EQ(set.Put(edit, std::make_shared<int>(value)), expected.insert(value).second);
      } else {
        EXPECT_EQ(set.Erase(edit, value), expected.erase(value) == 1);
      }
      ASSERT_EQ(set.size(), expected.size());
      if (step % 2'000 == 0) {
        kept.emplace_back(set, expected);
        edit = NextEdit();
      }
      if (step % 500 == 0) {
        const int key = static_cast<int>(random() % static_cast<unsigned>(range));
        ASSERT_EQ(From(set, key), From(expected, key));
      }
    }
    for (const auto& [copy, values] : kept) ASSERT_EQ(From(copy, -1), From(values, -1));
  }
}

TEST(OrderedSet, InOrderFromBothEnds) {
  for (const bool up : {true, false}) {
    IntSet set;
    const uint64_t edit = NextEdit();
    for (int i = 0; i < 10'000; ++i) set.Put(edit, std::make_shared<int>(up ? i : 9'999 - i));
    EXPECT_EQ(set.size(), 10'000u);
    const auto all = From(set, 0);
    ASSERT_EQ(all.size(), 10'000u);
    for (int i = 0; i < 10'000; ++i) ASSERT_EQ(all[static_cast<size_t>(i)], i);
    for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(set.Erase(edit, i));
    EXPECT_TRUE(From(set, 0).empty());
    EXPECT_FALSE(set.Erase(edit, 5));
  }
}

TEST(HashTable, CopiesDoNotChangeAndCollisionsAreTold) {
  HashTable<int> table;
  const auto is = [](int wanted) { return [wanted](int value) { return value == wanted; }; };
  const uint64_t first = NextEdit();
  // All in one bucket, half of them with the same hash.
  for (int i = 0; i < 100; ++i) table.Put(first, 5 + static_cast<uint64_t>(i % 2), std::make_shared<int>(i), is(i));
  const HashTable<int> copy = table;
  const uint64_t second = NextEdit();
  for (int i = 0; i < 100; i += 2) EXPECT_TRUE(table.Erase(second, 5, is(i)));
  EXPECT_FALSE(table.Erase(second, 5, is(0)));
  EXPECT_FALSE(table.Erase(second, 6, is(2)));
  table.Put(second, 6, std::make_shared<int>(1), is(1));
  EXPECT_EQ(table.size(), 50u);
  EXPECT_EQ(copy.size(), 100u);
  EXPECT_EQ(table.Find(5, is(4)), nullptr);
  ASSERT_NE(copy.Find(5, is(4)), nullptr);
  EXPECT_EQ(*copy.Find(5, is(4)), 4);
  EXPECT_EQ(HashTable<int>().Find(5, is(4)), nullptr);
}

}  // namespace
}  // namespace sallyport::authsvc
