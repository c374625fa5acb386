// Logins checked by real hashes, on the checker's own threads.
#include "authsvc/logins/login_checker.h"

#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "shared/base/mutex.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/password.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/notification.h"
#include "tests/unit/authsvc/decide/world.h"

namespace sallyport::authsvc {
namespace {

class LoginCheckerTest : public ::testing::Test {
 protected:
  LoginCheckerTest() : hash_(*crypto::HashPassword("sesame")) {
    Put("k1", "ali", "1");
    Start({});
  }
  void Put(const std::string& id, const std::string& username, const std::string& sealed) {
    v1::Key key;
    key.set_id(id);
    key.set_org_id(kOrg);
    key.mutable_basic_login()->set_username(username);
    key.mutable_basic_login()->mutable_sealed_hash()->set_ciphertext(sealed);
    world_.Put(key);
  }
  void PutWithout(const std::string& id) {
    v1::Key key;
    key.set_id(id);
    key.set_org_id(kOrg);
    world_.Put(key);
  }
  // What differs as sealed hashes do.
  static std::string Sealed(int i) { return crypto::Sha256(absl::StrCat(i)); }
  void Start(LoginOptions options) {
    checker_.reset();
    checker_ = std::make_unique<LoginChecker>(
        options, &clock_, [this](const v1::Key& of) -> absl::StatusOr<base::Secret> {
          {
            const base::MutexLock lock(&mutex_);
            opened_ids_.push_back(of.id());
          }
          const int number = ++opened_;
          while (held_.load() || number <= held_first_.load()) std::this_thread::yield();
          if (!opens_.load()) return absl::DataLossError("changed");
          return base::Secret::CopyOf(hash_);
        });
  }
  const v1::Key& key(absl::string_view id = "k1") { return world_.snapshot().FindKey(id)->key; }
  static std::vector<LoginNeed> Need(const std::string& password,
                                     const std::string& key_id = "k1") {
    std::vector<LoginNeed> needs;
    needs.push_back({key_id,
                     {std::string(kOrg), absl::StrCat("name of ", key_id)},
                     base::Secret::CopyOf(password)});
    return needs;
  }
  static std::vector<LoginNeed> NeedOfNobody(const std::string& name, const std::string& org = kOrg,
                                             const std::string& password = "guess") {
    std::vector<LoginNeed> needs;
    needs.push_back({"", {org, name}, base::Secret::CopyOf(password)});
    return needs;
  }
  void Ask(std::vector<LoginNeed> needs, std::function<void()> done) {
    checker_->Check(world_.snapshot_ptr(), std::move(needs), std::move(done));
  }
  void AskAndWait(std::vector<LoginNeed> needs) {
    testing::Notification done;
    Ask(std::move(needs), [&] { done.Notify(); });
    ASSERT_TRUE(done.WaitFor(absl::Seconds(60)));
  }
  LoginVerdict Verdict(absl::string_view password, absl::string_view id = "k1") {
    return checker_->Find(id.empty() ? nullptr : &key(id),
                          {std::string(kOrg), absl::StrCat("name of ", id)}, password);
  }

  const std::string hash_;
  World world_;
  base::ManualClock clock_;
  std::atomic<int> opened_{0};
  std::vector<std::string> TakeOpened() {
    const base::MutexLock lock(&mutex_);
    return std::exchange(opened_ids_, {});
  }

  std::atomic<bool> held_{false};
  std::atomic<int> held_first_{0};  // so many of those that are opened first
  base::Mutex mutex_;
  std::vector<std::string> opened_ids_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> opens_{true};
  std::unique_ptr<LoginChecker> checker_;
};

TEST_F(LoginCheckerTest, KnowsNothingUntilItWasAsked) {
  EXPECT_EQ(Verdict("sesame"), LoginVerdict::kUnknown);
  AskAndWait(Need("sesame"));
  EXPECT_EQ(Verdict("sesame"), LoginVerdict::kRight);
  EXPECT_EQ(Verdict("Sesame"), LoginVerdict::kUnknown);
  AskAndWait(Need("Sesame"));
  EXPECT_EQ(Verdict("Sesame"), LoginVerdict::kWrong);
}

TEST_F(LoginCheckerTest, WhatWasFoundGoesWithTimeAndWithTheStoredHash) {
  AskAndWait(Need("sesame"));
  AskAndWait(Need("wrong"));
  clock_.Advance(absl::Seconds(31));
  EXPECT_EQ(Verdict("wrong"), LoginVerdict::kUnknown);
  EXPECT_EQ(Verdict("sesame"), LoginVerdict::kRight);
  Put("k1", "ali", "2");
  EXPECT_EQ(Verdict("sesame"), LoginVerdict::kUnknown) << "the password was changed";
  Put("k1", "ali", "1");
  clock_.Advance(absl::Minutes(11));
  EXPECT_EQ(Verdict("sesame"), LoginVerdict::kUnknown);
}

TEST_F(LoginCheckerTest, IsOfOneKeyAlone) {
  Put("k2", "bob", "1");
  AskAndWait(Need("sesame"));
  EXPECT_EQ(Verdict("sesame", "k2"), LoginVerdict::kUnknown);
}

TEST_F(LoginCheckerTest, AHashThatCannotBeOpenedIsNobodys) {
  opens_ = false;
  AskAndWait(Need("sesame"));
  EXPECT_EQ(Verdict("sesame"), LoginVerdict::kWrong);
}

// Else a name that nobody has would be told by what the second guess takes.
TEST_F(LoginCheckerTest, NobodysUserNameIsWrongAndRememberedAsLong) {
  AskAndWait(Need("sesame", ""));
  EXPECT_EQ(opened_.load(), 1) << "the work that a name of somebody costs";
  EXPECT_EQ(Verdict("sesame", ""), LoginVerdict::kWrong) << "though it is k1's password";
  EXPECT_EQ(Verdict("sesame"), LoginVerdict::kUnknown);
  clock_.Advance(absl::Seconds(31));
  EXPECT_EQ(Verdict("sesame", ""), LoginVerdict::kUnknown);
}

TEST_F(LoginCheckerTest, NobodysUserNameIsCheckedAtOneHashOfItsOrganisation) {
  // Many keys without a login before them.
  for (int i = 0; i < 1100; ++i) PutWithout(absl::StrCat("a", i));
  for (int i = 2; i < 30; ++i) Put(absl::StrCat("k", i), absl::StrCat("user", i), Sealed(i));
  v1::Key other;
  other.set_id("a");
  other.set_org_id("others");
  other.mutable_basic_login()->set_username("x");
  world_.Put(other);
  const auto ask = [&](const std::string& org, const std::string& name,
                       const std::string& password) {
    AskAndWait(NeedOfNobody(name, org, password));
    return TakeOpened();
  };
  std::set<std::string> all;
  for (int i = 0; i < 8; ++i) {
    const std::string name = absl::StrCat("nobody", i);
    const auto first = ask(kOrg, name, "one");
    ASSERT_EQ(first.size(), 1u);
    EXPECT_EQ(ask(kOrg, name, "two"), first) << "else the second guess would take another time";
    Start({});
    EXPECT_EQ(ask(kOrg, name, "one"), first) << "nor at another authsvc";
    all.insert(first.front());
  }
  EXPECT_GT(all.size(), 1u) << "costs of all kinds";
  for (const std::string& id : all) EXPECT_EQ(id[0], 'k') << id;
  EXPECT_EQ(ask("others", "nobody", "one"), std::vector<std::string>{"a"});
  EXPECT_THAT(ask("empty", "nobody", "one"), ::testing::IsEmpty());
}

TEST_F(LoginCheckerTest, OneThatIsAskedForStaysRemembered) {
  AskAndWait(Need("sesame"));
  for (int i = 0; i < 3; ++i) {
    clock_.Advance(absl::Minutes(9));
    EXPECT_EQ(Verdict("sesame"), LoginVerdict::kRight);
  }
}

TEST_F(LoginCheckerTest, WhatHasWaitedTooLongIsNotChecked) {
  LoginOptions options;
  options.threads = 1;
  Start(options);
  held_ = true;
  testing::Notification first, late;
  Ask(Need("sesame"), [&] { first.Notify(); });
  while (opened_.load() == 0) std::this_thread::yield();
  Ask(Need("another"), [&] { late.Notify(); });
  clock_.Advance(absl::Seconds(2));
  held_ = false;
  ASSERT_TRUE(first.WaitFor(absl::Seconds(60)));
  ASSERT_TRUE(late.WaitFor(absl::Seconds(60)));
  EXPECT_EQ(Verdict("another"), LoginVerdict::kUnknown);
  EXPECT_EQ(opened_.load(), 1);
}

TEST_F(LoginCheckerTest, OneCheckServesAllWhoWaitForIt) {
  held_ = true;
  std::atomic<int> done{0};
  testing::Notification last;
  for (int i = 0; i < 8; ++i) {
    Ask(Need("sesame"), [&] {
      if (++done == 8) last.Notify();
    });
  }
  EXPECT_EQ(done.load(), 0);
  held_ = false;
  ASSERT_TRUE(last.WaitFor(absl::Seconds(60)));
  EXPECT_EQ(opened_.load(), 1);
}

TEST_F(LoginCheckerTest, GuessesAtOneKeyDoNotKeepOthersOut) {
  Put("k2", "bob", "1");
  held_ = true;
  const auto answered = std::make_shared<std::atomic<int>>(0);
  for (int i = 0; i < 20; ++i) Ask(Need(absl::StrCat("guess", i)), [answered] { ++*answered; });
  EXPECT_EQ(answered->load(), 16) << "four may wait";
  testing::Notification other;
  Ask(Need("sesame", "k2"), [&] { other.Notify(); });
  held_ = false;
  ASSERT_TRUE(other.WaitFor(absl::Seconds(60)));
  EXPECT_EQ(Verdict("sesame", "k2"), LoginVerdict::kRight);
  EXPECT_EQ(Verdict("guess19"), LoginVerdict::kUnknown);
}

TEST_F(LoginCheckerTest, MadeUpNamesDoNotKeepOthersOut) {
  held_first_ = 1;
  const auto answered = std::make_shared<std::atomic<int>>(0);
  const auto flood = [&](int from) {
    for (int i = from; i < from + 256; ++i)
      Ask(NeedOfNobody(absl::StrCat("made-up", i)), [answered] { ++*answered; });
  };
  flood(0);
  while (opened_.load() == 0) std::this_thread::yield();
  flood(256);
  EXPECT_EQ(answered->load(), 512 - 16) << "no place for more of one organisation";
  AskAndWait(Need("sesame"));
  EXPECT_EQ(Verdict("sesame"), LoginVerdict::kRight);
  AskAndWait(Need("wrong"));
  EXPECT_EQ(Verdict("wrong"), LoginVerdict::kWrong);
  EXPECT_EQ(opened_.load(), 3) << "one of nobody, held";
  EXPECT_EQ(checker_->Find(nullptr, {std::string(kOrg), "made-up300"}, "guess"),
            LoginVerdict::kUnknown)
      << "told to come again, not that it is wrong";
  held_first_ = 0;
  checker_.reset();
  EXPECT_EQ(answered->load(), 512);
}

TEST_F(LoginCheckerTest, OneThreadChecksNobodysNamesWhenNoOtherWaits) {
  LoginOptions options;
  options.threads = 1;
  Start(options);
  Put("k2", "bob", "2");
  held_ = true;
  testing::Notification first, made_up, other;
  Ask(Need("sesame"), [&] { first.Notify(); });
  while (opened_.load() == 0) std::this_thread::yield();
  Ask(NeedOfNobody("made-up", "others"), [&] { made_up.Notify(); });
  Ask(Need("sesame", "k2"), [&] { other.Notify(); });
  held_ = false;
  for (testing::Notification* one : {&first, &made_up, &other})
    ASSERT_TRUE(one->WaitFor(absl::Seconds(60)));
  EXPECT_EQ(Verdict("sesame", "k2"), LoginVerdict::kRight);
  EXPECT_EQ(checker_->Find(nullptr, {"others", "made-up"}, "guess"), LoginVerdict::kWrong);
}

TEST_F(LoginCheckerTest, NoMoreThanSoManyWaitInAll) {
  LoginOptions options;
  options.most_waiting = 2;
  options.threads = 1;
  Start(options);
  for (int i = 2; i < 10; ++i) Put(absl::StrCat("k", i), absl::StrCat("u", i), "1");
  held_ = true;
  std::atomic<int> answered{0};
  const auto ask = [&](int i) { Ask(Need("sesame", absl::StrCat("k", i)), [&] { ++answered; }); };
  ask(1);
  while (opened_.load() == 0) std::this_thread::yield();
  for (int i = 2; i < 10; ++i) ask(i);
  EXPECT_EQ(answered.load(), 6) << "one is checked, two wait";
  held_ = false;
  checker_.reset();
  EXPECT_EQ(answered.load(), 9);
}

TEST_F(LoginCheckerTest, WhoWaitsIsAnsweredWhenItEnds) {
  std::atomic<int> answered{0};
  for (int i = 0; i < 4; ++i) Ask(Need(absl::StrCat("p", i)), [&] { ++answered; });
  checker_.reset();
  EXPECT_EQ(answered.load(), 4);
}

}  // namespace
}  // namespace sallyport::authsvc
