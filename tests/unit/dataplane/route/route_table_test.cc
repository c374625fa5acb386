#include "dataplane/route/route_table.h"

#include <ctime>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

struct Spec {
  std::string id;
  std::vector<std::string> hosts;
  std::string listen = "/";
  bool loose = false;
  uint16_t port = 0;
  bool dynamic = false;
  bool announce = false;
  std::vector<std::string> ca_names = {};
};

RoutePtr Make(const Spec& spec) {
  Route route;
  route.api_id = spec.id;
  route.hosts = spec.hosts;
  route.listen_path = spec.listen;
  route.loose_prefix = spec.loose;
  route.listen_port = spec.port;
  route.dynamic_mtls = spec.dynamic;
  route.announce_client_cas = spec.announce;
  route.client_ca_names = spec.ca_names;
  return std::make_shared<const Route>(std::move(route));
}

RouteTablePtr Table(const std::vector<Spec>& specs, std::vector<uint16_t> default_ports = {}) {
  std::vector<RoutePtr> routes;
  for (const Spec& spec : specs) routes.push_back(Make(spec));
  return RouteTable::Empty(std::move(default_ports))->With(routes, {});
}

std::string Found(const RouteTable& table, absl::string_view host, absl::string_view path,
                  uint16_t port = 0) {
  const RoutePtr* route = table.Find(port, host, path);
  return route == nullptr ? "" : (*route)->api_id;
}

RoutePtr Stream(const std::string& id, uint16_t port, ApiProtocol protocol,
                std::vector<std::string> hosts = {}, bool proxied = false) {
  Route route;
  route.api_id = id;
  route.hosts = std::move(hosts);
  route.listen_port = port;
  route.protocol = protocol;
  route.proxy_protocol = proxied;
  route.static_mtls = protocol == ApiProtocol::kTls ? Requirement::kMandatory : Requirement::kOff;
  return std::make_shared<const Route>(std::move(route));
}

TEST(RouteTable, StreamsAndHttpNeverFindEachOther) {
  const auto table = RouteTable::Empty({8443})->With(
      {Stream("db", 5432, ApiProtocol::kTls, {"db.example.com"}),
       Stream("any", 5432, ApiProtocol::kTls), Stream("raw", 8443, ApiProtocol::kTcp),
       Make({"http", {}, "/", false, 5432})},
      {});
  const auto stream = [&](uint16_t port, absl::string_view sni) {
    const RoutePtr* found = table->Find(StreamPlace(port), sni, "/");
    return found == nullptr ? std::string() : (*found)->api_id;
  };
  EXPECT_EQ(stream(5432, "db.example.com"), "db");
  EXPECT_EQ(stream(5432, "other.example.com"), "any");
  EXPECT_EQ(stream(5432, ""), "any");
  EXPECT_EQ(stream(8443, ""), "raw") << "also at the port of a default listener";
  EXPECT_EQ(stream(5433, ""), "");
  EXPECT_EQ(Found(*table, "db.example.com", "/", 5432), "http");
  EXPECT_EQ(Found(*table, "db.example.com", "/"), "");
  EXPECT_EQ(Found(*table, "db.example.com", "/", 8443), "");
  EXPECT_FALSE(table->ClientTls("db.example.com", 5432).request_certificate);
  EXPECT_TRUE(table->ClientTls("db.example.com", StreamPlace(5432)).request_certificate);
  EXPECT_EQ(table->ExtraPorts(), std::vector<uint16_t>{5432});
}

TEST(RouteTable, PortsOfStreamsComeAndGoWithThem) {
  auto table = RouteTable::Empty()->With(
      {Stream("a", 7001, ApiProtocol::kTls, {}, true),
       Stream("b", 7001, ApiProtocol::kTls, {"b.example"}), Stream("c", 7000, ApiProtocol::kTcp)},
      {});
  auto ports = table->StreamPorts();
  ASSERT_EQ(ports.size(), 2u);
  EXPECT_EQ(ports[0].port, 7000);
  EXPECT_EQ(ports[0].tcp, 1);
  EXPECT_EQ(ports[1].port, 7001);
  EXPECT_EQ(ports[1].tls, 2);
  EXPECT_EQ(ports[1].proxied, 1);
  EXPECT_TRUE(table->ExtraPorts().empty());
  table = table->With({Stream("a", 7002, ApiProtocol::kTcp)}, {"c"});
  ports = table->StreamPorts();
  ASSERT_EQ(ports.size(), 2u);
  EXPECT_EQ(ports[0].port, 7001);
  EXPECT_EQ(ports[0].tls, 1);
  EXPECT_EQ(ports[0].proxied, 0);
  EXPECT_EQ(ports[1].port, 7002);
  EXPECT_EQ(ports[1].tcp, 1);
  EXPECT_TRUE(table->With({}, {"a", "b"})->StreamPorts().empty());
}

TEST(ParseTarget, OfStreamsIsAHostAndItsPort) {
  const auto target = ParseTarget("TLS://Db.Example:5432");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->scheme, "tls");
  EXPECT_EQ(target->host, "db.example");
  EXPECT_EQ(target->port, 5432);
  EXPECT_EQ(target->written_port, "5432");
  EXPECT_TRUE(ParseTarget("tcp://[::1]:1").has_value());
  for (const char* bad : {"tcp://db", "tcp://db:0", "tcp://db:1/", "tcp://db:1?x", "tcp://u@db:1",
                          "tcp://", "tls://:1", "udp://db:1"}) {
    EXPECT_FALSE(ParseTarget(bad).has_value()) << bad;
  }
}

TEST(RouteTable, TheStyleThatAllHave) {
  const auto styled = [](const char* id, ErrorStyle style) {
    Route route;
    route.api_id = id;
    route.style = style;
    route.listen_path = std::string("/") + id;
    return std::make_shared<const Route>(std::move(route));
  };
  auto table = RouteTable::Empty();
  EXPECT_EQ(table->CommonStyle(), std::nullopt);
  table = table->With({styled("a", ErrorStyle::kApisix), styled("b", ErrorStyle::kApisix)}, {});
  EXPECT_EQ(table->CommonStyle(), ErrorStyle::kApisix);
  const auto mixed = table->With({styled("a", ErrorStyle::kApk)}, {});
  EXPECT_EQ(mixed->CommonStyle(), std::nullopt);
  EXPECT_EQ(mixed->With({}, {"b"})->CommonStyle(), ErrorStyle::kApk);
  EXPECT_EQ(mixed->With({}, {"a", "b"})->CommonStyle(), std::nullopt);
  EXPECT_EQ(table->With({Stream("tcp", 1, ApiProtocol::kTcp)}, {})->CommonStyle(),
            ErrorStyle::kApisix)
      << "those of no HTTP have no part in it";
}

TEST(RouteTable, HostPrecedence) {
  const auto table = Table({{"any", {}},
                            {"exact", {"api.example.com"}},
                            {"wild", {"*.example.com"}},
                            {"regex", {"{?:a|b}.example.net"}},
                            {"wide", {"{x:.*}.example.com"}}});
  struct Case {
    const char *host, *api;
  } const cases[] = {
      {"api.example.com", "exact"},
      {"b.example.com", "wild"},
      {"b.c.example.com", "wide"},
      {"a.example.net", "regex"},
      {"c.example.net", "any"},
      {"other.org", "any"},
      {"", "any"},
      {"192.0.2.1", "any"},
      {"example.com", "any"},
  };
  for (const Case& c : cases) EXPECT_EQ(Found(*table, c.host, "/x"), c.api) << c.host;
}

TEST(RouteTable, LongestListenPathAtSegmentBorders) {
  const auto table =
      Table({{"root", {}, "/"}, {"a", {}, "/a"}, {"ab", {}, "/a/b/"}, {"abc", {}, "/a/b/c"}});
  struct Case {
    const char *path, *api;
  } const cases[] = {
      {"/", "root"},           {"/a", "a"},       {"/a/", "a"},
      {"/ab", "root"},         {"/a/bc", "a"},    {"/a/b", "ab"},
      {"/a/b/", "ab"},         {"/a/b/x", "ab"},  {"/a/b/c", "abc"},
      {"/a/b/c/d/e/f", "abc"}, {"/a/b/cd", "ab"}, {"/A", "root"},
  };
  for (const Case& c : cases) EXPECT_EQ(Found(*table, "h", c.path), c.api) << c.path;
}

TEST(RouteTable, LoosePrefixMatchesInsideASegment) {
  const auto table =
      Table({{"loose", {}, "/ab", true}, {"strict", {}, "/abc"}, {"slash", {}, "/x/", true}});
  EXPECT_EQ(Found(*table, "", "/ab"), "loose");
  EXPECT_EQ(Found(*table, "", "/abd"), "loose");
  EXPECT_EQ(Found(*table, "", "/abc"), "strict");
  EXPECT_EQ(Found(*table, "", "/abc/d"), "strict");
  EXPECT_EQ(Found(*table, "", "/abcd"), "loose");
  EXPECT_EQ(Found(*table, "", "/a"), "");
  EXPECT_EQ(Found(*table, "", "/x"), "slash");
  EXPECT_EQ(Found(*table, "", "/xy"), "");
}

TEST(RouteTable, FallsToTheNextHostEntry) {
  const auto table = Table({{"exact", {"h.com"}, "/only"}, {"any", {}, "/rest"}});
  EXPECT_EQ(Found(*table, "h.com", "/only"), "exact");
  EXPECT_EQ(Found(*table, "h.com", "/rest"), "any");
  EXPECT_EQ(Found(*table, "h.com", "/none"), "");
  EXPECT_EQ(Found(*table, "g.com", "/only"), "");
}

TEST(RouteTable, PortsAreSeparateWorlds) {
  const auto table =
      Table({{"main", {}, "/"}, {"other", {}, "/", false, 7000}, {"same", {}, "/s", false, 8443}},
            {8443});
  EXPECT_EQ(Found(*table, "", "/x", 8443), "main");
  EXPECT_EQ(Found(*table, "", "/x", 0), "main");
  EXPECT_EQ(Found(*table, "", "/s", 8443), "same");
  EXPECT_EQ(Found(*table, "", "/x", 7000), "other");
  EXPECT_EQ(Found(*table, "", "/x", 7001), "");
  EXPECT_EQ(table->ExtraPorts(), std::vector<uint16_t>{7000});
  EXPECT_TRUE(table->With({}, {"other"})->ExtraPorts().empty());
}

TEST(RouteTable, ChangesDoNotTouchTheOldTable) {
  const auto before = Table({{"a", {}, "/a"}, {"b", {}, "/b"}});
  const auto after = before->With({Make({"a", {}, "/new"})}, {"b", "unknown"});
  EXPECT_EQ(Found(*before, "", "/a"), "a");
  EXPECT_EQ(Found(*before, "", "/b"), "b");
  EXPECT_EQ(Found(*after, "", "/a"), "");
  EXPECT_EQ(Found(*after, "", "/new"), "a");
  EXPECT_EQ(Found(*after, "", "/b"), "");
  EXPECT_EQ(after->size(), 1u);
  EXPECT_EQ(after->FindApi("b"), nullptr);
  EXPECT_NE(before->FindApi("b"), nullptr);
}

TEST(RouteTable, TheSamePathTwiceIsServedByTheFirstId) {
  const auto table = Table({{"z", {"h"}, "/p"}, {"m", {"h"}, "/p/"}});
  EXPECT_EQ(Found(*table, "h", "/p"), "m");
  EXPECT_EQ(Found(*table->With({}, {"m"}), "h", "/p"), "z");
}

TEST(RouteTable, ClientCertificateOnlyWhereAnApiCanUseOne) {
  const auto table = Table({{"open", {"open.com"}},
                            {"dyn", {"dyn.com"}, "/", false, 0, true},
                            {"wild", {"*.x.com"}, "/", false, 0, true},
                            {"port", {"open.com"}, "/", false, 7000, true}});
  EXPECT_FALSE(table->ClientTls("open.com", 0).request_certificate);
  EXPECT_TRUE(table->ClientTls("dyn.com", 0).request_certificate);
  EXPECT_TRUE(table->ClientTls("a.x.com", 0).request_certificate);
  EXPECT_FALSE(table->ClientTls("a.b.x.com", 0).request_certificate);
  EXPECT_FALSE(table->ClientTls("", 0).request_certificate);
  EXPECT_TRUE(table->ClientTls("open.com", 7000).request_certificate);
  EXPECT_EQ(table->ClientTls("a.x.com", 0).entry, "*.x.com");
  EXPECT_EQ(table->ClientTls("nobody.org", 0).entry, "");
  // The order in which APIs come decides nothing (reference tyk.md Q9).
  EXPECT_NE(table->ClientTlsVersion("open.com", 0), table->ClientTlsVersion("dyn.com", 0));
  EXPECT_EQ(table->ClientTlsVersion("a.x.com", 0), table->ClientTlsVersion("dyn.com", 0));
}

TEST(RouteTable, AnApiWithoutHostIsReachableByEverySni) {
  const auto table = Table({{"open", {"open.com"}, "/o"}, {"dyn", {}, "/d", false, 0, true}});
  EXPECT_TRUE(table->ClientTls("open.com", 0).request_certificate);
  EXPECT_TRUE(table->ClientTls("", 0).request_certificate);
  EXPECT_FALSE(table->With({}, {"dyn"})->ClientTls("open.com", 0).request_certificate);
}

TEST(RouteTable, RegexDomainsAskForCertificates) {  // reference tyk.md Q29
  const auto table = Table({{"r", {"{?:a|b}.com"}, "/", false, 0, true}});
  EXPECT_TRUE(table->ClientTls("a.com", 0).request_certificate);
  EXPECT_FALSE(table->ClientTls("c.com", 0).request_certificate);
}

TEST(RouteTable, NamesAreAnnouncedOnlyWhenNobodyThereTakesOthers) {
  const Spec quiet{"q", {"h"}, "/q", false, 0, true};
  const Spec loud{"l", {"h"}, "/l", false, 0, true, true, {"CA1", "CA2"}};
  const Spec loud2{"m", {"h"}, "/m", false, 0, true, true, {"CA2", "CA3"}};
  EXPECT_EQ(Table({loud, loud2})->ClientTls("h", 0).announce,
            (std::vector<std::string>{"CA1", "CA2", "CA3"}));
  EXPECT_TRUE(Table({loud, quiet})->ClientTls("h", 0).announce.empty());
  EXPECT_TRUE(Table({loud})->ClientTls("other", 0).announce.empty());
  const auto table = Table({loud});
  EXPECT_EQ(table->ClientTlsVersion("h", 0), table->ClientTls("h", 0).version);
  EXPECT_NE(table->ClientTlsVersion("h", 0), Table({loud, loud2})->ClientTlsVersion("h", 0));
}

std::string FoundWith(HostMemo* memo, const RouteTable& table, absl::string_view host,
                      absl::string_view path, uint16_t port = 0) {
  const RoutePtr* route = table.Find(port, host, path, memo);
  return route == nullptr ? "" : (*route)->api_id;
}

TEST(HostMemo, IsOfOneTablePortAndHost) {
  const auto first = Table({{"a", {"a.com"}},
                            {"b", {"b.com"}},
                            {"wild", {"*.x.com"}},
                            {"other", {"a.com"}, "/", false, 7000}});
  const auto second = first->With({Make({"new", {"a.com"}, "/new"})}, {"a"});
  HostMemo memo;
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(FoundWith(&memo, *first, "a.com", "/new"), "a");
    EXPECT_EQ(FoundWith(&memo, *first, "a.com", "/x"), "a") << "another path";
    EXPECT_EQ(FoundWith(&memo, *second, "a.com", "/new"), "new");
    EXPECT_EQ(FoundWith(&memo, *second, "a.com", "/x"), "") << "taken out";
    EXPECT_EQ(FoundWith(&memo, *first, "b.com", "/x"), "b");
    EXPECT_EQ(FoundWith(&memo, *first, "b.co", "/x"), "");
    EXPECT_EQ(FoundWith(&memo, *first, "", "/x"), "");
    EXPECT_EQ(FoundWith(&memo, *first, "1.x.com", "/x"), "wild");
    EXPECT_EQ(FoundWith(&memo, *first, "x.com", "/x"), "");
    EXPECT_EQ(FoundWith(&memo, *first, "a.com", "/x"), "a");
    EXPECT_EQ(FoundWith(&memo, *first, "a.com", "/x", 7000), "other");
    EXPECT_EQ(FoundWith(&memo, *first, "b.com", "/x", 7000), "");
  }
}

TEST(HostMemo, OutlivesItsTable) {
  HostMemo memo;
  for (int i = 0; i < 100; ++i) {  // each as likely as not at the place of the one before
    const auto table = Table({{absl::StrCat("api", i), {"h"}, "/", false, 0, i % 2 == 0}});
    EXPECT_EQ(FoundWith(&memo, *table, "h", "/"), absl::StrCat("api", i));
    EXPECT_EQ(table->ClientTlsVersion("h", 0, &memo), table->ClientTls("h", 0).version);
  }
}

TEST(HostMemo, ClientTlsVersionFollowsEveryChange) {
  const Spec open{"o", {"h"}, "/o"};
  const Spec loud{"l", {"h"}, "/l", false, 0, true, true, {"CA1"}};
  const auto before = Table({open}), with = before->With({Make(loud)}, {}),
             after = with->With({}, {"l"});
  HostMemo memo;
  for (int round = 0; round < 2; ++round) {
    for (const auto& table : {before, with, after}) {
      EXPECT_EQ(FoundWith(&memo, *table, "h", "/o"), "o");
      EXPECT_EQ(table->ClientTlsVersion("h", 0, &memo), table->ClientTls("h", 0).version);
      EXPECT_EQ(table->ClientTlsVersion("other", 0, &memo), table->ClientTls("other", 0).version);
      EXPECT_EQ(table->ClientTlsVersion("h", 7, &memo), table->ClientTls("h", 7).version);
    }
  }
  EXPECT_NE(before->ClientTlsVersion("h", 0, &memo), with->ClientTlsVersion("h", 0, &memo));
  EXPECT_EQ(before->ClientTlsVersion("h", 0, &memo), after->ClientTlsVersion("h", 0, &memo));
}

TEST(RouteTable, OneChangeAmongTenThousandIsCheap) {
  std::vector<Spec> specs;
  for (int i = 0; i < 10'000; ++i) {
    specs.push_back({absl::StrCat("api", i), {}, absl::StrCat("/p", i, "/v1")});
    specs.push_back({absl::StrCat("host", i), {absl::StrCat("h", i, ".com")}, "/"});
  }
  RouteTablePtr table = Table(specs);
  EXPECT_EQ(Found(*table, "", "/p777/v1/x"), "api777");
  EXPECT_EQ(Found(*table, "h4321.com", "/p777"), "host4321");
  const std::clock_t start = std::clock();  // of the processor: whoever else has it does not count
  for (int i = 0; i < 100; ++i)
    table = table->With({Make({"api5", {}, absl::StrCat("/n", i)})}, {});
  const std::clock_t took = std::clock() - start;
  EXPECT_EQ(Found(*table, "", "/n99"), "api5");
  // A rebuild takes tens of milliseconds each; this is a bound that noise does not reach.
  EXPECT_LT(took, CLOCKS_PER_SEC);
}

TEST(RouteTable, ManySlashesCostNoMoreThanTheDeepestListenPath) {
  const auto table = Table({{"a", {}, "/a"}});
  std::string path = "/b";
  for (int i = 0; i < 20'000; ++i) path += "/x";
  EXPECT_EQ(Found(*table, "", path), "");
}

}  // namespace
}  // namespace sallyport::dataplane
