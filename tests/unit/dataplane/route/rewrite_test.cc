#include "dataplane/route/rewrite.h"

#include <map>

#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

using Source = RewriteCondition::Source;

std::shared_ptr<const re2::RE2> Regex(const char* text) {
  return CompilePathRule(text, {}, false).regex;
}
RewriteTarget To(const char* text) {
  RewriteTarget target;
  target.text = *header::RewriteTemplate::Parse(text);
  if (!target.text.server().empty()) target.server = ParseTarget(target.text.server());
  return target;
}
RewriteRule RuleTo(const char* pattern, const char* target) {
  RewriteRule rule;
  rule.pattern = Regex(pattern);
  if (target != nullptr) rule.target = To(target);
  return rule;
}
RewriteCondition When(Source source, const char* name, const char* pattern, bool reverse = false) {
  return {source, name, Regex(pattern), reverse};
}
RewriteTrigger Trigger(bool any, std::vector<RewriteCondition> conditions, const char* target) {
  return {any, std::move(conditions), To(target)};
}

class RewriteTest : public ::testing::Test {
 protected:
  // "path?query", with the server before it; "-": nothing is rewritten.
  std::string Ask(const RewriteRule& rule, absl::string_view path, absl::string_view query = "") {
    const RewriteQuestion question{path, query, metadata_};
    const auto to =
        RewriteTo(rule, question,
                  [this](absl::string_view name, absl::FunctionRef<bool(absl::string_view)> see) {
                    const auto [begin, end] = headers_.equal_range(std::string(name));
                    for (auto it = begin; it != end; ++it) {
                      if (see(it->second)) return;
                    }
                  });
    if (!to.has_value()) return "-";
    return (to->server == nullptr ? "" : to->server->url) + to->path +
           (to->query.empty() ? "" : "?" + to->query);
  }

  std::multimap<std::string, std::string> headers_;
  std::vector<std::pair<std::string, std::string>> metadata_;
};

TEST_F(RewriteTest, CapturesOfPathAndQuery) {
  const RewriteRule rule = RuleTo("^/widgets/(\\w+)/(\\w+)", "/svc?a=$1&b=$2");
  EXPECT_EQ(Ask(rule, "/widgets/x/y/z"), "/svc?a=x&b=y");
  EXPECT_EQ(Ask(rule, "/widgets/x"), "-") << "no match: as it came";
  EXPECT_EQ(Ask(RuleTo("^/old(.*)$", "/new$1"), "/old/a", "k=v"), "/new/a?k=v");
  EXPECT_EQ(Ask(RuleTo("(a)|(b)", "/$1/$2"), "/b"), "//b") << "a group that took no part is empty";
  EXPECT_EQ(Ask(RuleTo("/x", "https://other.example:8443/y"), "/x"),
            "https://other.example:8443/y");
}

TEST_F(RewriteTest, AnyAndAll) {
  const std::vector<RewriteCondition> both = {When(Source::kHeader, "x-a", "^1$"),
                                              When(Source::kQuery, "q", "^2$")};
  RewriteRule any = RuleTo("", "/base"), all = RuleTo("", "/base");
  any.triggers = {Trigger(true, both, "/hit")};
  all.triggers = {Trigger(false, both, "/hit")};
  EXPECT_EQ(Ask(any, "/x"), "/base");
  headers_.emplace("x-a", "1");
  EXPECT_EQ(Ask(any, "/x"), "/hit");
  EXPECT_EQ(Ask(all, "/x"), "/base");
  EXPECT_EQ(Ask(all, "/x", "q=3&q=2"), "/hit") << "one of several values is enough";
}

TEST_F(RewriteTest, TheFirstTriggerThatHolds) {
  RewriteRule rule = RuleTo("", "/base");
  rule.triggers = {Trigger(true, {When(Source::kPathPart, "p", "^v[12]$")}, "/one/{trigger:p}"),
                   Trigger(true, {When(Source::kPathPart, "p", "^v(.)$")}, "/two/{trigger:p:1}")};
  EXPECT_EQ(Ask(rule, "/a/v2/b"), "/one/v2");
  EXPECT_EQ(Ask(rule, "/a/v3/b"), "/two/3");
  EXPECT_EQ(Ask(rule, "/a/w3/b"), "/base");
}

TEST_F(RewriteTest, ReverseHoldsWhereNothingMatches) {
  RewriteRule rule = RuleTo("", nullptr);
  rule.triggers = {Trigger(false, {When(Source::kHeader, "x-beta", ".", true)}, "/stable")};
  EXPECT_EQ(Ask(rule, "/x"), "/stable");
  headers_.emplace("x-beta", "yes");
  EXPECT_EQ(Ask(rule, "/x"), "-") << "no target of its own: only triggers rewrite";
}

TEST_F(RewriteTest, MetadataAndHeadersStayOnePiece) {
  metadata_ = {{"tenant", "a/../b?x=1"}};
  headers_.emplace("x-user", "u&admin=1");
  EXPECT_EQ(Ask(RuleTo("", "/t/{meta:tenant}?u={header:X-User}&none={header:x-none}"), "/x"),
            "/t/a%2F..%2Fb%3Fx%3D1?u=u%26admin%3D1&none=");
  RewriteRule rule = RuleTo("", nullptr);
  rule.triggers = {
      Trigger(true, {When(Source::kMetadata, "tenant", "^(.)")}, "/{trigger:tenant:1}")};
  EXPECT_EQ(Ask(rule, "/x"), "/a");
  metadata_.clear();
  EXPECT_EQ(Ask(rule, "/x"), "-");
}

TEST(Endpoint, OfEachKindTheFirstThatMatches) {
  std::vector<Endpoint> endpoints(4);
  endpoints[0].rule = CompilePathRule("^/a", {"POST"}, false);
  endpoints[0].method = "PUT";
  endpoints[1].rule = CompilePathRule("^/a/b", {}, false);
  endpoints[1].max_body_bytes = 10;
  endpoints[1].request_headers.set = {{"X-A", "1"}};
  endpoints[2].rule = CompilePathRule("^/a", {}, false);
  endpoints[2].max_body_bytes = 20;
  endpoints[2].method = "PATCH";
  endpoints[2].timeout = absl::Seconds(1);
  endpoints[3].rule = CompilePathRule("(", {}, false);  // does not compile: nothing
  endpoints[3].method = "DELETE";

  const EndpointChanges post = ChangesFor(endpoints, "POST", "/a/b");
  EXPECT_EQ(*post.method, "PUT");
  EXPECT_EQ(post.max_body_bytes, 10);
  EXPECT_EQ(post.request_headers, &endpoints[1].request_headers);
  EXPECT_EQ(post.timeout, absl::Seconds(1));
  const EndpointChanges get = ChangesFor(endpoints, "GET", "/a");
  EXPECT_EQ(*get.method, "PATCH");
  EXPECT_EQ(get.max_body_bytes, 20);
  EXPECT_EQ(get.request_headers, nullptr);
  EXPECT_EQ(ChangesFor(endpoints, "HEAD", "/a").method, nullptr) << "its answer has no body";
  EXPECT_EQ(ChangesFor(endpoints, "GET", "/x").method, nullptr);
}

}  // namespace
}  // namespace sallyport::dataplane
