#include "authsvc/rpc/telemetry_store.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "sallyport/v1/telemetry.pb.h"
#include "tests/fakes/manual_clock.h"

namespace sallyport::authsvc {
namespace {

::sallyport::v1::ReportRequest Refused(const std::string& id, const std::string& path = "/") {
  ::sallyport::v1::ReportRequest report;
  auto* refusal = report.add_refusals();
  refusal->set_request_id(id);
  refusal->set_path(path);
  return report;
}

TEST(TelemetryStore, FindsARefusalUntilItIsTooOld) {
  base::ManualClock clock;
  TelemetryStore store(&clock, {});
  store.Add(Refused("r1", "/orders"));
  ASSERT_TRUE(store.FindRefusal("r1").has_value());
  EXPECT_EQ(store.FindRefusal("r1")->path(), "/orders");
  EXPECT_FALSE(store.FindRefusal("r2").has_value());
  clock.Advance(absl::Hours(25));
  EXPECT_FALSE(store.FindRefusal("r1").has_value());
  store.Add(Refused("r2"));
  EXPECT_EQ(store.refusals(), 1U);
}

TEST(TelemetryStore, TheFirstReportOfAnIdStands) {
  base::ManualClock clock;
  TelemetryStore store(&clock, {});
  store.Add(Refused("r1", "/true"));
  store.Add(Refused("r1", "/forged"));
  EXPECT_EQ(store.FindRefusal("r1")->path(), "/true");
}

TEST(TelemetryStore, IsBoundedByCountAndBytes) {
  base::ManualClock clock;
  TelemetryOptions options;
  options.refusals = 100;
  TelemetryStore by_count(&clock, options);
  for (int i = 0; i < 1000; ++i) by_count.Add(Refused(absl::StrCat("r", i)));
  EXPECT_EQ(by_count.refusals(), 100U);
  EXPECT_FALSE(by_count.FindRefusal("r899").has_value());
  EXPECT_TRUE(by_count.FindRefusal("r900").has_value());

  options.refusals = 1'000'000;
  options.bytes = 100'000;
  TelemetryStore by_bytes(&clock, options);
  for (int i = 0; i < 1000; ++i) by_bytes.Add(Refused(absl::StrCat("r", i), std::string(2000, 'p')));
  EXPECT_LE(by_bytes.bytes(), 100'000U);
  EXPECT_GT(by_bytes.refusals(), 10U);
}

TEST(TelemetryStore, AnOversizeRefusalIsCutAndOddIdsAreDropped) {
  base::ManualClock clock;
  TelemetryStore store(&clock, {});
  store.Add(Refused("big", std::string(10 << 20, 'p')));
  EXPECT_LT(store.bytes(), 8192U);
  EXPECT_EQ(store.FindRefusal("big")->path().size(), 2048U);
  store.Add(Refused(""));
  store.Add(Refused(std::string(4096, 'i')));
  EXPECT_EQ(store.refusals(), 1U);
}

TEST(TelemetryStore, AddsUpUsesWithinItsBound) {
  base::ManualClock clock;
  TelemetryOptions options;
  options.uses = 2;
  TelemetryStore store(&clock, options);
  for (int i = 0; i < 4; ++i) {
    ::sallyport::v1::ReportRequest report;
    auto* use = report.add_uses();
    use->set_key_id(absl::StrCat("k", i % 3));
    use->set_allowed(10);
    use->set_last_unix_ms(1000 - i);
    report.set_lost(1);
    store.Add(report);
  }
  EXPECT_EQ(store.KeyUse("k0")->allowed, 20U);
  EXPECT_EQ(store.KeyUse("k0")->last_unix_ms, 1000);
  EXPECT_FALSE(store.KeyUse("k2").has_value());
  EXPECT_EQ(store.lost(), 4U);
}

}  // namespace
}  // namespace sallyport::authsvc
