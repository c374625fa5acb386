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

TEST(Ticker, ANudgeDoesNotWaitForTheInterval) {
  std::atomic<int> calls{0};
  Ticker ticker(absl::Hours(1), [&calls] { ++calls; });
  const absl::Time until = absl::Now() + absl::Seconds(60);
  const auto wait_for = [&](int wanted) {
    while (calls < wanted && absl::Now() < until) std::this_thread::yield();
    return calls >= wanted;
  };
  ASSERT_TRUE(wait_for(1));
  for (int wanted = 2; wanted < 5; ++wanted) {
    ticker.Nudge();
    ASSERT_TRUE(wait_for(wanted)) << "also one that comes while it is called";
  }
}

TEST(Gauges, TellTheAgeOfTicketKeysByGroup) {
  base::ManualClock clock;
  metrics::Book book;
  const SnapshotPtr snapshot = Snapshot::Empty();
  GaugeSources sources;
  sources.clock = &clock;
  sources.snapshot = [&] { return snapshot; };
  sources.replicas = [] { return std::vector<ReplicaGauge>(); };
  sources.ticket_key_ages = [] {
    return std::vector<std::pair<std::string, absl::Duration>>{{"edge", absl::Seconds(90)}};
  };
  RegisterGauges(sources, &book);
  EXPECT_THAT(book.Render(), HasSubstr("sallyport_ticket_key_age_seconds{group=\"edge\"} 90"));
}

TEST(Gauges, TellRevisionAndLag) {
  base::ManualClock clock;
  metrics::Book book;
  SnapshotBuilder builder(Snapshot::Empty());
  const SnapshotPtr snapshot = builder.Finish({"store", 1, 42}, nullptr);
  RegisterGauges({&clock, [&] { return snapshot; },
                  [] {
                    return std::vector<ReplicaGauge>{
                        {"edge/r1", 40, absl::FromUnixSeconds(2'000'000'000)},
                        {"edge/r2", 42, absl::FromUnixSeconds(1'900'000'000)}};
                  },
                  "1.2.3", [] { return absl::FromUnixSeconds(1'800'000'000); }},
                 &book);
  const std::string text = book.Render();
  EXPECT_THAT(text, HasSubstr("sallyport_store_revision 42"));
  EXPECT_THAT(text, HasSubstr("sallyport_replica_revision_lag{replica=\"edge/r1\"} 2"));
  EXPECT_THAT(text, HasSubstr("sallyport_replica_revision_lag{replica=\"edge/r2\"} 0"));
  EXPECT_THAT(text, HasSubstr("sallyport_limits_per_replica 1"));
  EXPECT_THAT(text,
              HasSubstr("sallyport_certificate_not_after_seconds{role=\"control\"} 1800000000"));
  EXPECT_THAT(
      text,
      HasSubstr("sallyport_certificate_not_after_seconds{role=\"dataplane_control\"} 1900000000"));
}

TEST(Gauges, AnEntryOfAnotherOrganisationIsThereAndNotPending) {
  v1::Resource foreign;
  foreign.mutable_certificate()->set_id("other" + std::string(64, 'a'));
  foreign.mutable_certificate()->add_chain_der("der");
  foreign.mutable_certificate()->mutable_summary()->set_spki_sha256(std::string(32, 'k'));
  foreign.set_id(foreign.certificate().id());
  v1::Resource api;
  api.set_id("a");
  api.mutable_api()->set_id("a");
  api.mutable_api()->set_org_id("org");
  api.mutable_api()->mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_MANDATORY);
  for (const std::string& id : {foreign.id(), "org" + std::string(64, 'b')}) {
    api.mutable_api()->mutable_client_tls()->add_allowlist()->set_certificate_id(id);
  }
  SnapshotBuilder builder(Snapshot::Empty());
  ASSERT_TRUE(builder.Put(foreign).ok());
  ASSERT_TRUE(builder.Put(api).ok());
  const SnapshotPtr snapshot = builder.Finish({"store", 1, 1}, nullptr);
  ASSERT_EQ(snapshot->FindApi("a")->allowlist.unusable.size(), 1U);
  base::ManualClock clock;
  metrics::Book book;
  RegisterGauges(
      {&clock, [&] { return snapshot; }, [] { return std::vector<ReplicaGauge>(); }, "1.2.3"},
      &book);
  EXPECT_THAT(book.Render(), HasSubstr("sallyport_pending_references 1\n"));
}

}  // namespace
}  // namespace sallyport::authsvc
