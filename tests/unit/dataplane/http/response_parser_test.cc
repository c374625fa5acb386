#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "dataplane/http/head_parser.h"

namespace sallyport::dataplane {
namespace {

using Kind = ParseOutcome::Kind;

struct AnswerCase {
  const char* name;
  std::string text;
  bool to_head;
  Framing framing;
  uint64_t length;
  bool keep_alive;
};
class ResponseFraming : public testing::TestWithParam<AnswerCase> {};

TEST_P(ResponseFraming, IsAsTheRfcSays) {
  ResponseParser parser;
  ResponseHead head;
  const ParseOutcome outcome = parser.Parse(GetParam().text, GetParam().to_head, &head);
  ASSERT_EQ(outcome.kind, Kind::kDone) << outcome.detail;
  EXPECT_EQ(head.framing, GetParam().framing);
  EXPECT_EQ(head.content_length, GetParam().length);
  EXPECT_EQ(head.keep_alive, GetParam().keep_alive);
}

std::string Answer(const char* status, const std::string& lines, const char* version = "1.1") {
  return absl::StrCat("HTTP/", version, " ", status, "\r\n", lines, "\r\n");
}

INSTANTIATE_TEST_SUITE_P(
    Cases, ResponseFraming,
    testing::Values(
        AnswerCase{"length", Answer("200 OK", "Content-Length: 5\r\n"), false, Framing::kLength, 5,
                   true},
        AnswerCase{"zero", Answer("200 OK", "Content-Length: 0\r\n"), false, Framing::kNone, 0,
                   true},
        AnswerCase{"chunked", Answer("200 OK", "Transfer-Encoding: chunked\r\n"), false,
                   Framing::kChunked, 0, true},
        AnswerCase{"until_close", Answer("200 OK", ""), false, Framing::kUntilClose, 0, false},
        AnswerCase{"close", Answer("200 OK", "Content-Length: 5\r\nConnection: close\r\n"), false,
                   Framing::kLength, 5, false},
        AnswerCase{"http10", Answer("200 OK", "Content-Length: 5\r\n", "1.0"), false,
                   Framing::kLength, 5, false},
        AnswerCase{"http10_keep",
                   Answer("200 OK", "Content-Length: 5\r\nConnection: keep-alive\r\n", "1.0"),
                   false, Framing::kLength, 5, true},
        AnswerCase{"head", Answer("200 OK", "Content-Length: 5\r\n"), true, Framing::kNone, 5,
                   true},
        AnswerCase{"head_chunked", Answer("200 OK", "Transfer-Encoding: chunked\r\n"), true,
                   Framing::kNone, 0, true},
        AnswerCase{"204", Answer("204 No Content", ""), false, Framing::kNone, 0, true},
        AnswerCase{"304_with_length", Answer("304 Not Modified", "Content-Length: 5\r\n"), false,
                   Framing::kNone, 5, true},
        AnswerCase{"100", Answer("100 Continue", ""), false, Framing::kNone, 0, true},
        AnswerCase{"no_phrase", Answer("200 ", "Content-Length: 0\r\n"), false, Framing::kNone, 0,
                   true}));

class ResponseRefusal : public testing::TestWithParam<const char*> {};

TEST_P(ResponseRefusal, IsAProtocolError) {
  ResponseParser parser;
  ResponseHead head;
  const ParseOutcome outcome = parser.Parse(GetParam(), false, &head);
  ASSERT_EQ(outcome.kind, Kind::kBad);
  EXPECT_EQ(outcome.reason, base::Reason::kUpstreamProtocol);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, ResponseRefusal,
    testing::Values("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
                    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                    "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 200 OK\nA: b\r\n\r\n",
                    "HTTP/1.1 99 Low\r\n\r\n", "HTTP/1.1 600 High\r\n\r\n",
                    "HTTP/2.0 200 OK\r\n\r\n", "ICY 200 OK\r\n\r\n", "garbage\r\n\r\n"));

TEST(Trailers, ForbiddenFieldsAreDropped) {
  std::string owned;
  HeaderFields fields;
  ASSERT_TRUE(
      ParseTrailers("X-Sum: 1\r\ncontent-length: 5\r\nHost: x\r\nAuthorization: y\r\n"
                    "X-Forwarded-Client-Cert: z\r\ngrpc-status: 0\r\nset_cookie: a=b\r\n"
                    "transfer_Encoding: chunked\r\nX_Forwarded-For: 1\r\nX-Real_IP: 1\r\n\r\n",
                    &owned, &fields));
  ASSERT_EQ(fields.size(), 2u);
  EXPECT_EQ(fields[0].name, "X-Sum");
  EXPECT_EQ(fields[1].name, "grpc-status");
}

TEST(Trailers, MalformedSectionsAreRefused) {
  std::string owned;
  HeaderFields fields;
  EXPECT_TRUE(ParseTrailers("\r\n", &owned, &fields));
  EXPECT_FALSE(ParseTrailers(" X: 1\r\n\r\n", &owned, &fields));
  EXPECT_FALSE(ParseTrailers("X: 1\r\n y\r\n\r\n", &owned, &fields));
  EXPECT_FALSE(ParseTrailers("X: 1\n\r\n", &owned, &fields));
  EXPECT_FALSE(ParseTrailers("no colon\r\n\r\n", &owned, &fields));
  EXPECT_FALSE(ParseTrailers("X: 1\r\n\r\nrest", &owned, &fields));
}

}  // namespace
}  // namespace sallyport::dataplane
