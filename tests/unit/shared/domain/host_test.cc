#include "shared/domain/host.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sallyport::domain {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* text;
  const char* name;
  bool is_ip;
};

TEST(Host, Normalises) {
  const Case cases[] = {
      {"example.com", "example.com", false},
      {"EXAMPLE.Com", "example.com", false},
      {"example.com.", "example.com", false},
      {"a_b-c.Example", "a_b-c.example", false},
      {"localhost", "localhost", false},
      {"123.example", "123.example", false},
      {"192.0.2.1", "192.0.2.1", true},
      {"::1", "::1", true},
      {"[::1]", "::1", true},
      {"[2001:DB8:0:0:0:0:0:1]", "2001:db8::1", true},
      {"2001:db8::0:1", "2001:db8::1", true},
      {"bücher.example", "xn--bcher-kva.example", false},
      {"BÜCHER.example", "xn--bcher-kva.example", false},
      {"xn--BCHER-kva.example", "xn--bcher-kva.example", false},
      {"faß.example", "xn--fa-hia.example", false},
      {"\xE4\xBE\x8B\xE3\x80\x82\xE4\xBE\x8B", "xn--fsq.xn--fsq", false},  // ideographic full stop
      {"\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x97.0.0.1", "127.0.0.1", true},   // full-width digits
  };
  for (const Case& c : cases) {
    const auto host = ParseHost(c.text);
    ASSERT_TRUE(host.ok()) << c.text << ": " << host.status();
    EXPECT_EQ(host->name, c.name) << c.text;
    EXPECT_EQ(host->is_ip, c.is_ip) << c.text;
    const auto again = ParseHost(host->name);
    ASSERT_TRUE(again.ok()) << host->name;
    EXPECT_EQ(*again, *host) << "normalising twice changes nothing";
  }
}

TEST(Host, Refuses) {
  const std::string long_label(64, 'a');
  std::string long_name;
  for (int i = 0; i < 64; ++i) long_name += "abc.";
  const std::string cases[] = {"",
                               ".",
                               "..",
                               "a..b",
                               ".a",
                               "a b",
                               "a/b",
                               "a\tb",
                               "a@b",
                               "*",
                               "[::1",
                               "::1]",
                               "[]",
                               "[1.2.3.4]",
                               "::g",
                               "fe80::1%eth0",
                               "[fe80::1%1]",
                               "1.2.3",
                               "1.2.3.256",
                               "01.2.3.4",
                               "0x7f.1",
                               "a.0x7f",
                               "2130706433",
                               "host.123",
                               long_label,
                               long_name,
                               std::string("a\0b", 3),
                               "\xff\xfe.example",
                               std::string("b\xC3\xBC\0x", 5)};
  for (const std::string& text : cases) EXPECT_FALSE(ParseHost(text).ok()) << text;
}

TEST(HostPort, Splits) {
  const struct {
    const char* text;
    const char* host;
    int port;
  } cases[] = {{"h", "h", 0},
               {"h:1", "h", 1},
               {"h:65535", "h", 65535},
               {"[::1]", "::1", 0},
               {"[::1]:8443", "::1", 8443},
               {"::1", "::1", 0},
               {"192.0.2.1:80", "192.0.2.1", 80}};
  for (const auto& c : cases) {
    const auto parsed = ParseHostPort(c.text);
    ASSERT_TRUE(parsed.ok()) << c.text << ": " << parsed.status();
    EXPECT_EQ(parsed->host.name, c.host);
    EXPECT_EQ(parsed->port, c.port);
  }
}

TEST(HostPort, Refuses) {
  for (const char* text : {"h:", "h:0", "h:65536", "h:x", "h:-1", "h:+1", "h: 1", "h:080", ":80",
                           "[::1]:", "[::1]x", "[::1]80", "h:1:2", ""}) {
    EXPECT_FALSE(ParseHostPort(text).ok()) << text;
  }
}

TEST(Host, KnowsNormalNames) {
  for (const char* text : {"a", "a.b", "a-b_c.1x", "xn--bcher-kva.example"})
    EXPECT_TRUE(IsNormalName(text)) << text;
  for (const char* text :
       {"", "A", "a.", ".a", "a..b", "1.2.3.4", "::1", "a.1", "ü", "a b", "*.a"}) {
    EXPECT_FALSE(IsNormalName(text)) << text;
  }
}

}  // namespace
}  // namespace sallyport::domain
