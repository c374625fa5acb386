#include "shared/domain/domain_map.h"

#include <random>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "shared/domain/host.h"

namespace sallyport::domain {
namespace {

using ::testing::HasSubstr;

// The value of each entry is its own key.
DomainMap<std::string> MapOf(const std::vector<std::string>& keys) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const auto& key : keys) entries.emplace_back(key, key);
  auto map = DomainMap<std::string>::Build(std::move(entries));
  EXPECT_TRUE(map.ok()) << map.status();
  return *std::move(map);
}

std::string Found(const DomainMap<std::string>& map, absl::string_view host, uint16_t port) {
  const auto match = map.Find(host, port);
  return match ? *match.value : "";
}

TEST(DomainMap, Matches) {
  const struct {
    std::vector<std::string> keys;
    const char* host;
    int port;
    const char* expected;
  } cases[] = {
      {{}, "h", 443, ""},
      {{"h"}, "h", 443, "h"},
      {{"h"}, "h", 8443, "h"},  // without port: every port
      {{"h"}, "g", 443, ""},
      {{"h:443"}, "h", 443, "h:443"},  // https://h and https://h:443
      {{"h:443"}, "h", 80, ""},
      {{"h:80"}, "h", 80, "h:80"},  // http://h
      {{"h", "h:443"}, "h", 443, "h:443"},
      {{"h", "h:443"}, "h", 444, "h"},
      {{"H.Example."}, "h.example", 1, "H.Example."},
      {{"*"}, "h", 1, "*"},
      {{"*"}, "::1", 1, "*"},
      {{"*"}, "10.0.0.1", 1, "*"},
      // one label, and exactly one
      {{"*.x"}, "a.x", 1, "*.x"},
      {{"*.x"}, "x", 1, ""},
      {{"*.x"}, "a.b.x", 1, ""},
      {{"*.myservice.com:8443"}, "api.production.myservice.com", 8443, ""},
      {{"*.production.myservice.com:8443"},
       "api.production.myservice.com",
       8443,
       "*.production.myservice.com:8443"},
      {{"api.*.myservice.com:8443"},
       "api.production.myservice.com",
       8443,
       "api.*.myservice.com:8443"},
      {{"api.*.myservice.com:8443"}, "api.production.myservice.com", 8444, ""},
      {{"*.*.c"}, "a.b.c", 1, "*.*.c"},
      {{"a.*"}, "a.b", 1, "a.*"},
      // order
      {{"a.x", "*.x:1"}, "a.x", 1, "a.x"},  // a host without port beats a wildcard with one
      {{"*.x", "*.x:1"}, "a.x", 1, "*.x:1"},
      {{"*.x", "*.x:1"}, "a.x", 2, "*.x"},
      {{"*.b.c", "a.*.c"}, "a.b.c", 1, "a.*.c"},  // the first label decides
      {{"*.b.c", "*.*.c"}, "a.b.c", 1, "*.b.c"},
      {{"*.*.c", "a.*.*"}, "a.b.c", 1, "a.*.*"},
      {{"a.*.*", "a.*.c", "a.b.*"}, "a.b.c", 1, "a.b.*"},
      {{"a.b.*", "*.*.*:7"}, "a.b.c", 7, "*.*.*:7"},  // with port before without
      {{"*", "*.x"}, "a.x", 1, "*.x"},
      {{"*", "*.x"}, "a.y", 1, "*"},
      // a shape that is there for other names does not hide a less specific match
      {{"a.*.c", "*.b.*"}, "z.b.z", 1, "*.b.*"},
      {{"a.b.*:9", "*.b.c"}, "a.b.c", 8, "*.b.c"},
      // addresses
      {{"::1"}, "::1", 8443, "::1"},
      {{"[::1]:8443"}, "::1", 8443, "[::1]:8443"},
      {{"[::1]:8443"}, "::1", 443, ""},
      {{"[0:0:0:0:0:0:0:1]"}, "::1", 1, "[0:0:0:0:0:0:0:1]"},
      {{"10.0.0.1"}, "10.0.0.1", 1, "10.0.0.1"},
      {{"*.*.*.*"}, "10.0.0.1", 1, ""},  // wildcards never match addresses
      {{"*.*.*.*"}, "a.b.c.d", 1, "*.*.*.*"},
      {{"*.x"}, "*.x", 1, "*.x"},  // no host looks like this, and it harms nothing
      {{"*.x"}, "", 1, ""},
      {{"*.x"}, ".x", 1, "*.x"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Found(MapOf(c.keys), c.host, static_cast<uint16_t>(c.port)), c.expected)
        << c.host << ":" << c.port << " with first key " << (c.keys.empty() ? "" : c.keys[0]);
  }
}

TEST(DomainMap, TellsSpecificFromDefault) {
  const auto map = MapOf({"*", "a.x"});
  EXPECT_FALSE(map.Find("a.x", 1).is_default);
  EXPECT_TRUE(map.Find("b.x", 1).is_default);
  EXPECT_EQ(map.Find("b.x", 1).key, "*");
  EXPECT_FALSE(map.FindSpecific("b.x", 1));
  EXPECT_TRUE(map.FindDefault());
  EXPECT_FALSE(MapOf({"a.x"}).FindDefault());
}

TEST(DomainMap, SurvivesCopyAndMove) {
  auto map = MapOf({"*.x", "h"});
  const DomainMap<std::string> copy = map;  // NOLINT(performance-unnecessary-copy-initialization)
  const DomainMap<std::string> moved = std::move(map);
  EXPECT_EQ(Found(copy, "a.x", 1), "*.x");
  EXPECT_EQ(Found(moved, "h", 1), "h");
}

TEST(DomainMap, RefusesTwoKeysThatMeanTheSame) {
  const std::vector<std::pair<const char*, const char*>> pairs = {
      {"a.x", "A.x"},
      {"a.x", "a.x."},
      {"a.x:1", "A.x:1"},
      {"*.x", "*.X"},
      {"*.x:1", "*.x.:1"},
      {"::1", "[::1]"},
      {"bücher.example", "xn--bcher-kva.example"}};
  for (const auto& [a, b] : pairs) {
    const auto map = DomainMap<int>::Build({{a, 1}, {b, 2}});
    ASSERT_FALSE(map.ok()) << a << " " << b;
    EXPECT_THAT(std::string(map.status().message()), HasSubstr("is there twice")) << a;
    EXPECT_THAT(std::string(map.status().message()), HasSubstr(b));
  }
  EXPECT_TRUE(DomainMap<int>::Build({{"a.x", 1}, {"a.x:1", 2}, {"*.x", 3}, {"*", 4}}).ok());
}

// What DESIGN 7 says, written as a walk over all entries.
std::string Slow(const std::vector<std::string>& keys, absl::string_view host, uint16_t port) {
  const std::vector<std::string> labels = absl::StrSplit(host, '.');
  std::string best_key;
  std::string best_rank;
  for (const auto& key : keys) {
    const auto pattern = ParsePattern(key);
    if (!pattern.ok() || pattern->kind == Pattern::Kind::kDefault) continue;
    if (pattern->port != 0 && pattern->port != port) continue;
    const std::vector<std::string> parts = absl::StrSplit(pattern->name, '.');
    if (parts.size() != labels.size()) continue;
    std::string rank = pattern->kind == Pattern::Kind::kHost ? "0" : "1";
    rank += pattern->port != 0 ? "0" : "1";
    bool match = true;
    for (size_t i = 0; i < parts.size() && match; ++i) {
      match = parts[i] == "*" || parts[i] == labels[i];
      rank += parts[i] == "*" ? "1" : "0";
    }
    if (match && (best_key.empty() || rank < best_rank)) {
      best_rank = rank;
      best_key = key;
    }
  }
  return best_key;
}

TEST(DomainMap, AgreesWithAWalkOverAllEntries) {
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same cases every time
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  const char* const literals[] = {"a", "b", "c"};
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> keys;
    absl::flat_hash_map<std::string, bool> seen;
    for (int i = 0; i < 12; ++i) {
      std::string key;
      for (int labels = 2 + pick(2), j = 0; j < labels; ++j) {
        key += j > 0 ? "." : "";
        key += pick(2) == 0 ? "*" : literals[pick(3)];
      }
      if (pick(3) == 0) key += pick(2) == 0 ? ":443" : ":80";
      if (seen.emplace(key, true).second) keys.push_back(key);
    }
    const auto map = MapOf(keys);
    for (int i = 0; i < 40; ++i) {
      std::string host;
      for (int labels = 2 + pick(2), j = 0; j < labels; ++j) {
        host += j > 0 ? "." : "";
        host += literals[pick(3)];
      }
      const auto port = static_cast<uint16_t>(pick(2) == 0 ? 443 : 81);
      EXPECT_EQ(Found(map, host, port), Slow(keys, host, port)) << host << ":" << port;
    }
  }
}

}  // namespace
}  // namespace sallyport::domain
