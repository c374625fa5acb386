// The mechanics of writes: revisions, all or nothing, conditions, dry runs, prune, other processes,
// a store that does not answer.
#include <sqlite3.h>

#include <thread>

#include "shared/base/mutex.h"
#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using Outcome = MutationResult::Outcome;

bool BecomesTrue(const std::function<bool()>& condition) {
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

// Collects what observers are told; waits for a revision with a deadline.
class Recorder {
 public:
  explicit Recorder(Writer* writer) {
    writer->Observe([this](const SnapshotPtr& before, const SnapshotPtr& after,
                           const std::vector<SnapshotChange>& changes) {
      base::MutexLock lock(&mutex_);
      if (before != nullptr && before->revision() >= after->revision()) in_order_ = false;
      if (before == nullptr) ++reloads_;
      revision_ = after->revision();
      for (const auto& change : changes) {
        texts_.push_back(absl::StrCat(after->revision(), " ", KindName(change.kind), " ", change.id,
                                      change.deleted ? " deleted" : "",
                                      change.recompiled ? " recompiled" : ""));
      }
      changed_.SignalAll();
    });
  }
  bool WaitFor(uint64_t revision) {
    base::MutexLock lock(&mutex_);
    while (revision_ < revision) {
      if (changed_.WaitWithTimeout(&mutex_, absl::Seconds(10))) return false;
    }
    return true;
  }
  bool WaitForReload() {
    base::MutexLock lock(&mutex_);
    while (reloads_ == 0) {
      if (changed_.WaitWithTimeout(&mutex_, absl::Seconds(10))) return false;
    }
    return true;
  }
  std::vector<std::string> texts() {
    base::MutexLock lock(&mutex_);
    return texts_;
  }
  bool in_order() {
    base::MutexLock lock(&mutex_);
    return in_order_;
  }

 private:
  base::Mutex mutex_;
  base::CondVar changed_;
  std::vector<std::string> texts_ ABSL_GUARDED_BY(mutex_);
  uint64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
  int reloads_ ABSL_GUARDED_BY(mutex_) = 0;
  bool in_order_ ABSL_GUARDED_BY(mutex_) = true;
};

TEST_F(WriterTest, AnIdenticalPutIsUnchangedAndTakesNoRevision) {
  const auto first = RunPut(ApiResource("a"));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->revision, 1u);
  EXPECT_EQ(first->results[0].outcome, Outcome::kCreated);
  const auto again = RunPut(ApiResource("a"));
  EXPECT_EQ(again->results[0].outcome, Outcome::kUnchanged);
  EXPECT_EQ(again->revision, 1u);
  v1::Resource read = *writer_->ReadResource(Kind::kApi, "a");
  EXPECT_EQ(read.revision(), 1u);
  EXPECT_EQ(RunPut(read)->results[0].outcome, Outcome::kUnchanged) << "what was read, put back";
  read.mutable_api()->set_name("n");
  EXPECT_EQ(RunPut(read)->results[0].outcome, Outcome::kUpdated);
  EXPECT_EQ(writer_->snapshot()->FindApi("a")->revision, 2u);
  MustPut(CertificateResource(alice_));
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(RunPut(CertificateResource(alice_))->results[0].outcome, Outcome::kUnchanged);
  MustPut(KeyResource("k", {Id(alice_)}));
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(RunPut(KeyResource("k", {Id(alice_)}))->results[0].outcome, Outcome::kUnchanged);
}

TEST_F(WriterTest, AllOrNothingAndTheErrorNamesTheMutation) {
  v1::Resource bad = ApiResource("bad");
  bad.mutable_api()->set_listen_path("x");
  const auto refused = Run(Of(Put(ApiResource("good")), Put(bad)));
  EXPECT_TRUE(absl::IsInvalidArgument(refused.status()));
  EXPECT_EQ(FailedMutation(refused.status()), std::optional<size_t>(1));
  EXPECT_EQ(writer_->snapshot()->FindApi("good"), nullptr);
  EXPECT_TRUE(absl::IsNotFound(store_->Read(Kind::kApi, "good").status()));
  EXPECT_FALSE(Run(Of(Put(ApiResource("a")), Put(ApiResource("a")))).ok()) << "given twice";
  EXPECT_FALSE(Run(Of(Put(v1::Resource()))).ok());
  EXPECT_FALSE(FailedMutation(absl::InvalidArgumentError("x")).has_value());
}

TEST_F(WriterTest, OrderWithinAWriteDoesNotMatter) {
  Write write = Of(Put(KeyResource("k", {Id(alice_)})), Put(StaticApi("a", {Id(alice_)})),
                   Put(CertificateResource(alice_)));
  write.strict = true;
  const auto result = Run(std::move(write));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->revision, 1u);
}

TEST_F(WriterTest, Conditions) {
  MustPut(ApiResource("a"));
  const auto with = [](v1::Resource resource, auto set) {
    Mutation mutation = Put(std::move(resource));
    set(&mutation);
    return Of(std::move(mutation));
  };
  EXPECT_TRUE(absl::IsAlreadyExists(
      Run(with(ApiResource("a"), [](Mutation* m) { m->must_create = true; })).status()));
  EXPECT_TRUE(absl::IsNotFound(
      Run(with(ApiResource("b"), [](Mutation* m) { m->must_exist = true; })).status()));
  EXPECT_TRUE(absl::IsAborted(
      Run(with(ApiResource("a"), [](Mutation* m) { m->expected_revision = 9; })).status()));
  EXPECT_TRUE(absl::IsAborted(
      Run(with(ApiResource("b"), [](Mutation* m) { m->expected_revision = 1; })).status()));
  EXPECT_TRUE(Run(with(ApiResource("a"), [](Mutation* m) { m->expected_revision = 1; })).ok());
  Mutation stale = Delete(Kind::kApi, "a");
  stale.expected_revision = 7;
  EXPECT_TRUE(absl::IsAborted(Run(Of(std::move(stale))).status()));
  EXPECT_TRUE(absl::IsNotFound(Run(Of(Delete(Kind::kApi, "b"))).status()));
  Mutation easy = Delete(Kind::kApi, "b");
  easy.missing_ok = true;
  EXPECT_EQ(Run(Of(std::move(easy)))->revision, 1u);
  EXPECT_EQ(Run(Of(Delete(Kind::kApi, "a")))->revision, 2u);
}

TEST_F(WriterTest, ADryRunSaysAllAndDoesNothing) {
  MustPut(ApiResource("a"));
  v1::Resource changed = ApiResource("a");
  changed.mutable_api()->set_name("x");
  Write dry = Of(Put(changed), Put(StaticApi("b", {"missing"})), Put(ApiResource("c")));
  dry.dry_run = true;
  const auto result = Run(std::move(dry));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->results[0].outcome, Outcome::kUpdated);
  EXPECT_EQ(result->results[1].outcome, Outcome::kCreated);
  EXPECT_THAT(result->results[1].warnings, ElementsAre(HasSubstr("pending")));
  EXPECT_EQ(result->revision, 1u);
  EXPECT_EQ(writer_->snapshot()->Count(Kind::kApi), 1u);
  EXPECT_EQ(store_->State()->revision, 1u);
  v1::Resource bad = ApiResource("b");
  bad.mutable_api()->clear_token();
  Write refused = Of(Put(bad));
  refused.dry_run = true;
  EXPECT_FALSE(Run(std::move(refused)).ok());
}

TEST_F(WriterTest, PruneTakesOnlyWhatCameWithTheSet) {
  const auto in_set = [](v1::Resource resource, const char* set) {
    resource.set_set(set);
    return resource;
  };
  MustPut(in_set(ApiResource("a"), "s"));
  MustPut(in_set(ApiResource("b"), "s"));
  MustPut(in_set(ApiResource("other"), "t"));
  MustPut(ApiResource("hand"));
  MustPut(in_set(CertificateResource(alice_), "s"));
  Write apply = Of(Put(in_set(ApiResource("b"), "s")));
  apply.prune_set = "s";
  const auto result = Run(std::move(apply));
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->results.size(), 3u);
  EXPECT_EQ(result->results[0].outcome, Outcome::kUnchanged);
  EXPECT_EQ(result->results[1].outcome, Outcome::kPruned);
  EXPECT_EQ(writer_->snapshot()->FindApi("a"), nullptr);
  EXPECT_EQ(writer_->snapshot()->Count(Kind::kApi), 3u);
  EXPECT_EQ(writer_->snapshot()->Count(Kind::kCertificate), 0u);
}

TEST_F(WriterTest, OriginalDocumentsAreKeptInTheStoreOnly) {
  v1::Resource api = ApiResource("a");
  api.set_document("{\"original\":1}");
  api.set_dialect("tyk-classic");
  MustPut(api);
  EXPECT_EQ(writer_->ReadResource(Kind::kApi, "a")->document(), "{\"original\":1}");
  EXPECT_EQ(writer_->snapshot()->FindApi("a")->origin->dialect, "tyk-classic");
  EXPECT_TRUE(absl::IsNotFound(writer_->ReadResource(Kind::kApi, "b").status()));
}

TEST_F(WriterTest, NoDocumentHoldsAPrivateKey) {
  v1::Resource api = ApiResource("a");
  api.set_document(absl::StrCat("{\"x\":\"", alice_.KeyPem(), "\"}"));
  EXPECT_THAT(Refusal(api), HasSubstr("holds a private key"));
  v1::Resource object;
  object.mutable_dialect_object()->set_id("apisix/routes/1");
  object.mutable_dialect_object()->set_json("{\"x\":\"-----BEGIN EC PRIVATE KEY-----\"}");
  EXPECT_THAT(Refusal(object), HasSubstr("holds a private key"));
  EXPECT_EQ(writer_->snapshot()->FindApi("a"), nullptr);
}

TEST_F(WriterTest, ObserversSeeEveryRevisionInOrderBeforeTheCompletion) {
  Recorder recorder(writer_.get());
  MustPut(StaticApi("a", {Id(alice_)}));
  MustPut(CertificateResource(alice_));
  EXPECT_THAT(recorder.texts(),
              ElementsAre("1 Api a", "2 Certificate " + Id(alice_), "2 Api a recompiled"));
  ASSERT_TRUE(Run(Of(Delete(Kind::kApi, "a"))).ok());
  EXPECT_EQ(recorder.texts().back(), "3 Api a deleted");
  EXPECT_TRUE(recorder.in_order());
}

TEST_F(WriterTest, TakesUpWhatAnotherProcessWrote) {
  Recorder recorder(writer_.get());
  auto other_store = OpenStore();
  auto other = StartWriter(other_store.get());
  ASSERT_TRUE(other->Run(Of(Put(ApiResource("theirs")))).ok());
  ASSERT_TRUE(recorder.WaitFor(1));
  EXPECT_NE(writer_->snapshot()->FindApi("theirs"), nullptr);
  ASSERT_TRUE(other->Run(Of(Delete(Kind::kApi, "theirs"))).ok());
  ASSERT_TRUE(recorder.WaitFor(2));
  EXPECT_EQ(writer_->snapshot()->FindApi("theirs"), nullptr);
}

// Two writers race for one certificate: the checks hold although each only sees its own snapshot.
TEST_F(WriterTest, TwoWritersNeverBreakAnInvariantTogether) {
  MustPut(ApiResource("a"));
  auto other_store = OpenStore();
  auto other = StartWriter(other_store.get());
  int created = 0;
  for (int round = 0; round < 30; ++round) {
    const TestCert certificate = CertBuilder("CN=race").SignBy(root_);
    absl::StatusOr<WriteResult> theirs;
    std::thread thread([&] {
      theirs = other->Run(Of(Put(KeyResource(absl::StrCat("x", round), {Id(certificate)}))));
    });
    auto ours = writer_->Run(Of(Put(KeyResource(absl::StrCat("y", round), {Id(certificate)}))));
    thread.join();
    EXPECT_NE(ours.ok(), theirs.ok()) << ours.status() << theirs.status();
    for (const auto* result : {&ours, &theirs}) {
      if (result->ok()) ++created;
      if (!result->ok()) {
        EXPECT_TRUE(absl::IsAlreadyExists(result->status())) << result->status();
      }
    }
  }
  EXPECT_EQ(created, 30);
}

TEST_F(WriterTest, ManyThreadsOfTwoWritersAllGetThrough) {
  auto other_store = OpenStore();
  auto other = StartWriter(other_store.get());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Writer& writer = t % 2 == 0 ? *writer_ : *other;
      for (int i = 0; i < 10; ++i) {
        const auto result = writer.Run(Of(Put(ApiResource(absl::StrCat("t", t, "-", i)))));
        EXPECT_TRUE(result.ok() || absl::IsAborted(result.status()) ||
                    absl::IsUnavailable(result.status()))
            << result.status();
        if (result.ok()) {
          EXPECT_NE(writer.snapshot()->FindApi(absl::StrCat("t", t, "-", i)), nullptr);
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  MustPut(ApiResource("last"));
  EXPECT_EQ(writer_->snapshot()->state(), *store_->State());
}

TEST_F(WriterTest, AnotherEpochReloadsEverything) {
  MustPut(ApiResource("a"));
  Recorder recorder(writer_.get());
  auto other_store = OpenStore();
  const auto state = other_store->StartEpoch();
  ASSERT_TRUE(state.ok());
  ASSERT_TRUE(recorder.WaitForReload());
  EXPECT_EQ(writer_->snapshot()->state(), *state);
  EXPECT_NE(writer_->snapshot()->FindApi("a"), nullptr);
  EXPECT_TRUE(RunPut(ApiResource("b")).ok());
}

TEST_F(WriterTest, ALockedStoreRefusesWritesKeepsAnsweringAndRecovers) {
  BeImpatient();
  MustPut(ApiResource("a"));
  sqlite3* locker = nullptr;
  ASSERT_EQ(sqlite3_open(folder_.File("store.db").c_str(), &locker), SQLITE_OK);
  sqlite3_busy_timeout(locker, 60'000);
  ASSERT_EQ(sqlite3_exec(locker, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_TRUE(absl::IsUnavailable(RunPut(ApiResource("b")).status()));
  EXPECT_NE(writer_->snapshot()->FindApi("a"), nullptr);
  EXPECT_EQ(writer_->snapshot()->FindApi("b"), nullptr);
  EXPECT_EQ(writer_->snapshot()->revision(), 1u);
  ASSERT_EQ(sqlite3_exec(locker, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(locker);
  EXPECT_TRUE(RunPut(ApiResource("b")).ok());
  EXPECT_TRUE(writer_->status().store_writable);
}

TEST_F(WriterTest, FindsOutByItselfThatALockedStoreTakesWritesAgain) {
  BeImpatient();
  MustPut(ApiResource("a"));
  sqlite3* locker = nullptr;
  ASSERT_EQ(sqlite3_open(folder_.File("store.db").c_str(), &locker), SQLITE_OK);
  sqlite3_busy_timeout(locker, 60'000);
  ASSERT_EQ(sqlite3_exec(locker, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_FALSE(RunPut(ApiResource("b")).ok());
  EXPECT_FALSE(writer_->status().store_writable);
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(
      BecomesTrue([this] { return writer_->status().proven_current == clock_.Monotonic(); }));
  EXPECT_FALSE(writer_->status().store_writable)
      << "that it can be read proves nothing about writes";
  ASSERT_EQ(sqlite3_exec(locker, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(locker);
  EXPECT_TRUE(BecomesTrue([this] { return writer_->status().store_writable; }));
  EXPECT_TRUE(writer_->status().last_error.ok());
  EXPECT_EQ(writer_->snapshot()->revision(), 1u);
}

TEST_F(WriterTest, ARestartLoadsWhatWasWritten) {
  ASSERT_TRUE(Add(alice_.Pem() + alice_.KeyPem(), "n").ok());
  MustPut(StaticApi("a", {"name:n"}));
  MustPut(KeyResource("k", {Id(alice_)}));
  const StoreState before = writer_->snapshot()->state();
  writer_.reset();
  store_.reset();
  store_ = OpenStore();
  writer_ = StartWriter(store_.get());
  const auto snapshot = writer_->snapshot();
  EXPECT_EQ(snapshot->state(), before);
  EXPECT_NE(snapshot->FindApi("a")->allowlist.FindLeaf(alice_.cert->fingerprint), nullptr);
  EXPECT_EQ(snapshot->FindKeyByLeaf("org", alice_.cert->fingerprint)->key.id(), "k");
  EXPECT_TRUE(writer_->OpenPrivateKey(*snapshot->FindCertificateById(Id(alice_))).ok());
}

TEST_F(WriterTest, ADamagedRecordStopsTheStartAndNamesNothingSecret) {
  writer_.reset();
  ASSERT_TRUE(store_->Commit({{{Kind::kApi, "a", false, "\xff\xff", {}}}, {}}).ok());
  Writer::Options options;
  options.clock = &clock_;
  EXPECT_TRUE(absl::IsDataLoss(Writer::Start(store_.get(), options).status()));
}

TEST_F(WriterTest, WritesAfterTheEndAreRefusedAndEveryCompletionRuns) {
  int done = 0;
  for (int i = 0; i < 20; ++i) {
    writer_->Submit(Of(Put(ApiResource(absl::StrCat("a", i)))),
                    [&](absl::StatusOr<WriteResult>) { ++done; });
  }
  writer_.reset();
  EXPECT_EQ(done, 20);
}

}  // namespace
}  // namespace sallyport::authsvc
