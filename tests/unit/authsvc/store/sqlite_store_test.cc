#include "authsvc/store/sqlite_store.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "authsvc/store/sqlite_db.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "shared/base/mutex.h"
#include "tests/fakes/temp_folder.h"

namespace sallyport::authsvc {
namespace {

using sallyport::testing::TempFolder;

StoreMutation Put(const std::string& id, const std::string& body,
                  std::optional<uint64_t> expected = std::nullopt) {
  return {Kind::kApi, id, false, body, expected};
}
StoreMutation Erase(const std::string& id, std::optional<uint64_t> expected = std::nullopt) {
  return {Kind::kApi, id, true, "", expected};
}

// A second program at the same file.
class RawConnection {
 public:
  explicit RawConnection(const std::string& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &db_), SQLITE_OK);
  }
  ~RawConnection() { sqlite3_close(db_); }
  void Execute(const char* sql) {
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(db_, sql, nullptr, nullptr, &error), SQLITE_OK) << (error ? error : "");
    sqlite3_free(error);
  }

 private:
  sqlite3* db_ = nullptr;
};

class SqliteStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<Store> Open(const SqliteOptions& options = {}) {
    auto store = OpenSqliteStore(path_, options);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  static std::map<std::string, std::string> Everything(Store& store, StoreState* state = nullptr) {
    std::map<std::string, std::string> all;
    auto loaded = store.Load([&](Record record) {
      all[record.id] = record.body;
      return absl::OkStatus();
    });
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    if (state != nullptr && loaded.ok()) *state = *loaded;
    return all;
  }

  TempFolder folder_;
  const std::string path_ = folder_.File("store.db");
};

TEST_F(SqliteStoreTest, ANewFileIsPrivateAndEmpty) {
  auto store = Open();
  struct stat facts{};
  ASSERT_EQ(stat(path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  StoreState state;
  EXPECT_TRUE(Everything(*store, &state).empty());
  EXPECT_EQ(state.store_id.size(), 32u);
  EXPECT_EQ(state.epoch, 1u);
  EXPECT_EQ(state.revision, 0u);
}

TEST_F(SqliteStoreTest, ReopeningKeepsEverything) {
  StoreState before;
  {
    auto store = Open();
    EXPECT_EQ(*store->Commit({{Put("a", "1"), Put("b", std::string("\0x", 2))}, {}}), 1u);
    EXPECT_EQ(*store->Commit({{Erase("a"), Put("c", "3")}, {}}), 2u);
    before = *store->State();
  }
  auto store = Open();
  StoreState after;
  const auto all = Everything(*store, &after);
  EXPECT_EQ(after, before);
  EXPECT_EQ(all, (std::map<std::string, std::string>{{"b", std::string("\0x", 2)}, {"c", "3"}}));
  EXPECT_EQ(store->Read(Kind::kApi, "c")->revision, 2u);
  EXPECT_TRUE(absl::IsNotFound(store->Read(Kind::kApi, "a").status()));
  EXPECT_TRUE(absl::IsNotFound(store->Read(Kind::kKey, "c").status()));
}

TEST_F(SqliteStoreTest, ConditionsOnRecordsRefuseTheWholeTransaction) {
  auto store = Open();
  ASSERT_TRUE(store->Commit({{Put("a", "1", 0)}, {}}).ok());
  const std::vector<StoreMutation> refused[] = {
      {Put("n", "x"), Put("a", "2", 0)},        // must not exist
      {Put("n", "x"), Put("a", "2", 7)},        // another revision
      {Put("n", "x"), Erase("a", 9)},           // erase of another revision
      {Put("n", "x"), Put("missing", "2", 1)},  // must exist
      {Put("n", "x"), Erase("missing", 1)},
  };
  for (const auto& mutations : refused) {
    EXPECT_TRUE(absl::IsAborted(store->Commit({mutations, {}}).status()));
    EXPECT_TRUE(absl::IsNotFound(store->Read(Kind::kApi, "n").status()));
  }
  EXPECT_EQ(store->State()->revision, 1u);
  EXPECT_EQ(*store->Commit({{Put("a", "2", 1)}, {}}), 2u);
}

TEST_F(SqliteStoreTest, ConditionOnTheState) {
  auto store = Open();
  const StoreState empty = *store->State();
  ASSERT_TRUE(store->Commit({{Put("a", "1")}, empty}).ok());
  EXPECT_TRUE(absl::IsAborted(store->Commit({{Put("b", "1")}, empty}).status()));
  StoreState other_epoch = *store->State();
  ++other_epoch.epoch;
  EXPECT_TRUE(absl::IsAborted(store->Commit({{Put("b", "1")}, other_epoch}).status()));
  StoreState other_store = *store->State();
  other_store.store_id = "x";
  EXPECT_TRUE(absl::IsAborted(store->Commit({{Put("b", "1")}, other_store}).status()));
}

TEST_F(SqliteStoreTest, ErasingNothingTakesNoRevision) {
  auto store = Open();
  EXPECT_EQ(*store->Commit({{Erase("a")}, {}}), 0u);
  EXPECT_EQ(*store->Commit({{Erase("a", 0)}, {}}), 0u);
}

TEST_F(SqliteStoreTest, ChangesAreTheLastOfEachRecordInOrder) {
  auto store = Open();
  ASSERT_TRUE(store->Commit({{Put("a", "1"), Put("b", "1")}, {}}).ok());
  const StoreState from = *store->State();
  ASSERT_TRUE(store->Commit({{Put("a", "2")}, {}}).ok());
  ASSERT_TRUE(store->Commit({{Erase("b")}, {}}).ok());
  ASSERT_TRUE(store->Commit({{Put("a", "3")}, {}}).ok());
  ASSERT_TRUE(store->Commit({{Put("c", "1"), Put("b", "again")}, {}}).ok());
  ASSERT_TRUE(store->Commit({{Erase("c")}, {}}).ok());
  const auto batch = store->ChangesAfter(from);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(batch->state.revision, 6u);
  ASSERT_EQ(batch->changes.size(), 3u);
  EXPECT_EQ(batch->changes[0].id, "a");
  EXPECT_EQ(batch->changes[0].body, "3");
  EXPECT_EQ(batch->changes[0].revision, 4u);
  EXPECT_EQ(batch->changes[1].id, "b");
  EXPECT_FALSE(batch->changes[1].erased);
  EXPECT_EQ(batch->changes[2].id, "c");
  EXPECT_TRUE(batch->changes[2].erased);
  EXPECT_TRUE(store->ChangesAfter(batch->state)->changes.empty());
}

TEST_F(SqliteStoreTest, HistoryIsBoundedAndSaysSo) {
  SqliteOptions options;
  options.history = 3;
  auto store = Open(options);
  const StoreState start = *store->State();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(store->Commit({{Put("a", absl::StrCat(i))}, {}}).ok());
  StoreState after = start;
  EXPECT_TRUE(absl::IsOutOfRange(store->ChangesAfter(after).status()));
  after.revision = 6;
  EXPECT_TRUE(absl::IsOutOfRange(store->ChangesAfter(after).status()));
  after.revision = 7;
  EXPECT_EQ(store->ChangesAfter(after)->changes.size(), 1u);
  after.revision = 11;  // the future
  EXPECT_TRUE(absl::IsOutOfRange(store->ChangesAfter(after).status()));
  after.revision = 10;
  after.store_id = "another";
  EXPECT_TRUE(absl::IsOutOfRange(store->ChangesAfter(after).status()));
}

TEST_F(SqliteStoreTest, AnotherEpochVoidsAllHistory) {
  auto store = Open();
  ASSERT_TRUE(store->Commit({{Put("a", "1")}, {}}).ok());
  const StoreState before = *store->State();
  const auto after = store->StartEpoch();
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->epoch, before.epoch + 1);
  EXPECT_EQ(after->revision, before.revision);
  EXPECT_TRUE(absl::IsOutOfRange(store->ChangesAfter(before).status()));
  EXPECT_EQ(Everything(*store).size(), 1u);
}

TEST_F(SqliteStoreTest, ALockedStoreSaysUnavailableAndLosesNothing) {
  SqliteOptions options;
  options.busy_timeout = absl::Milliseconds(30);
  auto store = Open(options);
  ASSERT_TRUE(store->Commit({{Put("a", "1")}, {}}).ok());
  RawConnection other(path_);
  other.Execute("BEGIN IMMEDIATE");
  EXPECT_TRUE(absl::IsUnavailable(store->Commit({{Put("b", "1")}, {}}).status()));
  EXPECT_TRUE(absl::IsUnavailable(store->StartEpoch().status()));
  EXPECT_EQ(Everything(*store).size(), 1u) << "reads go on";
  other.Execute("ROLLBACK");
  EXPECT_EQ(*store->Commit({{Put("b", "1")}, {}}), 2u);
}

TEST_F(SqliteStoreTest, WhetherItTakesWritesIsFoundOutByWritingNothing) {
  auto store = Open();
  ASSERT_TRUE(store->Commit({{Put("a", "1")}, {}}).ok());
  const auto before = store->State();
  EXPECT_TRUE(store->CheckWritable().ok());
  EXPECT_EQ(*store->State(), *before);
  const auto changes = store->ChangesAfter({before->store_id, before->epoch, 0});
  ASSERT_TRUE(changes.ok());
  EXPECT_EQ(changes->changes.size(), 1u) << "no reader of history sees it";
  RawConnection other(path_);
  other.Execute("BEGIN IMMEDIATE");
  EXPECT_TRUE(absl::IsUnavailable(store->CheckWritable()));
  other.Execute("ROLLBACK");
  EXPECT_TRUE(store->CheckWritable().ok());
  EXPECT_EQ(*store->Commit({{Put("b", "1")}, {}}), 2u);
}

TEST_F(SqliteStoreTest, AFileThatWasTakenAwayTakesNoWrites) {
  for (const std::string& gone : {path_, path_ + "-wal"}) {
    auto store = Open();
    ASSERT_TRUE(store->Commit({{Put(gone, "before")}, {}}).ok());
    const std::string aside = folder_.File("aside");
    ASSERT_EQ(rename(gone.c_str(), aside.c_str()), 0);
    for (const bool replaced : {false, true}) {
      if (replaced) std::ofstream(gone) << "another file of that name";
      const absl::Status refused = store->Commit({{Put("lost", "1")}, {}}).status();
      EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
      EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr(gone));
      EXPECT_TRUE(absl::IsUnavailable(store->CheckWritable()));
      EXPECT_TRUE(absl::IsUnavailable(store->State().status()))
          << "nothing proves that it is the newest";
      EXPECT_EQ(Everything(*store).count("lost"), 0u);
    }
    ASSERT_EQ(rename(aside.c_str(), gone.c_str()), 0);
    EXPECT_TRUE(store->CheckWritable().ok()) << gone;
    EXPECT_TRUE(store->Commit({{Put(gone, "after")}, {}}).ok());
    store.reset();
    EXPECT_EQ(Everything(*Open())[gone], "after");
  }
}

TEST_F(SqliteStoreTest, AFullStoreSaysSoKeepsWhatIsThereAndTakesDeletes) {
  SqliteOptions options;
  options.max_bytes = 200'000;
  auto store = Open(options);
  uint64_t stored = 0;
  absl::Status full;
  for (int i = 0; i < 1000; ++i) {
    const auto revision = store->Commit({{Put(absl::StrCat(i), std::string(4000, 'x'))}, {}});
    if (!revision.ok()) {
      full = revision.status();
      break;
    }
    ++stored;
  }
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
  EXPECT_GT(stored, 10u);
  EXPECT_TRUE(absl::IsResourceExhausted(store->CheckWritable()));
  EXPECT_EQ(Everything(*store).size(), stored);
  EXPECT_EQ(store->State()->revision, stored);
  store.reset();
  auto larger = Open();
  EXPECT_EQ(Everything(*larger).size(), stored);
  EXPECT_TRUE(larger->Commit({{Put("more", "x")}, {}}).ok());
}

TEST_F(SqliteStoreTest, RefusesANewerSchemaWithoutTouchingIt) {
  Open().reset();
  RawConnection other(path_);
  other.Execute("PRAGMA user_version = 99");
  const auto store = OpenSqliteStore(path_);
  EXPECT_TRUE(absl::IsFailedPrecondition(store.status())) << store.status();
  EXPECT_THAT(std::string(store.status().message()), ::testing::HasSubstr("newer version"));
}

TEST_F(SqliteStoreTest, TakesAFileOfTheFirstSchemaAndKeepsWhatIsInIt) {
  {
    auto store = Open();
    ASSERT_TRUE(store->Commit({{Put("a", "1")}, {}}).ok());
  }
  {
    RawConnection other(path_);
    other.Execute("DROP TABLE sealed; PRAGMA user_version = 1");
  }
  for (int opened = 0; opened < 2; ++opened) {
    auto store = Open();
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(Everything(*store), (std::map<std::string, std::string>{{"a", "1"}}));
    const auto version = store->SwapSealed("keys", static_cast<uint64_t>(opened), "body");
    ASSERT_TRUE(version.ok()) << version.status();
  }
  auto store = Open();
  EXPECT_EQ(store->ReadSealed("keys")->version, 2u);
}

// Gone between the look at it and the opening, too.
TEST_F(SqliteStoreTest, WhoOnlyReadsOpensNoFileThatIsGone) {
  EXPECT_FALSE(SqliteDb::Open(path_, absl::Seconds(1), false).ok());
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_TRUE(SqliteDb::Open(path_, absl::Seconds(1)).ok());
}

TEST_F(SqliteStoreTest, WhoOnlyReadsMakesAndChangesNothing) {
  SqliteOptions reads;
  reads.as_it_is = true;
  EXPECT_TRUE(absl::IsNotFound(OpenSqliteStore(path_, reads).status()));
  EXPECT_FALSE(std::filesystem::exists(path_));
  auto writer = Open();
  ASSERT_TRUE(writer->Commit({{Put("a", "1")}, {}}).ok());
  {
    const auto reader = OpenSqliteStore(path_, reads);
    ASSERT_TRUE(reader.ok()) << reader.status();
    EXPECT_EQ(Everything(**reader), (std::map<std::string, std::string>{{"a", "1"}}));
    ASSERT_TRUE(writer->Commit({{Put("b", "2")}, {}}).ok()) << "it goes on beside it";
    EXPECT_EQ(Everything(**reader).size(), 2u);
  }
  writer.reset();
  {
    RawConnection other(path_);
    other.Execute("DROP TABLE sealed; PRAGMA user_version = 1");
  }
  const auto older = OpenSqliteStore(path_, reads);
  EXPECT_TRUE(absl::IsFailedPrecondition(older.status())) << older.status();
  const auto again = OpenSqliteStore(path_, reads);
  EXPECT_TRUE(absl::IsFailedPrecondition(again.status())) << "it was not brought to this one's";
}

TEST_F(SqliteStoreTest, SealedRecordsAreSwappedByVersionAndAreNoResources) {
  auto store = Open();
  ASSERT_TRUE(store->Commit({{Put("a", "1")}, {}}).ok());
  const StoreState before = *store->State();
  EXPECT_TRUE(absl::IsNotFound(store->ReadSealed("keys").status()));
  EXPECT_TRUE(absl::IsAborted(store->SwapSealed("keys", 1, "x").status()));
  EXPECT_TRUE(absl::IsNotFound(store->ReadSealed("keys").status()));
  EXPECT_EQ(*store->SwapSealed("keys", 0, std::string("\0x", 2)), 1u);
  EXPECT_TRUE(absl::IsAborted(store->SwapSealed("keys", 0, "y").status()));
  EXPECT_EQ(*store->SwapSealed("keys", 1, "z"), 2u);
  EXPECT_EQ(*store->SwapSealed("others", 0, "o"), 1u) << "each record has versions of its own";
  store.reset();
  store = Open();
  EXPECT_EQ(store->ReadSealed("keys")->body, "z");
  EXPECT_EQ(store->ReadSealed("keys")->version, 2u);
  EXPECT_EQ(Everything(*store), (std::map<std::string, std::string>{{"a", "1"}}));
  EXPECT_EQ(*store->State(), before);
  EXPECT_TRUE(store->ChangesAfter(before)->changes.empty());
}

TEST_F(SqliteStoreTest, OfManySwapsFromOneVersionOneWins) {
  constexpr int kThreads = 4, kRounds = 25;
  std::vector<std::unique_ptr<Store>> handles;
  for (int i = 0; i < kThreads; ++i) handles.push_back(Open());
  for (uint64_t round = 0; round < kRounds; ++round) {
    std::atomic<int> won{0};
    std::vector<std::thread> threads;
    for (auto& handle : handles) {
      threads.emplace_back([&handle, &won, round] {
        const auto version = handle->SwapSealed("keys", round, "body");
        if (version.ok()) ++won;
        EXPECT_TRUE(version.ok() || absl::IsAborted(version.status())) << version.status();
      });
    }
    for (auto& thread : threads) thread.join();
    ASSERT_EQ(won, 1);
  }
  EXPECT_EQ(handles.front()->ReadSealed("keys")->version, uint64_t{kRounds});
}

TEST_F(SqliteStoreTest, ASwapWhileAnotherHoldsTheFileChangesNothing) {
  SqliteOptions options;
  options.busy_timeout = absl::ZeroDuration();
  auto store = Open(options);
  ASSERT_TRUE(store->SwapSealed("keys", 0, "before").ok());
  {
    RawConnection other(path_);
    other.Execute("BEGIN IMMEDIATE");
    EXPECT_TRUE(absl::IsUnavailable(store->SwapSealed("keys", 1, "after").status()));
    EXPECT_EQ(store->ReadSealed("keys")->body, "before");
  }
  EXPECT_EQ(*store->SwapSealed("keys", 1, "after"), 2u);
}

TEST_F(SqliteStoreTest, RefusesTheDatabaseOfAnotherProgram) {
  {
    RawConnection other(path_);
    other.Execute("CREATE TABLE theirs (x)");
  }
  EXPECT_TRUE(absl::IsFailedPrecondition(OpenSqliteStore(path_).status()));
}

TEST_F(SqliteStoreTest, RefusesWhatIsNoDatabase) {
  std::ofstream(path_) << std::string(10'000, 'n');
  EXPECT_TRUE(absl::IsDataLoss(OpenSqliteStore(path_).status()));
}

TEST_F(SqliteStoreTest, RefusesAFolderThatIsNotThere) {
  const auto store = OpenSqliteStore(folder_.File("no/such/store.db"));
  EXPECT_TRUE(absl::IsNotFound(store.status())) << store.status();
}

TEST_F(SqliteStoreTest, RefusesAKindThatItDoesNotKnow) {
  auto store = Open();
  ASSERT_TRUE(store->Commit({{Put("a", "1")}, {}}).ok());
  const StoreState start{store->State()->store_id, 1, 0};
  RawConnection other(path_);
  other.Execute("UPDATE record SET kind = 200; UPDATE change SET kind = 200");
  const auto loaded = store->Load([](Record) { return absl::OkStatus(); });
  EXPECT_TRUE(absl::IsFailedPrecondition(loaded.status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(store->ChangesAfter(start).status()));
}

TEST_F(SqliteStoreTest, AnErrorOfTheVisitorEndsTheLoad) {
  auto store = Open();
  ASSERT_TRUE(store->Commit({{Put("a", "1"), Put("b", "1")}, {}}).ok());
  int seen = 0;
  const auto loaded = store->Load([&](Record) {
    ++seen;
    return absl::CancelledError("enough");
  });
  EXPECT_TRUE(absl::IsCancelled(loaded.status()));
  EXPECT_EQ(seen, 1);
  EXPECT_TRUE(store->Commit({{Put("c", "1")}, {}}).ok()) << "no transaction is left open";
}

TEST_F(SqliteStoreTest, TwoHandlesNeverBothWinOneRevision) {
  auto first = Open();
  auto second = Open();
  ASSERT_TRUE(first->Commit({{Put("counter", "0")}, {}}).ok());
  constexpr int kEach = 100;
  const auto count_up = [](Store* store) {
    for (int done = 0; done < kEach;) {
      const auto record = store->Read(Kind::kApi, "counter");
      ASSERT_TRUE(record.ok());
      const std::string next = absl::StrCat(std::stoi(record->body) + 1);
      const auto revision = store->Commit({{Put("counter", next, record->revision)}, {}});
      if (revision.ok()) ++done;
      if (!revision.ok()) {
        ASSERT_TRUE(absl::IsAborted(revision.status()) || absl::IsUnavailable(revision.status()))
            << revision.status();
      }
    }
  };
  std::thread other(count_up, second.get());
  count_up(first.get());
  other.join();
  EXPECT_EQ(first->Read(Kind::kApi, "counter")->body, absl::StrCat(2 * kEach));
  EXPECT_EQ(second->State()->revision, 2u * kEach + 1);
}

TEST_F(SqliteStoreTest, TheWatchSeesAnotherHandlesWriteAndEndsWithItsHandle) {
  auto mine = Open();
  auto other = Open();
  base::Mutex mutex;
  base::CondVar called;
  int calls = 0;
  auto watch = mine->Watch([&] {
    base::MutexLock lock(&mutex);
    ++calls;
    called.SignalAll();
  });
  ASSERT_TRUE(other->Commit({{Put("a", "1")}, {}}).ok());
  {
    base::MutexLock lock(&mutex);
    while (calls == 0) {
      ASSERT_FALSE(called.WaitWithTimeout(&mutex, absl::Seconds(60))) << "no call came";
    }
  }
  watch.reset();
  const int before = calls;
  ASSERT_TRUE(other->Commit({{Put("a", "2")}, {}}).ok());
  EXPECT_EQ(calls, before);
}

}  // namespace
}  // namespace sallyport::authsvc
