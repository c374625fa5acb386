#include "shared/admin_http/answer.h"

#include <gtest/gtest.h>

namespace sallyport::admin_http {
namespace {

TEST(RenderAnswer, HeadAndBody) {
  Response answer;
  answer.status = 404;
  answer.content_type = "text/plain";
  answer.body = "no\n";
  answer.headers = {{"Allow", "GET"}};
  const char head[] =
      "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nX-Request-Id: 12\r\nCache-Control: "
      "no-store\r\n"
      "Allow: GET\r\nContent-Length: 3\r\n\r\n";
  EXPECT_EQ(RenderAnswer(answer, "12", 11, true, false), std::string(head) + "no\n");
  EXPECT_EQ(RenderAnswer(answer, "12", 11, true, true), head);
}

TEST(RenderAnswer, SaysHowTheConnectionGoesOn) {
  const auto has = [](unsigned version, bool keep_alive, const char* line) {
    return RenderAnswer({}, "1", version, keep_alive, false).find(line) != std::string::npos;
  };
  EXPECT_FALSE(has(11, true, "Connection:"));
  EXPECT_TRUE(has(11, false, "\r\nConnection: close\r\n"));
  EXPECT_TRUE(has(10, true, "\r\nConnection: keep-alive\r\n"));
  EXPECT_FALSE(has(10, false, "Connection:"));
}

TEST(RenderAnswer, AHeaderCannotEndItsLine) {
  Response answer;
  answer.content_type = "text/plain\r\nX-Bad: 1";
  answer.headers = {{"X-A", "1\r\nX-Bad: 1"},
                    {"X-B", "1\nX-Bad: 1"},
                    {"X-Bad: 1\r\nX-C", "1"},
                    {"X-Bad", std::string("\0", 1)},
                    {"X-Good", "1"}};
  const std::string bytes = RenderAnswer(answer, "1", 11, true, false);
  EXPECT_EQ(bytes.find("X-Bad"), std::string::npos);
  EXPECT_NE(bytes.find("\r\nX-Good: 1\r\n"), std::string::npos);
}

}  // namespace
}  // namespace sallyport::admin_http
