#include <cstdio>
#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dataplane/observe/access_log.h"
#include "dataplane/observe/access_log_ring.h"
#include "dataplane/observe/metrics.h"
#include "dataplane/observe/process_metrics.h"
#include "dataplane/observe/telemetry.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/temp_folder.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using sallyport::testing::TempFolder;

std::vector<std::string> Lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}
AccessRecord Record(absl::string_view id) {
  AccessRecord record;
  record.time = absl::FromUnixMicros(1'800'000'000'123'456);
  record.request_id = id;
  record.method = "GET";
  record.path = "/x";
  record.status = 200;
  record.total = absl::Microseconds(1500);
  return record;
}

TEST(AccessLine, IsJsonWhateverTheCallerSends) {
  Identity identity;
  identity.name = "CN=\"x\"\n\xff";
  identity.key_id = "k1";
  AccessRecord record = Record("r1");
  record.path = "/\"};\r\n{\"a\":1";
  record.identity = &identity;
  record.reason = Reason::kCertExpired;
  std::string line;
  AppendAccessLine(record, &line);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  const auto json = nlohmann::json::parse(line, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << line;
  EXPECT_EQ(json["path"], "/\"};\r\n{\"a\":1");
  EXPECT_EQ(json["reason"], "CERT_EXPIRED");
  EXPECT_EQ(json["fault"], "client");
  EXPECT_EQ(json["key_id"], "k1");
  EXPECT_EQ(json["time"], "2027-01-15T08:00:00.123456Z");
  EXPECT_EQ(json["total_us"], 1500);
  EXPECT_FALSE(json.contains("upstream"));
}

TEST(AccessLine, EveryFieldInItsPlace) {
  Identity identity;
  identity.name = "caller";
  identity.key_id = "k1";
  identity.org_id = "o1";
  identity.policy_ids = {"p1", "p2"};
  identity.certificate_verified = true;
  const std::string path = "/a/\"b\"/\xff\x01/" + std::string(40, 'x') + "\\";
  AccessRecord record;
  record.time = absl::FromUnixMicros(1'800'000'000'000'042);
  record.request_id = "0123456789abcdef0123";
  record.client_address = "2001:db8::1";
  record.listener = "https-443";
  record.method = "PATCH";
  record.host = "api.example.com";
  record.path = path;
  record.protocol = "HTTP/1.1";
  record.sni = "api.example.com";
  record.tls_version = "TLSv1.3";
  record.tls_cipher = "TLS_AES_256_GCM_SHA384";
  record.resumed = true;
  record.api_id = "api-1";
  record.version = "v2";
  record.identity = &identity;
  record.client_fingerprint = "00ff";
  record.reason = Reason::kUpstreamReset;
  record.detail = "gr\xc3\xbc\xc3\x9f";
  record.status = 502;
  record.stale = true;
  record.bytes_in = 18446744073709551615u;
  record.bytes_out = 12;
  record.total = absl::Microseconds(1234567);
  record.authorize = absl::Nanoseconds(1999);
  record.upstream_first_byte = absl::Nanoseconds(1);
  record.upstream_total = absl::Seconds(1);
  record.upstream = "192.0.2.1:443";
  record.upstream_status = 200;
  record.upstream_reused = true;
  record.upstream_certificate_id = "c1";
  record.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  std::string line = "before";
  AppendAccessLine(record, &line);
  EXPECT_EQ(
      line,
      R"(before{"time":"2027-01-15T08:00:00.000042Z","request_id":"0123456789abcdef0123","client":"2001:db8::1",)"
      R"("listener":"https-443","method":"PATCH","host":"api.example.com",)"
      R"("path":"/a/\"b\"/\ufffd\u0001/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\\","protocol":"HTTP/1.1",)"
      R"("status":502,"reason":"UPSTREAM_RESET","fault":"upstream","detail":"grüß","api":"api-1","version":"v2",)"
      R"("identity":"caller","key_id":"k1","org_id":"o1","policy_id":"p1","certificate_verified":true,)"
      R"("client_fingerprint":"00ff","sni":"api.example.com","tls":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384",)"
      R"("resumed":true,"stale":true,"bytes_in":-1,"bytes_out":12,"total_us":1234567,"authorize_us":1,)"
      R"("upstream_first_byte_us":0,"upstream_us":1000000,"upstream":"192.0.2.1:443","upstream_status":200,)"
      R"("upstream_reused":true,"upstream_certificate":"c1",)"
      R"("traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})"
      "\n");
}

TEST(AccessLine, OfATunnel) {
  AccessRecord record;
  record.status = 101;
  record.upgrade = "websocket";
  record.tunnel_end = "idle";
  record.script = "answers";
  std::string line;
  AppendAccessLine(record, &line);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["upgrade"], "websocket");
  EXPECT_EQ(json["tunnel_end"], "idle");
  EXPECT_EQ(json["script"], "answers");
}

TEST(AccessLine, OfNothingKnown) {
  std::string line;
  AppendAccessLine(AccessRecord(), &line);
  EXPECT_EQ(
      line,
      R"({"time":"1970-01-01T00:00:00.000000Z","status":0,"reason":"ALLOWED","fault":"none","bytes_in":0,)"
      R"("bytes_out":0})"
      "\n");
}

TEST(AccessLog, WritesLinesOfEveryRing) {
  const TempFolder folder;
  const std::string path = folder.File("access.log");
  auto log = AccessLog::Open(path, 2);
  ASSERT_TRUE(log.ok()) << log.status();
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) (*log)->Write(1, Record("b"));
  });
  for (int i = 0; i < 100; ++i) (*log)->Write(0, Record("a"));
  other.join();
  (*log)->Flush();
  const auto lines = Lines(path);
  EXPECT_EQ(lines.size(), 200u);
  for (const auto& line : lines)
    EXPECT_FALSE(nlohmann::json::parse(line, nullptr, false).is_discarded());
  EXPECT_EQ((*log)->written(), 200u);
  EXPECT_EQ((*log)->dropped(), 0u);
}

TEST(AccessLog, DestructionWritesWhatIsLeft) {
  const TempFolder folder;
  const std::string path = folder.File("access.log");
  {
    auto log = AccessLog::Open(path, 1);
    ASSERT_TRUE(log.ok());
    (*log)->Write(0, Record("last"));
  }
  EXPECT_EQ(Lines(path).size(), 1u);
}

TEST(AccessLog, ReopenAfterRotation) {
  const TempFolder folder;
  const std::string path = folder.File("access.log");
  auto log = AccessLog::Open(path, 1);
  ASSERT_TRUE(log.ok());
  (*log)->Write(0, Record("old"));
  (*log)->Flush();
  ASSERT_EQ(rename(path.c_str(), (path + ".1").c_str()), 0);
  (*log)->Reopen();
  (*log)->Flush();
  (*log)->Write(0, Record("new"));
  (*log)->Flush();
  EXPECT_EQ(Lines(path + ".1").size(), 1u);
  ASSERT_EQ(Lines(path).size(), 1u);
  EXPECT_TRUE(absl::StrContains(Lines(path)[0], "new"));
}

TEST(AccessLog, CannotOpen) { EXPECT_FALSE(AccessLog::Open("/nonexistent/dir/log", 1).ok()); }

TEST(AccessLog, OffCostsNothing) {
  auto log = AccessLog::Open("", 1);
  ASSERT_TRUE(log.ok());
  (*log)->Write(0, Record("x"));
  (*log)->Flush();
  EXPECT_EQ((*log)->written(), 0u);
}

TEST(AccessLogRing, WrapsAndRefusesWhatDoesNotFit) {
  AccessLogRing ring(4096);
  const std::string line(1500, 'x');
  EXPECT_TRUE(ring.Put(line));
  EXPECT_TRUE(ring.Put(line));
  EXPECT_FALSE(ring.Put(line));
  std::string out;
  ring.Take(&out);
  EXPECT_EQ(out.size(), 3000u);
  EXPECT_TRUE(ring.Put(std::string(2000, 'y')));  // over the end
  out.clear();
  ring.Take(&out);
  EXPECT_EQ(out, std::string(2000, 'y'));
  EXPECT_FALSE(ring.Put(std::string(5000, 'z')));
}

TEST(LoopMetrics, OutcomesByApiReasonAndFault) {
  metrics::Book book;
  LoopMetrics loop(&book);
  RequestOutcome outcome;
  outcome.api_id = "a";
  outcome.status = 200;
  outcome.total = absl::Milliseconds(2);
  outcome.upstream = absl::Milliseconds(1);
  outcome.authorize = absl::Microseconds(3);
  loop.Request(outcome);
  loop.Request(outcome);
  outcome.reason = Reason::kUpstreamPin;
  outcome.status = 502;
  loop.Request(outcome);
  outcome = {};
  outcome.reason = Reason::kNoRoute;
  outcome.status = 404;
  loop.Request(outcome);
  loop.Handshake(false, absl::Milliseconds(1));
  loop.HandshakeFailed("no_shared_cipher");
  loop.UpstreamTlsFailed(Reason::kUpstreamPin);
  loop.ConnectionOpened();
  const std::string text = book.Render();
  for (const char* line :
       {"sallyport_requests_total{api=\"a\",reason=\"ALLOWED\",fault=\"none\"} 2",
        "sallyport_requests_total{api=\"a\",reason=\"UPSTREAM_PIN_MISMATCH\",fault=\"upstream\"} 1",
        "sallyport_requests_total{api=\"none\",reason=\"NO_ROUTE\",fault=\"client\"} 1",
        "sallyport_responses_total{api=\"a\",code=\"2xx\"} 2",
        "sallyport_handshake_failures_total{reason=\"no_shared_cipher\"} 1",
        "sallyport_upstream_tls_failures_total{reason=\"UPSTREAM_PIN_MISMATCH\"} 1",
        "sallyport_upstream_seconds_count{api=\"a\"} 3", "sallyport_connections 1"}) {
    EXPECT_TRUE(absl::StrContains(text, line)) << line;
  }
}

TEST(ProcessMetrics, CacheNumbers) {
  metrics::Book book;
  RegisterCache(&book, [] {
    CacheNumbers numbers;
    numbers.memo = 5;
    numbers.entries = 7;
    return numbers;
  });
  const std::string text = book.Render();
  EXPECT_TRUE(absl::StrContains(text, "sallyport_decision_cache_total{result=\"memo\"} 5"));
  EXPECT_TRUE(absl::StrContains(text, "sallyport_cache_entries{cache=\"decisions\"} 7"));
}

class FakeSink final : public TelemetrySink {
 public:
  bool Report(const TelemetryBatch& batch) override {
    if (!up) return false;
    batches.push_back(batch);
    return true;
  }
  LostTelemetry TakeLost() override { return std::exchange(lost, {}); }
  LostTelemetry lost;
  bool up = true;
  std::vector<TelemetryBatch> batches;
};

TEST(Telemetry, BatchesAndAddsUpUses) {
  base::ManualClock clock;
  FakeSink sink;
  TelemetryReporter reporter({}, &sink, &clock, 2, false);
  reporter.SendNow();
  EXPECT_TRUE(sink.batches.empty());  // nothing to say
  reporter.Used(0, "k", "leaf", "a", true);
  reporter.Used(0, "k", "leaf", "a", true);
  reporter.Used(0, "k", "leaf", "a", false);
  RefusalRecord refusal;
  refusal.request_id = "r1";
  reporter.Refused(1, refusal);
  reporter.SendNow();
  ASSERT_EQ(sink.batches.size(), 1u);
  ASSERT_EQ(sink.batches[0].uses.size(), 1u);
  EXPECT_EQ(sink.batches[0].uses[0].allowed, 2u);
  EXPECT_EQ(sink.batches[0].uses[0].refused, 1u);
  EXPECT_EQ(sink.batches[0].uses[0].last, clock.Now());
  ASSERT_EQ(sink.batches[0].refusals.size(), 1u);
  EXPECT_EQ(sink.batches[0].refusals[0].request_id, "r1");
}

TEST(Telemetry, BoundedAndHonestAboutLosses) {
  base::ManualClock clock;
  FakeSink sink;
  TelemetryReporter::Options options;
  options.max_refusals = 3;
  TelemetryReporter reporter(options, &sink, &clock, 1, false);
  for (int i = 0; i < 10; ++i) reporter.Refused(0, {});
  EXPECT_EQ(reporter.lost(), 7u);
  sink.up = false;
  reporter.SendNow();
  EXPECT_EQ(reporter.lost(), 10u);
  sink.up = true;
  reporter.SendNow();
  ASSERT_EQ(sink.batches.size(), 1u);
  EXPECT_EQ(sink.batches[0].lost, 10u);
  EXPECT_TRUE(sink.batches[0].refusals.empty());
}

TEST(Telemetry, BoundedByBytes) {
  base::ManualClock clock;
  FakeSink sink;
  TelemetryReporter::Options options;
  options.max_bytes = 64 << 10;
  TelemetryReporter reporter(options, &sink, &clock, 2, false);
  RefusalRecord refusal;
  refusal.question.chain_der = {std::string(5000, 'x'), std::string(1000, 'y')};
  for (int i = 0; i < 10; ++i) reporter.Refused(0, refusal);
  EXPECT_EQ(reporter.lost(), 8u) << "a loop has a quarter: 16 KiB";
  // Uses have a share of their own.
  for (int i = 0; i < 1000; ++i) reporter.Used(0, absl::StrCat("key", i), "leaf", "api", true);
  reporter.SendNow();
  ASSERT_EQ(sink.batches.size(), 1u);
  EXPECT_EQ(sink.batches[0].refusals.size(), 2u);
  EXPECT_GT(sink.batches[0].uses.size(), 100u);
  EXPECT_LT(sink.batches[0].uses.size(), 200u);
  EXPECT_EQ(sink.batches[0].lost, 1008u - sink.batches[0].uses.size());
  reporter.Refused(0, refusal);
  reporter.SendNow();
  EXPECT_EQ(sink.batches[1].refusals.size(), 1u) << "the next batch starts from nothing";
}

TEST(Telemetry, WhatDoesNotArriveIsLost) {
  base::ManualClock clock;
  FakeSink sink;
  TelemetryReporter reporter({}, &sink, &clock, 1, false);
  sink.lost = {5, 2};
  reporter.SendNow();
  EXPECT_EQ(reporter.lost(), 5u) << "what the batch told of was counted before";
  ASSERT_EQ(sink.batches.size(), 1u);
  EXPECT_EQ(sink.batches[0].lost, 7u);
}

}  // namespace
}  // namespace sallyport::dataplane
