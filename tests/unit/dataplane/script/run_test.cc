// Against the real program.
#include "dataplane/script/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <set>

#include "dataplane/upstream/event.h"
#include "tests/unit/dataplane/upstream/loop_for_tests.h"

namespace sallyport::dataplane {
namespace {

using boost::asio::awaitable;
using Kind = ScriptEnd::Kind;
using ::testing::HasSubstr;

constexpr absl::Duration kAmple = absl::Seconds(30);
constexpr absl::Duration kShort = absl::Milliseconds(300);

class Host final : public ScriptHost {
 public:
  script::Run Question() override {
    ++questions;
    return question;
  }
  awaitable<script::Results> Make(script::Calls calls, Deadline /*deadline*/) override {
    asked.push_back(calls);
    abandoned = abandoned || leaves_at_call;
    script::Results results;
    for (const script::Call& call : calls.calls) {
      script::Result result;
      result.answered = call.url != "http://down/";
      result.code = 207;
      result.body = call.method + " " + call.url;
      result.fields = {{"X-A", "1"}, {"X-A", "2"}};
      results.results.push_back(result);
    }
    co_return results;
  }
  void Log(absl::string_view line) override {
    lines.emplace_back(line);
    abandoned = abandoned || leaves_at_line;
  }
  [[nodiscard]] bool Abandoned() const override { return abandoned; }

  script::Run question;
  int questions = 0;
  std::vector<script::Calls> asked;
  std::vector<std::string> lines;
  bool abandoned = false;
  bool leaves_at_line = false, leaves_at_call = false;
};

class ScriptRunTest : public ::testing::Test {
 protected:
  static ScriptPoolOptions Options() {
    ScriptPoolOptions options;
    options.program = SALLYPORT_SCRIPT;
    options.helpers = 2;
    options.helpers_per_api = 1;
    options.wait = kShort;
    return options;
  }
  static script::Run Question(const std::string& source, const std::string& api_id = "api") {
    script::Run run;
    run.file = "f.js";
    run.source = source;
    run.function = "f";
    run.memory_kib = 16'384;
    run.api_id = api_id;
    run.method = "GET";
    run.url = "/x";
    return run;
  }
  ScriptEnd Run(script::Run run, absl::Duration timeout = kAmple) {
    ScriptEnd end;
    host_.question = std::move(run);
    Scenario([&]() -> awaitable<void> {
      end = co_await RunScript(loop_, pool_, host_.question.api_id, timeout, host_);
    });
    return end;
  }
  ScriptEnd Run(const std::string& source, absl::Duration timeout = kAmple) {
    return Run(Question(source), timeout);
  }
  void Scenario(const std::function<awaitable<void>()>& scenario) {
    testing::RunOn(loop_, scenario);
  }

  Loop loop_{0};
  ScriptPool pool_{Options(), base::SystemClock()};
  Host host_;
};

constexpr char kAnswers[] =
    R"js(function f(r) { return TykJsResponse({Body: r.URL, Code: 202}, {}); })js";

TEST_F(ScriptRunTest, AScriptAnswers) {
  const ScriptEnd end = Run(kAnswers);
  EXPECT_EQ(end.kind, Kind::kAnswered) << end.detail;
  EXPECT_EQ(end.answer.code, 202u);
  EXPECT_EQ(end.answer.body, "/x");
  EXPECT_EQ(pool_.counts().idle, 1u);
}

TEST_F(ScriptRunTest, NothingIsLeftForTheNext) {
  Run("var kept = 1; Object.prototype.kept = 1; JSON.stringify = null; function f() { throw 1; }");
  const ScriptEnd end =
      Run("function f() { return TykJsResponse({Body: typeof kept + {}.kept}, {}); }");
  EXPECT_EQ(end.answer.body, "undefinedundefined") << end.detail;
  EXPECT_EQ(pool_.counts().started, 1u) << "in the same process";
}

TEST_F(ScriptRunTest, EachApiHasProcessesOfItsOwn) {
  for (const char* const api : {"a", "b", "a", "b"}) Run(Question(kAnswers, api));
  EXPECT_EQ(pool_.counts().started, 2u);
  Run(Question(kAnswers, "c"));
  const ScriptPool::Counts counts = pool_.counts();
  EXPECT_EQ(counts.started, 3u);
  EXPECT_EQ(counts.idle, 2u) << "the longest idle one has made room";
}

TEST_F(ScriptRunTest, WhatItThrowsIsToldWithItsLine) {
  ScriptEnd end = Run("\n\nfunction f() {\n  throw new TypeError('no');\n}");
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_EQ(end.detail, "TypeError: no");
  EXPECT_EQ(end.line, 4u);
  end = Run("\nfunction f() { TykGetKeyData('k', 'a'); }");
  EXPECT_THAT(end.detail, HasSubstr("TykGetKeyData does not exist here"));
  EXPECT_EQ(end.line, 2u);
  EXPECT_THAT(Run("\nfunction f( {").detail, HasSubstr("SyntaxError"));
  EXPECT_THAT(Run("var g = 1;").detail, HasSubstr("no such function"));
  EXPECT_EQ(Run("function f() { throw {toString: function () { throw 1; }}; }").kind,
            Kind::kFailed);
  EXPECT_LE(Run("function f() { throw new Array(10000).join('x'); }").detail.size(), 310u);
  EXPECT_EQ(Run(kAnswers).kind, Kind::kAnswered);
  EXPECT_EQ(pool_.counts().started, 1u);
}

TEST_F(ScriptRunTest, AnswersThatAreNone) {
  for (const char* const returned :
       {"undefined", "null", "5", "'{'", "{}", "{Response: 1}", "TykJsResponse({Code: 99}, {})",
        "TykJsResponse({Code: 600}, {})", "TykJsResponse({Code: 200.5}, {})",
        "TykJsResponse({Code: 'x'}, {})", "TykJsResponse({Headers: 'x'}, {})"}) {
    const ScriptEnd end = Run(absl::StrCat("function f() { return ", returned, "; }"));
    EXPECT_EQ(end.kind, Kind::kFailed) << returned;
  }
  EXPECT_EQ(Run("function f() { return {Response: {}, SessionMeta: {}}; }").answer.code, 200u);
}

TEST_F(ScriptRunTest, TimeIsBounded) {
  for (const char* const loop :
       {"function f() { for (;;) {} }", "for (;;) {} function f() {}",
        "function f() { var s = new Array(28).join('a'); /^(a|a)*$/.test(s + 'b'); for (;;) {} }",
        "function f() { Duktape.fin({}, function () { for (;;) {} }); return TykJsResponse({}, "
        "{}); }"}) {
    const ScriptEnd end = Run(loop, kShort);
    EXPECT_EQ(end.kind, Kind::kLimit) << loop;
    EXPECT_EQ(end.detail, "time");
  }
  EXPECT_EQ(Run(kAnswers).kind, Kind::kAnswered);
}

TEST_F(ScriptRunTest, MemoryIsBounded) {
  for (const char* const grows :
       {"function f() { var a = []; for (;;) a.push({n: a.length}); }",
        "function f() { var s = 'x'; for (;;) s += s; }",
        "function f() { return TykJsResponse({Body: new Uint8Array(64 << 20).join()}, {}); }"}) {
    const ScriptEnd end = Run(grows);
    EXPECT_EQ(end.kind, Kind::kLimit) << grows << end.detail;
    EXPECT_THAT(end.detail, HasSubstr("memory"));
  }
}

TEST_F(ScriptRunTest, DepthIsBounded) {
  EXPECT_EQ(Run("function f() { return 1 + f(); }").kind, Kind::kFailed);
  EXPECT_EQ(Run("function f() { JSON.parse(new Array(100000).join('[')); }").kind, Kind::kFailed);
  EXPECT_EQ(Run("function f() { new RegExp(new Array(30000).join('(')); }").kind, Kind::kFailed);
  EXPECT_EQ(Run("eval(new Array(30000).join('(')); function f() {}").kind, Kind::kFailed);
}

TEST_F(ScriptRunTest, ItsRequestsAreItsHosts) {
  const ScriptEnd end = Run(R"js(function f() {
    log('asking'); rawlog({n: 1});
    var one = JSON.parse(TykMakeHttpRequest(JSON.stringify(
        {Method: 'PUT', Domain: 'http://a', Resource: '/b', FormData: {'a b': 'c&d\u00fc'}, Headers: {H: ['1', 2]}})));
    var none = TykMakeHttpRequest(JSON.stringify({Domain: 'http://down/'}));
    try { TykMakeHttpRequest({Domain: 'x', Headers: 5}); } catch (e) { log(e); }
    var all = JSON.parse(TykBatchRequest(JSON.stringify({suppress_parallel_execution: true, requests: [
        {method: 'GET', relative_url: 'http://c/', body: '\ud83d\ude00'}, {relative_url: 'http://down/'}]})));
    return TykJsResponse({Body: [one.code, one.Headers['X-A'], one.Body, none, all[0].code, all[1].code].join('|')}, {});
  })js");
  EXPECT_EQ(end.answer.body, "207|1,2|PUT http://a/b||207|0") << end.detail;
  ASSERT_EQ(host_.asked.size(), 3u) << "what could not be sent is not sent with the next";
  EXPECT_EQ(host_.asked[0].calls[0].body, "a+b=c%26d%C3%BC");
  EXPECT_EQ(host_.asked[0].calls[0].fields, (script::Fields{{"H", "1"}, {"H", "2"}}));
  EXPECT_TRUE(host_.asked[2].in_turn);
  EXPECT_EQ(host_.asked[2].calls[0].body, "\xF0\x9F\x98\x80");
  EXPECT_EQ(host_.lines, (std::vector<std::string>{"asking", "{\"n\":1}",
                                                   "TypeError: headers must be an object"}));
}

TEST_F(ScriptRunTest, LogLinesAreBounded) {
  Run("function f() { for (var i = 0; i < 1000; i++) log(new Array(5000).join('x')); }");
  EXPECT_EQ(host_.lines.size(), 64u);
  EXPECT_LE(host_.lines[0].size(), 1024u);
}

TEST_F(ScriptRunTest, WhatNobodyWaitsForIsNotRun) {
  host_.abandoned = true;
  EXPECT_EQ(Run(kAnswers).kind, Kind::kAbandoned);
  EXPECT_EQ(host_.questions, 0);
  EXPECT_EQ(pool_.counts().idle, 1u) << "its process is as good as before";
}

TEST_F(ScriptRunTest, WhoLeavesTakesItsScriptAlong) {
  host_.leaves_at_line = true;
  EXPECT_EQ(Run("function f() { log(1); for (;;) {} }").kind, Kind::kAbandoned)
      << "long before its time is over";
  EXPECT_EQ(pool_.counts().idle, 0u);
  host_.abandoned = false;
  EXPECT_EQ(Run("function f() { log(1); TykMakeHttpRequest({Domain: 'http://a'}); }").kind,
            Kind::kAbandoned);
  EXPECT_TRUE(host_.asked.empty());
  host_.abandoned = false;
  host_.leaves_at_line = false;
  host_.leaves_at_call = true;
  EXPECT_EQ(Run("function f() { TykMakeHttpRequest({Domain: 'http://a'}); for (;;) {} }").kind,
            Kind::kAbandoned);
}

TEST_F(ScriptRunTest, Base64) {
  EXPECT_EQ(Run("function f() { return TykJsResponse({Body: [b64enc('\\u00fc\\ud83d\\ude00'), "
                "b64dec('w7w='), "
                "rawb64enc('a'), rawb64dec('YQ'), b64dec('%')].join()}, {}); }")
                .answer.body,
            "w7zwn5iA,\xC3\xBC,YQ,a,");
}

TEST_F(ScriptRunTest, WhatIsTold) {
  script::Run run = Question(
      "function f(r, s, c) { return TykJsResponse({Body: JSON.stringify([r.Headers, s, c])}, {k: "
      "2}); }");
  run.fields = {{"A", "1"}, {"A", "\xFF"}, {"__proto__", "x"}};
  run.config_json = R"({"a": [1]})";
  run.org_id = "o";
  run.session.metadata = {{"k", "v"}};
  const ScriptEnd end = Run(std::move(run));
  EXPECT_EQ(end.answer.body,
            "[{\"A\":[\"1\",\"\xEF\xBF\xBD\"],\"__proto__\":[\"x\"]},{\"meta_data\":{\"k\":\"v\"}},"
            "{\"OrgID\":\"o\",\"APIID\":\"api\",\"config_data\":{\"a\":[1]}}]")
      << end.detail;
  EXPECT_TRUE(end.answer.session_changed);
}

TEST_F(ScriptRunTest, AllAreBusy) {
  Scenario([&]() -> awaitable<void> {
    auto held = co_await pool_.Acquire(loop_, "api", loop_.After(kAmple));
    EXPECT_TRUE(held.ok());
    const ScriptEnd end = co_await RunScript(loop_, pool_, "api", kAmple, host_);
    EXPECT_EQ(end.kind, Kind::kLimit);
    EXPECT_EQ(end.detail, "the API's scripts are all busy (scripts.helpers_per_api)");
    auto other = co_await pool_.Acquire(loop_, "b", loop_.After(kAmple));
    EXPECT_TRUE(other.ok());
    const ScriptEnd third = co_await RunScript(loop_, pool_, "c", kAmple, host_);
    EXPECT_EQ(third.detail, "all processes for scripts are busy (scripts.helpers)");
    EXPECT_EQ(host_.questions, 0) << "who waits holds no copy of source and body";
  });
  EXPECT_EQ(Run(kAnswers).kind, Kind::kAnswered) << "they were given back";
}

TEST_F(ScriptRunTest, WhoWaitsGetsTheNextThatIsFree) {
  Scenario([&]() -> awaitable<void> {
    auto held = co_await pool_.Acquire(loop_, "api", loop_.After(kAmple));
    std::optional<ScriptPool::Lease> lease(*std::move(held));
    loop_.Post([&lease] { lease.reset(); });
    host_.question = Question(kAnswers);
    const ScriptEnd end = co_await RunScript(loop_, pool_, "api", kAmple, host_);
    EXPECT_EQ(end.kind, Kind::kAnswered) << end.detail;
  });
}

TEST_F(ScriptRunTest, AProcessThatEndsIsReplaced) {
  Run(kAnswers);
  Scenario([&]() -> awaitable<void> {
    auto lease = co_await pool_.Acquire(loop_, "api", loop_.After(kAmple));
    EXPECT_TRUE(lease.ok());
    kill(lease->helper().pid(), SIGKILL);
    while (lease->helper().IsQuiet()) {
      Event turn(loop_);
      loop_.Post([&turn] { turn.Set(); });
      (void)co_await turn.Wait(Deadline::Never());
    }
    lease->Keep(absl::ZeroDuration());
  });
  EXPECT_EQ(Run(kAnswers).kind, Kind::kAnswered) << "an idle one that has ended is not used";
  EXPECT_EQ(pool_.counts().started, 2u);
}

TEST(ScriptPool, WithoutAProgramScriptsFail) {
  for (const char* const program : {"/nowhere/sallyport-script", "/dev/null"}) {
    Loop loop(0);
    Host host;
    ScriptPoolOptions options;
    options.program = program;
    ScriptPool pool(options, base::SystemClock());
    testing::RunOn(loop, [&]() -> awaitable<void> {
      const ScriptEnd end = co_await RunScript(loop, pool, "a", kAmple, host);
      EXPECT_EQ(end.kind, Kind::kFailed);
      EXPECT_THAT(end.detail, HasSubstr(program));
    });
    EXPECT_EQ(pool.counts().busy, 0u);
  }
}

TEST(ScriptPool, NoneMayBeRun) {
  Loop loop(0);
  Host host;
  ScriptPoolOptions options;
  options.program = SALLYPORT_SCRIPT;
  options.helpers = 0;
  ScriptPool pool(options, base::SystemClock());
  testing::RunOn(loop, [&]() -> awaitable<void> {
    const ScriptEnd end = co_await RunScript(loop, pool, "a", kAmple, host);
    EXPECT_EQ(end.kind, Kind::kFailed);
    EXPECT_EQ(end.detail, "scripts.helpers is 0");
  });
}

// Of an installation that is half of one version and half of another.
TEST_F(ScriptRunTest, AnotherVersionIsNotTalkedTo) {
  script::Run run = Question(kAnswers);
  run.protocol = script::kProtocol + 1;
  const ScriptEnd end = Run(std::move(run));
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.detail, HasSubstr("another version"));
}

}  // namespace
}  // namespace sallyport::dataplane
