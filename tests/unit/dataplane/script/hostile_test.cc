// What a process of scripts that somebody has taken over may say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/script/run.h"
#include "tests/unit/dataplane/upstream/loop_for_tests.h"

namespace sallyport::dataplane {
namespace {

using boost::asio::awaitable;
using Kind = ScriptEnd::Kind;

class CountingHost final : public ScriptHost {
 public:
  script::Run Question() override {
    script::Run run;
    run.function = how;
    return run;
  }
  awaitable<script::Results> Make(script::Calls /*calls*/, Deadline /*deadline*/) override {
    ++asked;
    co_return script::Results();
  }
  void Log(absl::string_view /*line*/) override { ++lines; }
  [[nodiscard]] bool Abandoned() const override { return false; }
  std::string how;
  int asked = 0, lines = 0;
};

class HostileHelperTest : public ::testing::Test {
 protected:
  static ScriptPoolOptions Options() {
    ScriptPoolOptions options;
    options.program = SALLYPORT_HOSTILE_HELPER;
    return options;
  }
  ScriptEnd RunIt(const std::string& how, absl::Duration timeout = absl::Seconds(30)) {
    host_.how = how;
    ScriptEnd end;
    testing::RunOn(loop_, [&]() -> awaitable<void> {
      end = co_await RunScript(loop_, pool_, "api", timeout, host_);
    });
    return end;
  }

  Loop loop_{0};
  ScriptPool pool_{Options(), base::SystemClock()};
  CountingHost host_;
};

TEST_F(HostileHelperTest, IsEndedAndAnswersNothing) {
  uint64_t started = 0;
  for (const char* const how : {"ends", "is_killed", "nonsense", "empty", "unknown", "talks",
                                "asks", "status", "large_status", "fields", "field_bytes"}) {
    const ScriptEnd end = RunIt(how);
    EXPECT_EQ(end.kind, Kind::kFailed) << how;
    EXPECT_NE(end.detail, "") << how;
    EXPECT_EQ(pool_.counts().idle, 0u) << how << ": it is not used again";
    EXPECT_EQ(pool_.counts().started, ++started) << how;
  }
  EXPECT_LE(host_.lines, 64);
  EXPECT_LE(host_.asked, 256);
}

TEST_F(HostileHelperTest, IsWaitedForNoLongerThanItMay) {
  for (const char* const how : {"half", "is_silent"}) {
    const ScriptEnd end = RunIt(how, absl::Milliseconds(200));
    EXPECT_EQ(end.kind, Kind::kLimit) << how;
    EXPECT_EQ(end.detail, "time") << how;
  }
}

TEST_F(HostileHelperTest, FillsNoLog) { EXPECT_LE(RunIt("long_failure").detail.size(), 512u); }

}  // namespace
}  // namespace sallyport::dataplane
