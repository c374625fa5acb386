#include "shared/domain/host_pattern.h"

#include "gtest/gtest.h"

namespace sallyport::domain {
namespace {

using Kind = HostPattern::Kind;

TEST(HostPattern, Matches) {
  const struct {
    const char* pattern;
    Kind kind;
    const char* host;
    bool matches;
  } cases[] = {
      {"", Kind::kAny, "anything", true},
      {"*", Kind::kAny, "anything", true},
      {"API.Example.com", Kind::kExact, "api.example.com", true},
      {"api.example.com", Kind::kExact, "apixexample.com", false},
      {"::1", Kind::kExact, "::1", true},
      {"*.example.com", Kind::kWildcard, "a.example.com", true},
      {"*.example.com", Kind::kWildcard, "a.b.example.com", false},
      {"*.example.com", Kind::kWildcard, "example.com", false},
      {"*.example.com", Kind::kWildcard, ".example.com", false},
      {"{?:a|b}", Kind::kRegex, "a", true},
      {"{?:a|b}", Kind::kRegex, "b", true},
      {"{?:a|b}", Kind::kRegex, "ab", false},
      {"{?:a|b}.example.com", Kind::kRegex, "b.example.com", true},
      {"{?:a|b}.example.com", Kind::kRegex, "b.exampleXcom", false},
      {"{?:a|b}.example.com", Kind::kRegex, "a.example.com.evil", false},
      {"{name:[a-z]{2}}.X", Kind::kRegex, "de.x", true},
      {"{name:[a-z]{2}}.x", Kind::kRegex, "deu.x", false},
      {"{name}.x", Kind::kRegex, "any-label.x", true},
      {"{name}.x", Kind::kRegex, "two.labels.x", false},
  };
  for (const auto& c : cases) {
    const auto pattern = HostPattern::Parse(c.pattern);
    ASSERT_TRUE(pattern.ok()) << c.pattern << ": " << pattern.status();
    EXPECT_EQ(pattern->kind(), c.kind) << c.pattern;
    EXPECT_EQ(pattern->Matches(c.host, false), c.matches) << c.pattern << " " << c.host;
  }
}

TEST(HostPattern, WildcardNeverMatchesAnAddress) {
  const auto pattern = HostPattern::Parse("*.x");
  ASSERT_TRUE(pattern.ok());
  EXPECT_FALSE(pattern->Matches("a.x", true));
}

TEST(HostPattern, Refuses) {
  for (const char* text : {"h:443", "a.*.x", "*.*.x", "a-*.x", "https://h", "h/x", "{a", "a}",
                           "{a:}", "{a:[}.x", "{a:x}}", "{x:(?<=y)}", "{}", "{:a}.x"}) {
    EXPECT_FALSE(HostPattern::Parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace sallyport::domain
