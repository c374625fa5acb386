#include "authsvc/watchdog/watchdog.h"

#include <gmock/gmock.h>

#include <atomic>

#include "authsvc/snapshot/snapshot_builder.h"
#include "authsvc/watchdog/gauges.h"
#include "authsvc/watchdog/ticker.h"
#include "shared/metrics/sheet.h"
#include "tests/fakes/manual_clock.h"

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;

TEST(Watchdog, AStoreOutageClosesAdminAndNotDecisions) {
  StoreHealth store;
  store.loaded = true;
  EXPECT_TRUE(Judge(store).administering);
  store.writable = false;
  store.error = "disk full";
  EXPECT_TRUE(Judge(store).deciding);
  EXPECT_FALSE(Judge(store).administering);
  EXPECT_THAT(Judge(store).problem, HasSubstr("disk full"));
}

TEST(Watchdog, NothingLoadedOrTooOldServesNothing) {
  StoreHealth store;
  EXPECT_FALSE(Judge(store).deciding);
  store.loaded = true;
  store.proof_age = Watchdog::kMaxProofAge + absl::Seconds(1);
  EXPECT_FALSE(Judge(store).deciding);
  EXPECT_FALSE(Judge(store).administering);
}

TEST(Watchdog, TellsEachChangeOnce) {
  StoreHealth store;
  store.loaded = true;
  Watchdog watchdog([&store] { return store; });
  std::vector<bool> told;
  watchdog.OnChange([&told](const HealthState& state) { told.push_back(state.administering); });
  watchdog.Tick();
  watchdog.Tick();
  store.writable = false;
  watchdog.Tick();
  watchdog.Tick();
  EXPECT_EQ(told, (std::vector<bool>{true, false}));
  EXPECT_FALSE(watchdog.health().administering);
}

TEST(Ticker, CallsUntilItIsDestroyed) {
  std::atomic<int> calls{0};
  {
    Ticker ticker(absl::Milliseconds(1), [&calls] { ++calls; });
    const absl::Time until = absl::Now() + absl::Seconds(20);
    while (calls < 3 && absl::Now() < until) std::this_thread::yield();
  }
  const int after = calls;
  EXPECT_GE(after, 3);
  EXPECT_EQ(calls, after);
}

TEST(Gauges, TellRevisionAndLag) {
  base::ManualClock clock;
  metrics::Book book;
  SnapshotBuilder builder(Snapshot::Empty());
  const SnapshotPtr snapshot = builder.Finish({"store", 1, 42}, nullptr);
  RegisterGauges({&clock, [&] { return snapshot; },
                  [] { return std::vector<ReplicaGauge>{{"edge/r1", 40}, {"edge/r2", 42}}; }, "1.2.3"},
                 &book);
  const std::string text = book.Render();
  EXPECT_THAT(text, HasSubstr("sallyport_store_revision 42"));
  EXPECT_THAT(text, HasSubstr("sallyport_replica_revision_lag{replica=\"edge/r1\"} 2"));
  EXPECT_THAT(text, HasSubstr("sallyport_replica_revision_lag{replica=\"edge/r2\"} 0"));
  EXPECT_THAT(text, HasSubstr("sallyport_limits_per_replica 1"));
}

}  // namespace
}  // namespace sallyport::authsvc
