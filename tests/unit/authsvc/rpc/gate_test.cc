#include <gtest/gtest.h>

#include <future>

#include "authsvc/rpc/admin_worker.h"
#include "authsvc/rpc/revision_gate.h"
#include "authsvc/rpc/watch_log.h"
#include "authsvc/snapshot/snapshot_builder.h"

namespace sallyport::authsvc {
namespace {

SnapshotPtr AtRevision(uint64_t revision) {
  SnapshotBuilder builder(Snapshot::Empty());
  return builder.Finish({"store", 1, revision}, nullptr);
}

class Published {
 public:
  void Set(uint64_t revision) {
    const base::MutexLock lock(&mutex_);
    now_ = AtRevision(revision);
  }
  SnapshotPtr Get() {
    const base::MutexLock lock(&mutex_);
    return now_;
  }

 private:
  base::Mutex mutex_;
  SnapshotPtr now_ ABSL_GUARDED_BY(mutex_) = AtRevision(1);
};

TEST(RevisionGate, AnswersWhenTheRevisionComes) {
  Published published;
  RevisionGate gate(&base::SystemClock(), [&] { return published.Get(); }, absl::Seconds(30));
  std::promise<uint64_t> got;
  gate.When(3, [&](SnapshotPtr snapshot) {
    got.set_value(snapshot == nullptr ? 0 : snapshot->revision());
  });
  published.Set(2);
  gate.Advanced();
  published.Set(4);
  gate.Advanced();
  EXPECT_EQ(got.get_future().get(), 4U);
}

TEST(RevisionGate, GivesUpAfterItsPatience) {
  Published published;
  RevisionGate gate(&base::SystemClock(), [&] { return published.Get(); }, absl::Milliseconds(5));
  std::promise<bool> got;
  gate.When(3, [&](SnapshotPtr snapshot) { got.set_value(snapshot != nullptr); });
  EXPECT_FALSE(got.get_future().get());
}

TEST(RevisionGate, RefusesAtOnceWhatIsMadeUp) {
  Published published;
  RevisionGate gate(&base::SystemClock(), [&] { return published.Get(); }, absl::Seconds(60));
  int refused = 0;
  for (const uint64_t revision : {uint64_t{1'000'002}, uint64_t{UINT64_MAX}}) {
    gate.When(revision, [&](SnapshotPtr snapshot) { refused += snapshot == nullptr ? 1 : 0; });
  }
  EXPECT_EQ(refused, 2);
}

TEST(RevisionGate, RefusesAtOnceWhenTooManyWaitAndAllWhenItGoes) {
  Published published;
  int refused = 0;
  {
    RevisionGate gate(&base::SystemClock(), [&] { return published.Get(); }, absl::Seconds(60), 2);
    const auto count = [&refused](SnapshotPtr snapshot) { refused += snapshot == nullptr ? 1 : 0; };
    gate.When(3, count);
    gate.When(3, count);
    gate.When(3, count);
    EXPECT_EQ(refused, 1);
  }
  EXPECT_EQ(refused, 3);
}

TEST(AdminWorker, RefusesWhenFullAndFinishesWhatItTook) {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  std::atomic<int> done{0};
  {
    AdminWorker worker(1, 2);
    std::promise<void> started;
    ASSERT_TRUE(worker.Do([&, gone] {
      started.set_value();
      gone.wait();
      ++done;
    }));
    started.get_future().wait();
    EXPECT_TRUE(worker.Do([&] { ++done; }));
    EXPECT_TRUE(worker.Do([&] { ++done; }));
    EXPECT_FALSE(worker.Do([&] { ++done; }));
    go.set_value();
  }
  EXPECT_EQ(done, 3);
}

TEST(WatchLog, GoesOnBehindARevisionAndSaysWhenItCannot) {
  WatchLog log(10, 3);
  bool lost = false;
  EXPECT_FALSE(log.PositionAfter(9).has_value());
  const uint64_t start = *log.PositionAfter(10);
  log.Add(11, Kind::kApi, "a", false);
  log.Add(12, Kind::kApi, "b", false);
  log.Add(12, Kind::kKey, "k", true);
  const auto first = log.After(start, &lost);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->id, "a");
  EXPECT_EQ(log.After(*log.PositionAfter(11), &lost)->id, "b");
  EXPECT_FALSE(log.After(*log.PositionAfter(0), &lost).has_value());
  EXPECT_FALSE(lost);
  log.Add(13, Kind::kApi, "c", false);  // the first is dropped
  EXPECT_FALSE(log.After(start, &lost).has_value());
  EXPECT_TRUE(lost);
  const uint64_t now = *log.PositionAfter(0);
  log.Restart(1);
  EXPECT_FALSE(log.After(now, &lost).has_value());
  EXPECT_TRUE(lost);
}

TEST(WatchLog, WakesListenersUntilTheyLeave) {
  WatchLog log(1);
  int wakes = 0;
  const uint64_t id = log.AddListener([&wakes] { ++wakes; });
  log.Announce();
  log.Close();
  EXPECT_TRUE(log.closed());
  log.RemoveListener(id);
  log.Announce();
  EXPECT_EQ(wakes, 2);
}

}  // namespace
}  // namespace sallyport::authsvc
