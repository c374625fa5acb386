#include "authsvc/rpc/telemetry_store.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "sallyport/v1/decision.pb.h"
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

::sallyport::v1::ReportRequest Failed(const std::string& address, const std::string& label,
                                      const std::string& sha256 = "") {
  ::sallyport::v1::ReportRequest report;
  auto* failure = report.add_handshakes();
  failure->set_client_address(address);
  failure->set_label(label);
  failure->set_sni("api.example.com");
  failure->set_replica("forged");
  if (!sha256.empty()) failure->mutable_presented()->set_fingerprint(sha256);
  return report;
}

TEST(TelemetryStore, HandshakesTheNewestFirst) {
  base::ManualClock clock;
  TelemetryOptions options;
  options.handshakes = 3;
  TelemetryStore store(&clock, options);
  store.Add(Failed("192.0.2.1", "gone"), "edge-1");
  store.Add(Failed("192.0.2.1", "a"), "edge-1");
  store.Add(Failed("192.0.2.2", "b", "ff"), "edge-2");
  store.Add(Failed("192.0.2.1", "c"), "edge-1");
  ::sallyport::v1::HandshakeQuery query;
  auto found = store.FindHandshakes(query);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].label(), "c");
  EXPECT_EQ(found[1].replica(), "edge-2");
  EXPECT_EQ(found[2].label(), "a");
  query.set_client_address("192.0.2.1");
  EXPECT_EQ(store.FindHandshakes(query).size(), 2U);
  query.set_most(1);
  EXPECT_EQ(store.FindHandshakes(query).size(), 1U);
  query.set_sni("other.example.com");
  EXPECT_TRUE(store.FindHandshakes(query).empty());
  query.Clear();
  query.set_presented_sha256("ff");
  found = store.FindHandshakes(query);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].label(), "b");
  clock.Advance(absl::Hours(25));
  EXPECT_TRUE(store.FindHandshakes(query).empty());
}

TEST(TelemetryStore, AnOversizeHandshakeIsDropped) {
  base::ManualClock clock;
  TelemetryStore store(&clock, {});
  store.Add(Failed("192.0.2.1", std::string(5000, 'x')), "edge-1");
  EXPECT_TRUE(store.FindHandshakes({}).empty());
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
  for (int i = 0; i < 1000; ++i)
    by_bytes.Add(Refused(absl::StrCat("r", i), std::string(2000, 'p')));
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

::sallyport::v1::ReportRequest Used(const std::string& key, const std::string& leaf = "",
                                    int64_t when = 0) {
  ::sallyport::v1::ReportRequest report;
  auto* use = report.add_uses();
  use->set_key_id(key);
  use->set_leaf_sha256(leaf);
  use->set_allowed(10);
  use->set_last_unix_ms(when);
  report.set_lost(1);
  return report;
}

TEST(TelemetryStore, AddsUpUsesAndForgetsTheLongestUnusedWhenFull) {
  base::ManualClock clock;
  TelemetryOptions options;
  options.uses = 4;
  TelemetryStore store(&clock, options);
  store.Add(Used("a", "", 1000));
  store.Add(Used("a", "", 999));
  EXPECT_EQ(store.KeyUse("a")->allowed, 20U);
  EXPECT_EQ(store.KeyUse("a")->last_unix_ms, 1000);
  EXPECT_EQ(store.lost(), 2U);
  for (int i = 0; i < 100; ++i) {
    store.Add(Used(absl::StrCat("flood", i)));
    store.Add(Used("a"));
  }
  EXPECT_EQ(store.KeyUse("a")->allowed, 1020U) << "in use all the time";
  EXPECT_TRUE(store.KeyUse("flood99").has_value());
  EXPECT_FALSE(store.KeyUse("flood1").has_value());
}

TEST(TelemetryStore, TakesHashesOfLeavesOnly) {
  base::ManualClock clock;
  TelemetryStore store(&clock, {});
  const std::string leaf(64, 'a');
  for (const std::string& wrong : {std::string("a"), leaf + "a", std::string(64, 'g')}) {
    store.Add(Used("k", wrong));
    EXPECT_FALSE(store.LeafUse(wrong).has_value());
  }
  store.Add(Used("k", leaf));
  EXPECT_TRUE(store.LeafUse(leaf).has_value());
}

}  // namespace
}  // namespace sallyport::authsvc
