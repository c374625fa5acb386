#include <string>

#include "gtest/gtest.h"
#include "shared/cache/generations.h"
#include "shared/cache/keyed_hash.h"
#include "shared/cache/store.h"

namespace sallyport::cache {
namespace {

// SipHash-2-4-128: key 00..0f, input 00 01 02 ... (as OpenSSL computes it).
TEST(KeyedHash, ReferenceVectors) {
  const HashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  struct Case {
    int length;
    uint64_t low, high;
  } const cases[] = {
      {0, 0xe6a825ba047f81a3, 0x930255c71472f66d},  {1, 0x44af996bd8c187da, 0x45fc229b11597634},
      {7, 0x53c1dbd8beebf1a1, 0x3982f01fa64ab8c0},  {8, 0x61f55862baa9623b, 0xb49714f364e2830f},
      {15, 0x11a8b03399e99354, 0xd9c3cf970fec087e}, {63, 0x4a83502f77d15051, 0x7cbd3f979a063e50},
  };
  std::string input;
  for (int i = 0; i < 64; ++i) input.push_back(static_cast<char>(i));
  for (const Case& c : cases) {
    const Hash128 hash =
        KeyedHash(key, absl::string_view(input).substr(0, static_cast<size_t>(c.length)));
    EXPECT_EQ(hash.low, c.low) << c.length;
    EXPECT_EQ(hash.high, c.high) << c.length;
  }
}

TEST(KeyBuilder, FieldsDoNotRunIntoEachOther) {
  EXPECT_NE(KeyBuilder().Add("ab").Add("c").Finish(), KeyBuilder().Add("a").Add("bc").Finish());
  EXPECT_NE(KeyBuilder().Add("").Add("a").Finish(), KeyBuilder().Add("a").Add("").Finish());
  EXPECT_EQ(KeyBuilder().Add("a").Add(7).Finish(), KeyBuilder().Add("a").Add(7).Finish());
}

TEST(KeyBuilder, LongFieldsMoveOutOfTheInlineBuffer) {
  const std::string big(2000, 'x');
  KeyBuilder builder;
  builder.Add("head").Add(big).Add("tail");
  EXPECT_EQ(builder.View().size(), 4 + 4 + 4 + 2000 + 4 + 4u);
  EXPECT_NE(builder.Finish(), KeyBuilder().Add("head").Add(big).Add("tale").Finish());
}

std::shared_ptr<const std::string> Text(const char* text) {
  return std::make_shared<const std::string>(text);
}
Hash128 Key(int n) { return KeyBuilder().Add(static_cast<uint64_t>(n)).Finish(); }

TEST(LruStore, BoundedByEntriesLeastRecentlyUsedGoes) {
  LruStore<std::string> store(2, 1000);
  EXPECT_EQ(store.Put(Key(1), Text("one"), 10, 100), 0u);
  EXPECT_EQ(store.Put(Key(2), Text("two"), 10, 100), 0u);
  ASSERT_NE(store.Find(Key(1), 0), nullptr);
  EXPECT_EQ(store.Put(Key(3), Text("three"), 10, 100), 1u);
  EXPECT_NE(store.Find(Key(1), 0), nullptr);
  EXPECT_EQ(store.Find(Key(2), 0), nullptr);
  EXPECT_NE(store.Find(Key(3), 0), nullptr);
}

TEST(LruStore, BoundedByBytes) {
  LruStore<std::string> store(100, 100);
  store.Put(Key(1), Text("a"), 60, 100);
  store.Put(Key(2), Text("b"), 60, 100);
  EXPECT_EQ(store.Find(Key(1), 0), nullptr);
  EXPECT_EQ(store.bytes(), 60u);
  store.Put(Key(3), Text("too big"), 101, 100);
  EXPECT_EQ(store.Find(Key(3), 0), nullptr);
  EXPECT_NE(store.Find(Key(2), 0), nullptr);
}

TEST(LruStore, ReplacingKeepsTheBytesRight) {
  LruStore<std::string> store(10, 100);
  store.Put(Key(1), Text("a"), 60, 100);
  store.Put(Key(1), Text("b"), 30, 100);
  EXPECT_EQ(store.bytes(), 30u);
  EXPECT_EQ(store.size(), 1u);
  EXPECT_EQ(**store.Find(Key(1), 0), "b");
}

TEST(LruStore, TimeToKeepPasses) {
  LruStore<std::string> store(10, 100);
  store.Put(Key(1), Text("a"), 10, 100);
  EXPECT_NE(store.Find(Key(1), 99), nullptr);
  EXPECT_EQ(store.Find(Key(1), 100), nullptr);
  EXPECT_EQ(store.size(), 0u);
}

TEST(LruStore, ManyPutsReuseNodes) {
  LruStore<std::string> store(8, 1 << 20);
  for (int i = 0; i < 1000; ++i) store.Put(Key(i), Text("x"), 1, 100);
  EXPECT_EQ(store.size(), 8u);
  EXPECT_EQ(store.bytes(), 8u);
  for (int i = 992; i < 1000; ++i) EXPECT_NE(store.Find(Key(i), 0), nullptr) << i;
}

TEST(ShardedStore, FindsAndForgets) {
  ShardedStore<std::string> store(1000, 1 << 20);
  for (int i = 0; i < 100; ++i) store.Put(Key(i), Text("x"), 10, 100);
  EXPECT_EQ(store.size(), 100u);
  EXPECT_EQ(store.bytes(), 1000u);
  EXPECT_NE(store.Find(Key(7), 0), nullptr);
  store.Erase(Key(7));
  EXPECT_EQ(store.Find(Key(7), 0), nullptr);
  store.Clear();
  EXPECT_EQ(store.size(), 0u);
}

TEST(TagGenerations, EvictionVoidsOlderAnswersOfThatTagOnly) {
  TagGenerations generations;
  const TagStamp of_a = generations.Stamp({"api:1", "key:a"}, 10, generations.Incarnation());
  const TagStamp of_b = generations.Stamp({"api:1", "key:b"}, 10, generations.Incarnation());
  EXPECT_TRUE(generations.Valid(of_a));
  const uint64_t epoch = generations.Epoch();
  generations.Evict("key:a", 11);
  EXPECT_NE(generations.Epoch(), epoch);
  EXPECT_FALSE(generations.Valid(of_a));
  EXPECT_TRUE(generations.Valid(of_b));
  // An answer made at the eviction's revision has seen the change.
  EXPECT_TRUE(generations.Valid(generations.Stamp({"key:a"}, 11, generations.Incarnation())));
  // One that comes late, made before it, has not.
  EXPECT_FALSE(generations.Valid(generations.Stamp({"key:a"}, 10, generations.Incarnation())));
}

TEST(TagGenerations, AnOlderEvictionDoesNotLowerTheGeneration) {
  TagGenerations generations;
  generations.Evict("key:a", 20);
  generations.Evict("key:a", 15);
  EXPECT_FALSE(generations.Valid(generations.Stamp({"key:a"}, 17, generations.Incarnation())));
}

TEST(TagGenerations, VoidAllVoidsEverythingAndForgetsNoEviction) {
  TagGenerations generations;
  generations.Evict("key:a", 1000);
  const uint64_t before = generations.Incarnation(), epoch = generations.Epoch();
  const TagStamp old = generations.Stamp({"key:b"}, 5000, before);
  generations.VoidAll();
  EXPECT_FALSE(generations.Valid(old));
  EXPECT_NE(generations.Epoch(), epoch);
  EXPECT_FALSE(generations.Valid(generations.Stamp({"key:a"}, 999, generations.Incarnation())));
  EXPECT_TRUE(generations.Valid(generations.Stamp({"key:a"}, 1000, generations.Incarnation())));
}

TEST(TagGenerations, DropAllVoidsEverythingAndStartsFromNothing) {
  TagGenerations generations;
  generations.Evict("key:a", 1000);
  const uint64_t before = generations.Incarnation();
  const TagStamp old = generations.Stamp({"key:b"}, 5000, before);
  generations.DropAll(0);
  EXPECT_FALSE(generations.Valid(old));
  // Asked before the drop, answered after it: void.
  EXPECT_FALSE(generations.Valid(generations.Stamp({"key:b"}, 5000, before)));
  // Another store counts its revisions from the start.
  EXPECT_TRUE(generations.Valid(generations.Stamp({"key:a"}, 3, generations.Incarnation())));
}

TEST(TagGenerations, NoAnswerFromBelowTheFloorOfTheLastDropIsValid) {
  TagGenerations generations;
  generations.DropAll(20);
  const TagStamp below = generations.Stamp({"key:a"}, 19, generations.Incarnation());
  EXPECT_FALSE(generations.Valid(below));
  EXPECT_FALSE(generations.Valid(generations.Stamp({}, 19, generations.Incarnation())))
      << "whatever its tags";
  EXPECT_EQ(generations.Newest(below), 20u);
  EXPECT_TRUE(generations.Valid(generations.Stamp({"key:a"}, 20, generations.Incarnation())));
  generations.DropAll(3);  // another epoch
  EXPECT_TRUE(generations.Valid(generations.Stamp({"key:a"}, 3, generations.Incarnation())));
}

}  // namespace
}  // namespace sallyport::cache
