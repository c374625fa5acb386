#include "dataplane/tls/ticket_keys.h"

#include <gtest/gtest.h>

#include "dataplane/sync/shared_tickets.h"
#include "tests/fakes/manual_clock.h"

namespace sallyport::dataplane {
namespace {

constexpr absl::Duration kHour = absl::Hours(1);

SharedTicketKeys Shared(const std::string& letters, absl::Duration newest = absl::ZeroDuration()) {
  SharedTicketKeys keys;
  keys.life = 3 * kHour;
  for (const char letter : letters) {
    keys.keys.push_back(
        {std::string(16, letter),
         base::Secret(std::string(32, letter) + std::string(32, static_cast<char>(letter + 1))),
         newest + kHour * static_cast<int>(keys.keys.size())});
  }
  return keys;
}

std::string NameOf(const TicketKeyPtr& key) {
  return key == nullptr ? "" : std::string(key->name.begin(), key->name.end());
}

class TicketKeysTest : public ::testing::Test {
 protected:
  bool Opens(char letter) { return keys_.Find(std::string(16, letter)) != nullptr; }
  char Makes() { return NameOf(keys_.Current())[0]; }
  void Prove() { proof_ = clock_.Monotonic(); }
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    Prove();
  }

  base::ManualClock clock_;
  absl::Duration proof_;
  TicketKeys keys_{clock_, [this] { return proof_; }};
};

TEST_F(TicketKeysTest, OwnOnesUntilThereAreSharedOnes) {
  const std::string own = NameOf(keys_.Current());
  EXPECT_EQ(own.size(), 16u);
  EXPECT_FALSE(keys_.Report().making_shared);
  keys_.SetShared(Shared("abc"));
  EXPECT_EQ(Makes(), 'a');
  EXPECT_TRUE(Opens('a') && Opens('b') && Opens('c'));
  EXPECT_FALSE(Opens('d'));
  EXPECT_NE(keys_.Find(own), nullptr) << "its own tickets of before are still taken";
  const TicketKeys::Facts facts = keys_.Report();
  EXPECT_TRUE(facts.making_shared);
  EXPECT_EQ(facts.shared, 3);
  EXPECT_EQ(facts.own, 1);
  const TicketKeyPtr key = keys_.Find(std::string(16, 'b'));
  EXPECT_EQ(key->aes.front(), 'b');
  EXPECT_EQ(key->hmac.back(), 'c');
  EXPECT_EQ(keys_.Find("aaaa"), nullptr);
  EXPECT_EQ(keys_.Find(""), nullptr);
}

TEST_F(TicketKeysTest, WhatComesTakesThePlaceOfAllThatCameBefore) {
  keys_.SetShared(Shared("ba"));
  keys_.SetShared(Shared("cba"));
  EXPECT_EQ(Makes(), 'c');
  keys_.SetShared(Shared("x"));
  EXPECT_EQ(Makes(), 'x');
  EXPECT_FALSE(Opens('a') || Opens('b') || Opens('c'));
  keys_.SetShared(SharedTicketKeys());
  EXPECT_FALSE(Opens('x'));
  EXPECT_NE(Makes(), 'x');
  EXPECT_FALSE(keys_.Report().making_shared);
}

TEST_F(TicketKeysTest, KeysThatAreNotWellFormedAreNone) {
  for (int bad = 0; bad < 4; ++bad) {
    keys_.SetShared(Shared("z"));
    SharedTicketKeys keys = Shared("ab");
    SharedTicketKey& key = keys.keys[1];
    if (bad == 0) key.name.pop_back();
    if (bad == 1) key.secret = base::Secret(std::string(63, 'x'));
    if (bad == 2) key.secret = base::Secret();
    if (bad == 3) key.age = -absl::Seconds(1);
    keys_.SetShared(keys);
    EXPECT_FALSE(Opens('a') || Opens('z')) << bad;
    EXPECT_FALSE(keys_.Report().making_shared) << bad;
  }
}

TEST_F(TicketKeysTest, ASharedKeyEndsWithItsLifeAlsoWhenNothingNewComes) {
  keys_.SetShared(Shared("abc", absl::Minutes(30)));
  Pass(absl::Minutes(30) - absl::Seconds(1));
  EXPECT_TRUE(Opens('c'));
  Pass(absl::Seconds(1));
  EXPECT_FALSE(Opens('c'));
  EXPECT_TRUE(Opens('b'));
  Pass(2 * kHour - absl::Seconds(1));
  EXPECT_EQ(Makes(), 'a');
  Pass(absl::Seconds(1));
  EXPECT_NE(Makes(), 'a');
  EXPECT_FALSE(Opens('a'));
}

TEST_F(TicketKeysTest, WithoutAProofSharedKeysCountNoLonger) {
  Prove();
  keys_.SetShared(Shared("a"));
  clock_.Advance(TicketKeys::kUnproven - absl::Seconds(1));
  EXPECT_EQ(Makes(), 'a');
  clock_.Advance(absl::Seconds(1));
  EXPECT_NE(Makes(), 'a');
  EXPECT_FALSE(Opens('a'));
  EXPECT_EQ(keys_.Report().shared, 0);
  Prove();
  EXPECT_FALSE(Opens('a')) << "what was replaced meanwhile must not come back";
  keys_.SetShared(Shared("b"));
  EXPECT_EQ(Makes(), 'b');
}

TEST_F(TicketKeysTest, OnlyTheStreamThatBroughtKeysProvesThem) {
  Prove();
  keys_.SetShared(Shared("a"));
  Pass(absl::Minutes(1));
  keys_.StreamEnded();
  EXPECT_EQ(Makes(), 'a') << "for a while";
  Pass(TicketKeys::kUnproven - absl::Seconds(1));  // another stream's heartbeats
  EXPECT_TRUE(Opens('a'));
  Pass(absl::Seconds(1));
  EXPECT_FALSE(Opens('a'));
  EXPECT_NE(Makes(), 'a');
}

TEST_F(TicketKeysTest, AKeyThatOpensNothingIsErased) {
  const std::weak_ptr<const TicketKey> own = keys_.Current();
  keys_.SetShared(Shared("abc"));
  const std::weak_ptr<const TicketKey> oldest = keys_.Find(std::string(16, 'c'));
  for (int i = 0; i < 12 * 3; ++i) {
    EXPECT_FALSE(own.expired());
    Pass(absl::Minutes(5));
    (void)keys_.Report();
    EXPECT_EQ(oldest.expired(), i >= 11) << i;
  }
  EXPECT_TRUE(own.expired());
}

TEST_F(TicketKeysTest, OwnKeysRotateAndTwoOlderOnesStay) {
  std::vector<std::string> names;
  for (int turn = 0; turn < 4; ++turn) {
    names.push_back(NameOf(keys_.Current()));
    EXPECT_EQ(NameOf(keys_.Current()), names.back());
    Pass(kHour);
  }
  names.push_back(NameOf(keys_.Current()));
  for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(keys_.Find(names[i]) != nullptr, i >= 2) << i;
  Pass(3 * kHour);
  for (const std::string& name : names) EXPECT_EQ(keys_.Find(name), nullptr) << "it slept";
}

TEST_F(TicketKeysTest, DropAllForgetsBothKinds) {
  const std::string own = NameOf(keys_.Current());
  keys_.SetShared(Shared("a"));
  keys_.DropAll();
  EXPECT_FALSE(Opens('a'));
  EXPECT_EQ(keys_.Find(own), nullptr);
  const std::string fresh = NameOf(keys_.Current());
  EXPECT_NE(fresh, own);
  EXPECT_NE(fresh[0], 'a');
}

}  // namespace
}  // namespace sallyport::dataplane
