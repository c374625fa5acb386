#include "authsvc/snapshot/ordered_set.h"

#include <map>
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
        EXPECT_EQ(set.Put(edit, MakeRef<int>(value)), expected.insert(value).second);
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
    for (int i = 0; i < 10'000; ++i) set.Put(edit, MakeRef<int>(up ? i : 9'999 - i));
    EXPECT_EQ(set.size(), 10'000u);
    const auto all = From(set, 0);
    ASSERT_EQ(all.size(), 10'000u);
    for (int i = 0; i < 10'000; ++i) ASSERT_EQ(all[static_cast<size_t>(i)], i);
    for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(set.Erase(edit, i));
    EXPECT_TRUE(From(set, 0).empty());
    EXPECT_FALSE(set.Erase(edit, 5));
  }
}

// Counts those that live.
struct Counted {
  explicit Counted(int number) : value(number) { ++alive; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --alive; }
  int value;
  static inline int alive = 0;
};
struct CountedLess {
  bool operator()(const Counted& a, const Counted& b) const { return a.value < b.value; }
  bool operator()(const Counted& a, int b) const { return a.value < b; }
};

// Random puts and erases beside std::map, over spread, clustered and equal hashes.
TEST(HashTable, IsAsStdMapAndCopiesDoNotChange) {
  using Table = HashTable<Counted>;
  const auto hash_of = [](int kind, int key) -> uint64_t {
    const auto number = static_cast<uint64_t>(key);
    if (kind == 0) return number * 0x9e3779b97f4a7c15;
    return kind == 1 ? number / 3 : number << 62 | number % 7;
  };
  for (const int kind : {0, 1, 2}) {
    std::mt19937 random(11);
    Table table;
    std::map<int, const Counted*> expected;
    std::vector<std::pair<Table, std::map<int, const Counted*>>> kept;
    uint64_t edit = NextEdit();
    const int range = kind == 2 ? 300 : 3'000;
    for (int step = 0; step < 20'000; ++step) {
      const int key = static_cast<int>(random() % static_cast<unsigned>(range));
      const auto same = [key](const Counted& entry) { return entry.value == key; };
      if (random() % 5 < (step < 10'000 ? 3u : 2u)) {
        const auto entry = MakeRef<Counted>(key);
        table.Put(edit, hash_of(kind, key), entry, same);
        expected[key] = entry.get();
      } else {
        EXPECT_EQ(table.Erase(edit, hash_of(kind, key), same), expected.erase(key) == 1);
      }
      ASSERT_EQ(table.size(), expected.size());
      if (step % 2'000 == 0) {
        kept.emplace_back(table, expected);
        edit = NextEdit();
      }
    }
    kept.emplace_back(table, expected);
    for (const auto& [copy, values] : kept) {
      for (int key = 0; key < range; ++key) {
        const auto found = values.find(key);
        ASSERT_EQ(copy.Find(hash_of(kind, key),
                            [key](const Counted& entry) { return entry.value == key; }),
                  found == values.end() ? nullptr : found->second);
      }
    }
    EXPECT_GT(Counted::alive, 0);
    kept.clear();
    EXPECT_EQ(Counted::alive, static_cast<int>(expected.size()));
    for (const auto& [key, entry] : std::map(expected)) {
      const auto same = [wanted = key](const Counted& one) { return one.value == wanted; };
      EXPECT_TRUE(table.Erase(edit, hash_of(kind, key), same));
    }
    EXPECT_EQ(table.size(), 0u);
    EXPECT_EQ(Counted::alive, 0);
  }
}

// An entry lives as long as the last set that holds it, and a replaced one is found nowhere.
TEST(OrderedSet, EntriesLiveAsLongAsASetThatHoldsThem) {
  using Set = OrderedSet<Counted, CountedLess>;
  std::mt19937 random(13);
  Set set;
  uint64_t edit = NextEdit();
  for (int i = 0; i < 1'000; ++i) set.Put(edit, MakeRef<Counted>(i));
  for (int round = 0; round < 200; ++round) {
    const Set before = set;
    edit = NextEdit();
    const int value = round % 3 == 0 ? 0 : static_cast<int>(random() % 1'000);
    const auto fresh = MakeRef<Counted>(value);
    if (round % 2 == 0) {
      EXPECT_TRUE(set.Erase(edit, *fresh));
    }
    EXPECT_EQ(set.Put(edit, fresh), round % 2 == 0);
    EXPECT_EQ(Counted::alive, 1'001);
    const Counted* first = nullptr;
    set.VisitFrom(value, [&](const Counted& entry) {
      first = &entry;
      return false;
    });
    EXPECT_EQ(first, fresh.get());
    before.VisitFrom(value, [&](const Counted& entry) {
      first = &entry;
      return false;
    });
    EXPECT_NE(first, fresh.get());
    EXPECT_EQ(first->value, value);
  }
  set = Set();
  EXPECT_EQ(Counted::alive, 0);
}

TEST(HashTable, CopiesDoNotChangeAndCollisionsAreTold) {
  HashTable<int> table;
  const auto is = [](int wanted) { return [wanted](int value) { return value == wanted; }; };
  const uint64_t first = NextEdit();
  // All in one bucket, half of them with the same hash.
  for (int i = 0; i < 100; ++i)
    table.Put(first, 5 + static_cast<uint64_t>(i % 2), MakeRef<int>(i), is(i));
  const HashTable<int> copy = table;
  const uint64_t second = NextEdit();
  for (int i = 0; i < 100; i += 2) EXPECT_TRUE(table.Erase(second, 5, is(i)));
  EXPECT_FALSE(table.Erase(second, 5, is(0)));
  EXPECT_FALSE(table.Erase(second, 6, is(2)));
  table.Put(second, 6, MakeRef<int>(1), is(1));
  EXPECT_EQ(table.size(), 50u);
  EXPECT_EQ(copy.size(), 100u);
  EXPECT_EQ(table.Find(5, is(4)), nullptr);
  ASSERT_NE(copy.Find(5, is(4)), nullptr);
  EXPECT_EQ(*copy.Find(5, is(4)), 4);
  EXPECT_EQ(HashTable<int>().Find(5, is(4)), nullptr);
}

}  // namespace
}  // namespace sallyport::authsvc
