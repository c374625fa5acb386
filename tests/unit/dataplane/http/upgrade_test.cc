#include "dataplane/http/upgrade.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "dataplane/http/head_parser.h"

namespace sallyport::dataplane {
namespace {

using Kind = ParseOutcome::Kind;

// Of RFC 6455 1.3.
constexpr absl::string_view kKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
constexpr absl::string_view kAccept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

std::unique_ptr<RequestHead> ParseRequest(const std::string& text) {
  auto head = std::make_unique<RequestHead>();
  RequestParser parser;
  const ParseOutcome outcome = parser.Parse(text, head.get());
  EXPECT_EQ(outcome.kind, Kind::kDone) << outcome.detail;
  return head;
}

std::string AskedFor(const std::string& line, absl::string_view fields) {
  return std::string(ParseRequest(absl::StrCat(line, "\r\nHost: h\r\n", fields, "\r\n"))->upgrade);
}

TEST(Upgrade, IsAskedForAsAWhole) {
  const std::string get = "GET / HTTP/1.1";
  EXPECT_EQ(AskedFor(get, absl::StrCat("Connection: Upgrade\r\nUpgrade: websocket\r\n", kKey)),
            "websocket");
  EXPECT_EQ(
      AskedFor(get, absl::StrCat("UPGRADE: WebSocket\r\nConnection: keep-alive\r\nconnection: "
                                 "x,  uPgrAde\r\n",
                                 kKey)),
      "WebSocket");
  EXPECT_EQ(AskedFor(get, "Connection: upgrade\r\nUpgrade: chat/2.0\r\n"), "chat/2.0");
  EXPECT_EQ(
      AskedFor("POST / HTTP/1.1", "Connection: upgrade\r\nUpgrade: chat\r\nContent-Length: 0\r\n"),
      "chat");
}

TEST(Upgrade, IsNotAskedForOtherwise) {
  const auto none = [](const std::string& line, absl::string_view fields) {
    EXPECT_EQ(AskedFor(line, fields), "") << line << " " << fields;
  };
  const std::string get = "GET / HTTP/1.1";
  none(get, "");
  none(get, "Upgrade: chat\r\n");
  none(get, "Connection: upgrade\r\n");
  none(get, "Connection: close\r\nUpgrade: chat\r\n");
  none(get, "Connection: upgraded\r\nUpgrade: chat\r\n");
  none("GET / HTTP/1.0", "Connection: upgrade\r\nUpgrade: chat\r\n");
  for (const absl::string_view value :
       {"", "chat, websocket", "chat chat", "chat/", "/1", "chat/1/2", "chat;q=1", "\"chat\"",
        "h2c", "H2C", "h2", "h3", "HTTP/2.0", "http", "TLS/1.0", "h2c/1"}) {
    none(get, absl::StrCat("Connection: upgrade\r\nUpgrade: ", value, "\r\n"));
  }
  none(get, absl::StrCat("Connection: upgrade\r\nUpgrade: ", std::string(65, 'a'), "\r\n"));
  none(get, "Connection: upgrade\r\nUpgrade: chat\r\nUpgrade: chat\r\n");
  none("POST / HTTP/1.1", "Connection: upgrade\r\nUpgrade: chat\r\nContent-Length: 1\r\n");
  none("POST / HTTP/1.1", "Connection: upgrade\r\nUpgrade: chat\r\nTransfer-Encoding: chunked\r\n");
  const std::string websocket = "Connection: upgrade\r\nUpgrade: websocket\r\n";
  none(get, websocket);
  none(get, absl::StrCat(websocket, "Sec-WebSocket-Key: short\r\n"));
  none(get, absl::StrCat(websocket, kKey, kKey));
  none("POST / HTTP/1.1", absl::StrCat(websocket, kKey));
}

TEST(Upgrade, TheNextHeadForgetsIt) {
  RequestHead head;
  RequestParser parser;
  const std::string asks = "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n";
  ASSERT_EQ(parser.Parse(asks, &head).kind, Kind::kDone);
  EXPECT_EQ(head.upgrade, "a");
  ASSERT_EQ(parser.Parse("GET / HTTP/1.1\r\nHost: h\r\n\r\n", &head).kind, Kind::kDone);
  EXPECT_EQ(head.upgrade, "");
}

// nullptr, as "": switched.
std::string Switched(absl::string_view upgrade, absl::string_view fields,
                     absl::string_view version = "HTTP/1.1") {
  ResponseHead answer;
  ResponseParser parser;
  const ParseOutcome outcome =
      parser.Parse(absl::StrCat(version, " 101 Go\r\n", fields, "\r\n"), false, &answer);
  EXPECT_EQ(outcome.kind, Kind::kDone) << outcome.detail;
  const auto request = ParseRequest(absl::StrCat("GET / HTTP/1.1\r\nHost: h\r\n", kKey, "\r\n"));
  const char* const why = NotSwitched(answer, request->fields, upgrade);
  return why == nullptr ? std::string() : why;
}

TEST(Upgrade, AnAnswerSwitchesAsItWasAsked) {
  const std::string good = "Upgrade: Chat\r\nConnection: upgrade\r\n";
  EXPECT_EQ(Switched("chat", good), "");
  EXPECT_EQ(Switched("chat/2", good), "101 to another protocol");
  EXPECT_EQ(Switched("chat", good, "HTTP/1.0"), "101 of HTTP/1.0");
  EXPECT_EQ(Switched("chat", "Connection: upgrade\r\n"), "101 to another protocol");
  EXPECT_EQ(Switched("chat", absl::StrCat(good, "Upgrade: chat\r\n")), "101 to another protocol");
  EXPECT_EQ(Switched("chat", "Upgrade: chat, h2c\r\nConnection: upgrade\r\n"),
            "101 to another protocol");
  EXPECT_EQ(Switched("chat", "Upgrade: chat\r\n"), "101 without Connection: upgrade");
  EXPECT_EQ(Switched("chat", absl::StrCat(good, "Content-Length: 3\r\n")),
            "101 with Content-Length");
}

TEST(Upgrade, AWebSocketServerProvesThatItIsOne) {
  const std::string start = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
  const std::string refused = "101 without the right Sec-WebSocket-Accept";
  EXPECT_EQ(Switched("WebSocket", absl::StrCat(start, kAccept)), "");
  EXPECT_EQ(Switched("websocket", start), refused);
  EXPECT_EQ(Switched("websocket", absl::StrCat(start, kAccept, kAccept)), refused);
  EXPECT_EQ(Switched("websocket",
                     absl::StrCat(start, "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")),
            refused);
}

TEST(Upgrade, WhatMayBeConfigured) {
  EXPECT_EQ(UpgradeProblem("websocket"), "");
  EXPECT_EQ(UpgradeProblem("chat/2"), "");
  for (const absl::string_view bad : {"", "a b", "a,b", "a/", "h2c", "H2C", "HTTP/2.0", "tls/1.2"})
    EXPECT_NE(UpgradeProblem(bad), "") << bad;
}

}  // namespace
}  // namespace sallyport::dataplane
