#include "authsvc/tickets/ticket_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "authsvc/store/sqlite_store.h"
#include "authsvc/tickets/ticket_record.h"
#include "sallyport/v1/distribution.pb.h"
#include "shared/base/text.h"
#include "shared/crypto/random.h"
#include "shared/crypto/sealer.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/temp_folder.h"

namespace sallyport::authsvc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Keys = std::vector<std::string>;  // names and secrets, newest first

constexpr absl::string_view kEdge1 = "spiffe://test/sallyport/dataplane/edge/1";
constexpr absl::string_view kEdge2 = "spiffe://test/sallyport/dataplane/edge/2";
constexpr absl::Duration kHour = absl::Hours(1);

std::unique_ptr<const crypto::Sealer> SealerOf(const std::vector<std::string>& lines) {
  auto keys = crypto::ParseMasterKeys(absl::StrCat(lines[0], lines.size() > 1 ? lines[1] : ""));
  EXPECT_TRUE(keys.ok()) << keys.status();
  return *crypto::Sealer::Create(*std::move(keys));
}

// By name for the group that it has in it, by key for all.
bool Concerns(absl::string_view entry, absl::string_view group) {
  return entry.find(absl::StrCat("/", group, "/")) != absl::string_view::npos ||
         entry.find("spki-sha256:") == 0;
}

Keys KeysOf(const v1::Update& update) {
  Keys keys;
  for (const v1::TicketKey& key : update.ticket_keys().keys()) {
    EXPECT_EQ(key.name().size(), 16u);
    EXPECT_EQ(key.secret().size(), 64u);
    keys.push_back(key.name() + key.secret());
  }
  return keys;
}

// One auth service: a store handle of its own on the same file.
class Authsvc {
 public:
  Authsvc(const std::string& path, const base::Clock* clock,
          std::unique_ptr<const crypto::Sealer> sealer)
      : sealer_(std::move(sealer)) {
    SqliteOptions sqlite;
    sqlite.busy_timeout = absl::Milliseconds(200);
    store_ = *OpenSqliteStore(path, sqlite);
    TicketKeeper::Options options;
    options.clock = clock;
    options.store = store_.get();
    options.sealer = sealer_.get();
    options.rotate_every = kHour;
    options.concerns = Concerns;
    options.needs_look = [this] { ++looks_wanted; };
    options.made = [this](absl::string_view cause) { causes.emplace_back(cause); };
    keeper_ = std::make_unique<TicketKeeper>(std::move(options));
  }
  uint64_t Join(const std::string& group, absl::string_view name = kEdge1) {
    return keeper_->Join(group, {std::string(name)}, [this] { ++wakes; });
  }
  // What the stream is told at the next look; nothing when it is told nothing.
  std::optional<Keys> Told(uint64_t stream) {
    keeper_->Look();
    const auto update = keeper_->Take(stream);
    if (update == nullptr) return std::nullopt;
    return KeysOf(*update);
  }
  TicketKeeper& operator*() { return *keeper_; }
  TicketKeeper* operator->() { return keeper_.get(); }
  Store& store() { return *store_; }

  std::vector<std::string> causes;
  std::atomic<int> looks_wanted{0};
  std::atomic<int> wakes{0};

 private:
  std::unique_ptr<const crypto::Sealer> sealer_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<TicketKeeper> keeper_;
};

class TicketKeeperTest : public ::testing::Test {
 protected:
  static std::string NewMaster(const std::string& id) {
    return std::string(crypto::NewMasterKeyLine(id).Reveal());
  }
  std::unique_ptr<Authsvc> Start() {
    return std::make_unique<Authsvc>(path_, &clock_, SealerOf({master_}));
  }
  std::unique_ptr<Authsvc> StartWith(const std::vector<std::string>& masters) {
    return std::make_unique<Authsvc>(path_, &clock_, SealerOf(masters));
  }

  testing::TempFolder folder_;
  const std::string path_ = folder_.File("store.db");
  const std::string master_ = NewMaster("m1");
  base::ManualClock clock_;
};

TEST_F(TicketKeeperTest, MakesTheFirstKeyAndTellsItOnce) {
  auto authsvc = Start();
  EXPECT_EQ((*authsvc)->Take(99), nullptr);
  const uint64_t stream = authsvc->Join("edge");
  EXPECT_EQ(authsvc->looks_wanted, 1);
  EXPECT_EQ((*authsvc)->Take(stream), nullptr) << "nothing is known before the first look";
  EXPECT_THAT(authsvc->Told(stream), ::testing::Optional(SizeIs(1)));
  EXPECT_EQ(authsvc->wakes, 1);
  EXPECT_EQ(authsvc->Told(stream), std::nullopt);
  EXPECT_EQ(authsvc->wakes, 1);
  EXPECT_THAT(authsvc->causes, ElementsAre("first"));
  (*authsvc)->Leave(stream);
  EXPECT_EQ((*authsvc)->Take(stream), nullptr);
}

TEST_F(TicketKeeperTest, KeysAreSealedInTheStore) {
  auto authsvc = Start();
  const Keys keys = authsvc->Told(authsvc->Join("edge")).value();
  const auto record = authsvc->store().ReadSealed("ticket_keys/edge");
  ASSERT_TRUE(record.ok());
  for (const size_t at : {size_t{0}, size_t{16}, size_t{48}}) {
    EXPECT_THAT(record->body, Not(HasSubstr(keys[0].substr(at, 16))));
  }
  // Of another group or store they cannot be opened.
  const auto state = authsvc->store().State();
  const auto sealer = SealerOf({master_});
  EXPECT_TRUE(OpenRing({*sealer, state->store_id, "edge"}, record->body).opened.ok());
  EXPECT_TRUE(absl::IsDataLoss(OpenRing({*sealer, state->store_id, "e"}, record->body).opened));
  EXPECT_TRUE(absl::IsDataLoss(OpenRing({*sealer, "other", "edge"}, record->body).opened));
  EXPECT_TRUE(absl::IsDataLoss(OpenRing({*sealer, state->store_id, "edge"}, "\xff").opened));
}

TEST_F(TicketKeeperTest, ARestartAndAnotherAuthsvcGiveTheSameKeys) {
  auto first = Start();
  const Keys keys = first->Told(first->Join("edge")).value();
  auto second = Start();
  EXPECT_EQ(second->Told(second->Join("edge", kEdge2)), keys);
  first.reset();
  first = Start();
  EXPECT_EQ(first->Told(first->Join("edge")), keys);
  EXPECT_THAT(first->causes, IsEmpty());
}

TEST_F(TicketKeeperTest, GroupsHaveKeysOfTheirOwn) {
  auto authsvc = Start();
  const uint64_t edge = authsvc->Join("edge"), core = authsvc->Join("core");
  const Keys of_edge = authsvc->Told(edge).value(), of_core = authsvc->Told(core).value();
  EXPECT_NE(of_edge, of_core);
  EXPECT_THAT((*authsvc)->Ages(), SizeIs(2));
}

TEST_F(TicketKeeperTest, RotatesAndKeepsTwoOlderOnes) {
  auto authsvc = Start(), other = Start();
  const uint64_t stream = authsvc->Join("edge"), elsewhere = other->Join("edge");
  Keys expected = authsvc->Told(stream).value();
  EXPECT_EQ(other->Told(elsewhere), expected);
  for (int turn = 1; turn <= 4; ++turn) {
    clock_.Advance(kHour - absl::Seconds(1));
    EXPECT_EQ(authsvc->Told(stream), std::nullopt) << "not before its time";
    EXPECT_EQ((*authsvc)->Ages().front().second, kHour - absl::Seconds(1));
    clock_.Advance(absl::Seconds(1));
    const Keys now = authsvc->Told(stream).value();
    expected.insert(expected.begin(), now.front());
    if (expected.size() > 3) expected.pop_back();
    EXPECT_EQ(now, expected);
    EXPECT_EQ(other->Told(elsewhere), expected) << "it makes none of its own";
  }
  EXPECT_THAT(other->causes, IsEmpty());
}

TEST_F(TicketKeeperTest, TheMessageSaysHowOldEachKeyIs) {
  auto authsvc = Start();
  const uint64_t stream = authsvc->Join("edge");
  (*authsvc)->Look();
  clock_.Advance(kHour);
  (*authsvc)->Look();
  clock_.Advance(absl::Minutes(5));
  const auto update = (*authsvc)->Take(stream);
  ASSERT_EQ(update->ticket_keys().keys_size(), 2);
  EXPECT_EQ(update->ticket_keys().keys(0).age_ms(), 5 * 60 * 1000);
  EXPECT_EQ(update->ticket_keys().keys(1).age_ms(), 65 * 60 * 1000);
  EXPECT_EQ(update->ticket_keys().life_ms(), 3 * 60 * 60 * 1000);
  EXPECT_EQ(update->revision(), 0u);
}

TEST_F(TicketKeeperTest, KeysThatOutlivedTheirTimeAreNotKeptByARotation) {
  auto authsvc = Start();
  const uint64_t stream = authsvc->Join("edge");
  const Keys before = authsvc->Told(stream).value();
  clock_.Advance(3 * kHour);
  const Keys after = authsvc->Told(stream).value();
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_NE(after, before);
}

TEST_F(TicketKeeperTest, AClockThatWasWrongDoesNotKeepAKeyForYears) {
  clock_.JumpWall(absl::Hours(24 * 365));
  auto authsvc = Start();
  const uint64_t stream = authsvc->Join("edge");
  const Keys wrong = authsvc->Told(stream).value();
  clock_.JumpWall(-absl::Hours(24 * 365));
  const Keys right = authsvc->Told(stream).value();
  ASSERT_THAT(right, SizeIs(1));
  EXPECT_NE(right, wrong);
  clock_.JumpWall(-absl::Minutes(10));
  EXPECT_EQ(authsvc->Told(stream), std::nullopt) << "a little skew is no reason";
}

TEST_F(TicketKeeperTest, ManyWhoFindItDueMakeOneKey) {
  std::vector<std::unique_ptr<Authsvc>> all;
  std::vector<uint64_t> streams;
  for (int i = 0; i < 4; ++i) all.push_back(Start());
  for (auto& authsvc : all) streams.push_back(authsvc->Join("edge"));
  size_t made = 0;
  for (int turn = 0; turn < 12; ++turn) {
    std::vector<std::thread> threads;
    for (auto& authsvc : all) threads.emplace_back([&authsvc] { (*authsvc)->Look(); });
    for (auto& thread : threads) thread.join();
    std::set<Keys> seen;
    for (size_t i = 0; i < all.size(); ++i) seen.insert(all[i]->Told(streams[i]).value());
    EXPECT_EQ(seen.size(), 1u) << "turn " << turn;
    size_t now = 0;
    for (auto& authsvc : all) now += authsvc->causes.size();
    EXPECT_EQ(now, made + 1);
    made = now;
    clock_.Advance(kHour);
  }
}

TEST_F(TicketKeeperTest, ADenialReplacesAllKeysOfItsGroupAlone) {
  auto authsvc = Start();
  const uint64_t denied = authsvc->Join("edge", kEdge1), spared = authsvc->Join("edge", kEdge2);
  const uint64_t core = authsvc->Join("core", "spiffe://test/sallyport/dataplane/core/1");
  (*authsvc)->Look();
  clock_.Advance(kHour);
  const Keys before = authsvc->Told(spared).value();
  ASSERT_THAT(before, SizeIs(2));
  ASSERT_EQ(authsvc->Told(denied), before);
  ASSERT_NE(authsvc->Told(core), std::nullopt);
  const int looks = authsvc->looks_wanted;
  (*authsvc)->SetDenied({std::string(kEdge1)});
  EXPECT_EQ(authsvc->looks_wanted, looks + 1) << "at once";
  const Keys after = authsvc->Told(spared).value();
  ASSERT_THAT(after, SizeIs(1)) << "older ones are void";
  EXPECT_THAT(before, Not(::testing::Contains(after.front())));
  EXPECT_EQ(authsvc->Told(denied), Keys()) << "none, and forget those of before";
  EXPECT_EQ(authsvc->Told(core), std::nullopt);
  EXPECT_EQ(authsvc->causes.back(), "denied");
  EXPECT_EQ(authsvc->Told(spared), std::nullopt) << "once";
}

TEST_F(TicketKeeperTest, ADenialByKeyMayBeOfAnyGroup) {
  auto authsvc = Start();
  const uint64_t edge = authsvc->Join("edge", kEdge2),
                 core = authsvc->Join("core", "spki-sha256:aa");
  const Keys of_edge = authsvc->Told(edge).value();
  ASSERT_NE(authsvc->Told(core), std::nullopt);
  (*authsvc)->SetDenied({"spki-sha256:aa"});
  EXPECT_NE(authsvc->Told(edge).value(), of_edge);
  EXPECT_EQ(authsvc->Told(core), Keys());
}

TEST_F(TicketKeeperTest, WhoIsDeniedGetsNothingFromAnAuthsvcWhoseListIsBehind) {
  auto ahead = Start(), behind = Start();
  const uint64_t spared = ahead->Join("edge", kEdge2), denied = behind->Join("edge", kEdge1);
  const Keys before = ahead->Told(spared).value();
  ASSERT_EQ(behind->Told(denied), before);
  (*ahead)->SetDenied({std::string(kEdge1)});
  const Keys after = ahead->Told(spared).value();
  EXPECT_EQ(behind->Told(denied), Keys());
  const uint64_t again = behind->Join("edge", kEdge1);
  EXPECT_EQ(behind->Told(again), Keys());
  EXPECT_EQ(behind->Told(behind->Join("edge", kEdge2)), after);
  (*behind)->SetDenied({std::string(kEdge1)});
  EXPECT_EQ(behind->Told(denied), std::nullopt) << "these keys he never had: they stay";
  EXPECT_THAT(behind->causes, IsEmpty());
  EXPECT_EQ(ahead->Told(spared), std::nullopt);
}

// Nor from one that comes up later, or hears of another change of its list.
TEST_F(TicketKeeperTest, MarksOfAnotherAuthsvcAreNotRemoved) {
  auto ahead = Start();
  const uint64_t spared = ahead->Join("edge", kEdge2);
  ASSERT_NE(ahead->Told(spared), std::nullopt);
  (*ahead)->SetDenied({std::string(kEdge1)});
  const Keys after = ahead->Told(spared).value();
  auto behind = Start();
  const uint64_t denied = behind->Join("edge", kEdge1);
  EXPECT_EQ(behind->Told(denied), Keys());
  (*behind)->SetDenied({"spki-sha256:cc"});
  EXPECT_EQ(behind->Told(denied), Keys());
  (*behind)->SetDenied({});
  EXPECT_EQ(behind->Told(behind->Join("edge", kEdge1)), Keys());
  EXPECT_NE(ahead->Told(spared), after) << "replaced for the other key, and not given back";
}

TEST_F(TicketKeeperTest, ADenialReplacesTheKeysAlsoOfAGroupThatHasJustLeft) {
  auto one = Start(), other = Start();
  const uint64_t stream = one->Join("edge", kEdge1), there = other->Join("edge", kEdge2);
  const Keys before = one->Told(stream).value();
  ASSERT_EQ(other->Told(there), before);
  (*one)->Leave(stream);
  (*one)->SetDenied({std::string(kEdge1)});
  (*one)->Look();
  EXPECT_THAT(one->causes, ElementsAre("first", "denied"));
  EXPECT_NE(other->Told(there).value(), before);
  EXPECT_EQ(other->Told(other->Join("edge", kEdge1)), Keys());
}

TEST_F(TicketKeeperTest, ADenialOfWhenNobodyRanIsMadeUpFor) {
  auto authsvc = Start();
  const Keys before = authsvc->Told(authsvc->Join("edge", kEdge1)).value();
  authsvc.reset();
  authsvc = Start();
  (*authsvc)->SetDenied({std::string(kEdge1)});
  const Keys after = authsvc->Told(authsvc->Join("edge", kEdge2)).value();
  EXPECT_THAT(after, SizeIs(1));
  EXPECT_NE(after, before);
  authsvc.reset();
  authsvc = Start();
  (*authsvc)->SetDenied({std::string(kEdge1)});
  EXPECT_EQ(authsvc->Told(authsvc->Join("edge", kEdge2)), after) << "once is enough";
}

TEST_F(TicketKeeperTest, WhoIsNotDeniedAnyMoreGetsTheKeysAgain) {
  auto authsvc = Start();
  (*authsvc)->SetDenied({std::string(kEdge1), "spki-sha256:bb"});
  const uint64_t stream = authsvc->Join("edge", kEdge1), other = authsvc->Join("edge", kEdge2);
  EXPECT_EQ(authsvc->Told(stream), Keys());
  const Keys keys = authsvc->Told(other).value();
  (*authsvc)->SetDenied({"spki-sha256:bb"});
  EXPECT_EQ(authsvc->Told(stream), keys);
  // One whose list still has him replaces what he was given.
  auto strict = Start();
  (*strict)->SetDenied({std::string(kEdge1), "spki-sha256:bb"});
  const Keys after = strict->Told(strict->Join("edge", kEdge2)).value();
  EXPECT_NE(after, keys);
  EXPECT_EQ(authsvc->Told(stream), Keys());
}

TEST_F(TicketKeeperTest, ADenialThatCannotBeWrittenVoidsTheKeysAllTheSame) {
  auto authsvc = Start();
  const uint64_t spared = authsvc->Join("edge", kEdge2);
  const Keys before = authsvc->Told(spared).value();
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  clock_.Advance(kHour);
  EXPECT_EQ(authsvc->Told(spared), std::nullopt) << "a rotation can wait";
  (*authsvc)->SetDenied({std::string(kEdge1)});
  EXPECT_EQ(authsvc->Told(spared), Keys());
  EXPECT_EQ(authsvc->Told(spared), std::nullopt);
  sqlite3_close(other);
  const Keys after = authsvc->Told(spared).value();
  EXPECT_THAT(after, SizeIs(1));
  EXPECT_NE(after, before);
}

TEST_F(TicketKeeperTest, AStoreThatIsGoneVoidsNothingButWhatIsDenied) {
  auto authsvc = Start();
  const uint64_t spared = authsvc->Join("edge", kEdge2);
  ASSERT_NE(authsvc->Told(spared), std::nullopt);
  ASSERT_EQ(std::rename(path_.c_str(), (path_ + ".away").c_str()), 0);
  EXPECT_EQ(authsvc->Told(spared), std::nullopt);
  (*authsvc)->SetDenied({std::string(kEdge1)});
  EXPECT_EQ(authsvc->Told(spared), Keys());
}

TEST_F(TicketKeeperTest, ANewMasterKeyReseals) {
  auto authsvc = Start();
  const Keys keys = authsvc->Told(authsvc->Join("edge")).value();
  const std::string master = NewMaster("m2");
  authsvc = StartWith({master, master_});
  EXPECT_EQ(authsvc->Told(authsvc->Join("edge")), keys);
  authsvc = StartWith({master});
  EXPECT_EQ(authsvc->Told(authsvc->Join("edge")), keys);
  EXPECT_THAT(authsvc->causes, IsEmpty());
}

TEST_F(TicketKeeperTest, KeysUnderAMasterKeyThatIsNotLoadedAreLeftAloneWhileTheyAreInUse) {
  auto authsvc = Start();
  const uint64_t stream = authsvc->Join("edge");
  const Keys keys = authsvc->Told(stream).value();
  auto stranger = StartWith({NewMaster("m2")});
  const uint64_t shut_out = stranger->Join("edge", kEdge2);
  EXPECT_EQ(stranger->Told(shut_out), Keys());
  EXPECT_EQ(authsvc->Told(stream), std::nullopt);
  clock_.Advance(kHour);
  EXPECT_THAT(stranger->Told(shut_out), ::testing::Optional(SizeIs(1)));
  EXPECT_THAT(stranger->causes, ElementsAre("unreadable"));
  EXPECT_EQ(authsvc->Told(stream), Keys()) << "now it is the one that cannot open them";
}

TEST_F(TicketKeeperTest, AGroupThatNobodyIsOfIsNotLookedAt) {
  auto authsvc = Start();
  const uint64_t stream = authsvc->Join("edge");
  const Keys keys = authsvc->Told(stream).value();
  (*authsvc)->Leave(stream);
  EXPECT_THAT((*authsvc)->Ages(), IsEmpty());
  clock_.Advance(2 * kHour);
  (*authsvc)->Look();
  EXPECT_THAT(authsvc->causes, ElementsAre("first"));
  const uint64_t back = authsvc->Join("edge");
  EXPECT_EQ((*authsvc)->Take(back), nullptr) << "what it had is old: first a look";
  const Keys now = authsvc->Told(back).value();
  ASSERT_THAT(now, SizeIs(2));
  EXPECT_EQ(now.back(), keys.front());
}

}  // namespace
}  // namespace sallyport::authsvc
