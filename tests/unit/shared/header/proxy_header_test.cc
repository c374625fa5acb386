#include "shared/header/proxy_header.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace sallyport::header {
namespace {

using Kind = ProxyHeader::Kind;

std::string Binary(uint8_t command, uint8_t family, const std::string& rest) {
  std::string bytes("\r\n\r\n\0\r\nQUIT\n", 12);
  bytes += {static_cast<char>(command), static_cast<char>(family),
            static_cast<char>(rest.size() >> 8), static_cast<char>(rest.size() & 0xff)};
  return bytes + rest;
}

const std::string& Tcp4() {
  static const std::string bytes =
      Binary(0x21, 0x11, std::string("\xC0\x00\x02\x01\x7F\x00\x00\x01\x30\x39\x01\xBB", 12));
  return bytes;
}

std::string Tcp6(std::string source) {
  return Binary(0x21, 0x21, source + std::string(16, '\1') + std::string(4, '\2'));
}

TEST(ProxyHeader, TheClientOfALine) {
  for (const auto& [line, source] :
       {std::pair("PROXY TCP4 192.0.2.1 127.0.0.1 12345 443\r\n", "192.0.2.1"),
        std::pair("PROXY TCP6 2001:DB8:0::1 ::1 0 65535\r\n", "2001:db8::1"),
        std::pair("PROXY TCP6 ::ffff:192.0.2.9 ::1 1 2\r\n", "192.0.2.9"),
        std::pair("PROXY UNKNOWN\r\n", ""),
        std::pair("PROXY UNKNOWN ffff:f...f:ffff 1 2\r\n", "")}) {
    const ProxyHeader header = ParseProxyHeader(absl::StrCat(line, "\x16\x03\x01"));
    ASSERT_EQ(header.kind, Kind::kDone) << line << header.problem;
    EXPECT_EQ(header.source, source);
    EXPECT_EQ(header.size, std::string(line).size());
  }
}

TEST(ProxyHeader, TheClientOfABinaryOne) {
  ProxyHeader header = ParseProxyHeader(Tcp4() + "rest");
  ASSERT_EQ(header.kind, Kind::kDone);
  EXPECT_EQ(header.source, "192.0.2.1");
  EXPECT_EQ(header.size, 28u);
  header =
      ParseProxyHeader(Tcp6(std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x07"));
  EXPECT_EQ(header.source, "2001:db8::7");
  EXPECT_EQ(header.size, 52u);
  header =
      ParseProxyHeader(Tcp6(std::string(10, '\0') + "\xff\xff\xC0" + std::string("\0\x02\x05", 3)));
  EXPECT_EQ(header.source, "192.0.2.5") << "IPv4 in IPv6";
}

TEST(ProxyHeader, WhatIsSaidBesideTheAddressesIsPassedOver) {
  const std::string tlv = std::string("\x02\x00\x05", 3) + "admin";
  const ProxyHeader header = ParseProxyHeader(Binary(0x21, 0x11, Tcp4().substr(16) + tlv) + "GET");
  ASSERT_EQ(header.kind, Kind::kDone);
  EXPECT_EQ(header.source, "192.0.2.1");
  EXPECT_EQ(header.size, 28u + 8u);
}

TEST(ProxyHeader, WhoSpeaksForItselfAnnouncesNobody) {
  for (const std::string& bytes :
       {Binary(0x20, 0x00, ""), Binary(0x20, 0x11, Tcp4().substr(16)), Binary(0x21, 0x00, ""),
        Binary(0x20, 0x31, std::string(216, 'x'))}) {
    const ProxyHeader header = ParseProxyHeader(bytes);
    ASSERT_EQ(header.kind, Kind::kDone);
    EXPECT_EQ(header.source, "");
    EXPECT_EQ(header.size, bytes.size());
  }
}

TEST(ProxyHeader, EveryPrefixWantsMore) {
  for (const std::string& whole :
       {std::string("PROXY TCP4 192.0.2.1 127.0.0.1 12345 443\r\n"), Tcp4(),
        Tcp6(std::string(16, '\3')), Binary(0x20, 0x00, std::string(2048, 'x'))}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(ParseProxyHeader(whole.substr(0, size)).kind, Kind::kMore) << size;
    }
    EXPECT_EQ(ParseProxyHeader(whole).kind, Kind::kDone);
  }
}

TEST(ProxyHeader, NothingElseIsTaken) {
  const std::string long_line = "PROXY UNKNOWN " + std::string(200, 'x');
  for (const std::string& bytes : {std::string("G"),
                                   std::string("GET / HTTP/1.1\r\n"),
                                   std::string("\x16\x03\x01", 3),
                                   std::string("proxy TCP4 "),
                                   std::string("PROXY  TCP4 192.0.2.1 127.0.0.1 1 2\r\n"),
                                   std::string("PROXY TCP4 192.0.2.1 127.0.0.1 1 2\n"),
                                   std::string("PROXY TCP4 192.0.2.1 127.0.0.1 1\r\n"),
                                   std::string("PROXY TCP4 192.0.2.1 127.0.0.1 1 2 3\r\n"),
                                   std::string("PROXY TCP4 192.0.2.1 127.0.0.1 1 65536\r\n"),
                                   std::string("PROXY TCP4 192.0.2.1 127.0.0.1 01 2\r\n"),
                                   std::string("PROXY TCP4 192.0.2.1 127.0.0.1 -1 2\r\n"),
                                   std::string("PROXY TCP4 192.0.2.256 127.0.0.1 1 2\r\n"),
                                   std::string("PROXY TCP4 2001:db8::1 ::1 1 2\r\n"),
                                   std::string("PROXY TCP6 192.0.2.1 127.0.0.1 1 2\r\n"),
                                   std::string("PROXY TCP4 192.0.2.1\0 127.0.0.1 1 2\r\n", 37),
                                   std::string("PROXY UDP4 192.0.2.1 127.0.0.1 1 2\r\n"),
                                   std::string("PROXY UNKNOWNX\r\n"),
                                   std::string("PROXY \r\n"),
                                   long_line,
                                   long_line + "\r\n",
                                   Binary(0x11, 0x11, Tcp4().substr(16)),
                                   Binary(0x22, 0x11, Tcp4().substr(16)),
                                   Binary(0x21, 0x12, Tcp4().substr(16)),
                                   Binary(0x21, 0x31, std::string(216, 'x')),
                                   Binary(0x21, 0x11, std::string(11, 'x')),
                                   Binary(0x21, 0x21, std::string(35, 'x')),
                                   Binary(0x20, 0x00, std::string(2049, 'x')),
                                   std::string("\r\n\r\n\0\r\nQUIT\r", 12)}) {
    const ProxyHeader header = ParseProxyHeader(bytes);
    EXPECT_EQ(header.kind, Kind::kBad) << bytes;
    EXPECT_NE(header.problem, nullptr);
  }
}

}  // namespace
}  // namespace sallyport::header
