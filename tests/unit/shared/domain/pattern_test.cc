#include "shared/domain/pattern.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sallyport::domain {
namespace {

using ::testing::HasSubstr;
using PatternKind = Pattern::Kind;

TEST(Pattern, Accepts) {
  const struct {
    const char* key;
    PatternKind kind;
    const char* name;
    int port;
    const char* written;
  } cases[] = {
      {"*", PatternKind::kDefault, "*", 0, "*"},
      {"Example.COM", PatternKind::kHost, "example.com", 0, "example.com"},
      {"example.com.:443", PatternKind::kHost, "example.com", 443, "example.com:443"},
      {"*.Example.com", PatternKind::kWildcard, "*.example.com", 0, "*.example.com"},
      {"api.*.Example.com:8443", PatternKind::kWildcard, "api.*.example.com", 8443,
       "api.*.example.com:8443"},
      {"*.*.c", PatternKind::kWildcard, "*.*.c", 0, "*.*.c"},
      {"a.b.*", PatternKind::kWildcard, "a.b.*", 0, "a.b.*"},
      {"1.*.c", PatternKind::kWildcard, "1.*.c", 0, "1.*.c"},
      {"*.bücher.example.", PatternKind::kWildcard, "*.xn--bcher-kva.example", 0,
       "*.xn--bcher-kva.example"},
      {"[::1]:8443", PatternKind::kHost, "::1", 8443, "[::1]:8443"},
      {"::1", PatternKind::kHost, "::1", 0, "::1"},
      {"10.0.0.1:80", PatternKind::kHost, "10.0.0.1", 80, "10.0.0.1:80"},
  };
  for (const auto& c : cases) {
    const auto pattern = ParsePattern(c.key);
    ASSERT_TRUE(pattern.ok()) << c.key << ": " << pattern.status();
    EXPECT_EQ(pattern->kind, c.kind) << c.key;
    EXPECT_EQ(pattern->name, c.name);
    EXPECT_EQ(pattern->port, c.port);
    EXPECT_EQ(pattern->ToString(), c.written);
    const auto again = ParsePattern(c.written);
    ASSERT_TRUE(again.ok()) << c.written;
    EXPECT_EQ(*again, *pattern);
  }
}

TEST(Pattern, RefusalsSayWhatToWrite) {
  const struct {
    const char* key;
    const char* says;
  } cases[] = {
      {"", "write \"*\" for the default"},
      {"https://api.example.com", "has a scheme: write \"api.example.com\""},
      {"https://api.example.com:8443/x?y", "has a scheme: write \"api.example.com:8443\""},
      {"HTTP://user:pw@h/x", "write \"h\""},
      {"api.example.com/path", "write \"api.example.com\""},
      {"api.example.com?x", "write \"api.example.com\""},
      {"user@h", "write \"h\""},
      {" example.com", "has a blank: write \"example.com\""},
      {"example .com", "has a blank"},
      {"example.com\n", "has a blank"},
      {"a.com,b.com", "one entry for each"},
      {"api-*.x", "write \"*.x\""},
      {"api-*.x:8443", "write \"*.x:8443\""},
      {"*api.x", "inside a label"},
      {"**.x", "has \"**\""},
      {"**", "has \"**\""},
      {"a.***.x", "write \"a.*.x\""},
      {"*:8443", "write \"*\" for every host, or \"*.example.com:8443\""},
      {"10.0.0.*", "one entry for each address"},
      {"*.0.0.1", "one entry for each address"},
      {"*.x.5", "ends in a number"},
      {"[*]:1", "write the address"},
      {"*.x:0", "no valid port"},
      {"*.x:99999", "no valid port"},
      {"*.x:", "no valid port"},
      {"*..x", "is not a domain"},
      {"h:http", "from 1 to 65535"},
      {"1.2.3", "not an IPv4 address"},
  };
  for (const auto& c : cases) {
    const auto pattern = ParsePattern(c.key);
    ASSERT_FALSE(pattern.ok()) << c.key;
    EXPECT_THAT(std::string(pattern.status().message()), HasSubstr(c.says)) << c.key;
  }
}

TEST(Pattern, SuggestionsForTheMostUsualMistakesAreValid) {
  for (const char* key : {"api.example.com", "api.example.com:8443", "*.x", "*.x:8443", "a.*.x"}) {
    EXPECT_TRUE(ParsePattern(key).ok()) << key;
  }
}

}  // namespace
}  // namespace sallyport::domain
