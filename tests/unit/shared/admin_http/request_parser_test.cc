#include "shared/admin_http/request_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace sallyport::admin_http {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using Step = RequestParser::Step;

constexpr size_t kHead = 200;
constexpr size_t kBody = 10;

// As a connection does: piece after piece, until there is something to say twice at most (head,
// end).
Step FeedAll(RequestParser& parser, const std::vector<std::string>& pieces, std::string* left) {
  Step step = Step::kMore;
  left->clear();
  for (const std::string& piece : pieces) {
    *left += piece;
    do {
      step = parser.Feed(left);
    } while (step == Step::kHead && !left->empty());
    if (step != Step::kMore && step != Step::kHead) break;
  }
  return step;
}

Step Verdict(const std::vector<std::string>& pieces) {
  RequestParser parser(kHead, kBody);
  std::string left;
  return FeedAll(parser, pieces, &left);
}

std::vector<std::string> Bytes(absl::string_view text) {
  std::vector<std::string> bytes;
  for (const char byte : text) bytes.emplace_back(1, byte);
  return bytes;
}

TEST(RequestParser, TheHeadComesBeforeAnyOfTheBody) {
  RequestParser parser(kHead, kBody);
  std::string bytes =
      "POST /a?x=1 HTTP/1.1\r\nHost: x\r\nX-Two: b\r\nContent-Length: 3\r\n\r\nabcGET /next";
  ASSERT_EQ(parser.Feed(&bytes), Step::kHead);
  EXPECT_EQ(bytes, "abcGET /next");
  EXPECT_EQ(parser.request().method, "POST");
  EXPECT_EQ(parser.request().target, "/a?x=1");
  EXPECT_THAT(parser.request().headers,
              ElementsAre(Pair("host", "x"), Pair("x-two", "b"), Pair("content-length", "3")));
  EXPECT_EQ(parser.request().body, "");
  ASSERT_EQ(parser.Feed(&bytes), Step::kDone);
  EXPECT_EQ(parser.request().body, "abc");
  EXPECT_EQ(bytes, "GET /next") << "the next request's";
}

TEST(RequestParser, WithoutABodyTheHeadIsAll) {
  RequestParser parser(kHead, kBody);
  std::string bytes = "GET / HTTP/1.0\r\n\r\nX";
  ASSERT_EQ(parser.Feed(&bytes), Step::kDone);
  EXPECT_EQ(bytes, "X");
  EXPECT_EQ(parser.version(), 10u);
  EXPECT_FALSE(parser.keep_alive());
}

TEST(RequestParser, ByteByByte) {
  const std::string chunked =
      "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: "
      "1\r\n\r\n";
  RequestParser parser(kHead, kBody);
  std::string left;
  ASSERT_EQ(FeedAll(parser, Bytes(chunked), &left), Step::kDone);
  EXPECT_EQ(parser.request().body, "abcde");
  EXPECT_TRUE(parser.FramingIsPlain());
  EXPECT_TRUE(parser.keep_alive());
  EXPECT_EQ(left, "");
}

TEST(RequestParser, ATrailerIsNoHeader) {
  RequestParser parser(kHead, kBody);
  std::string left;
  ASSERT_EQ(FeedAll(parser,
                    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: "
                     "x\r\n\r\nrest"},
                    &left),
            Step::kDone);
  EXPECT_FALSE(parser.request().Header("authorization").has_value());
  EXPECT_EQ(left, "rest");
}

TEST(RequestParser, AHeadIsBoundedHoweverItComes) {
  const std::string line = absl::StrCat("X: ", std::string(45, 'a'), "\r\n");
  const std::string start = "GET / HTTP/1.1\r\n";
  EXPECT_EQ(Verdict({start + line + line + "\r\n"}), Step::kDone);
  EXPECT_EQ(Verdict({start + line + line + line + line + "\r\n"}), Step::kHeadTooLarge);
  EXPECT_EQ(Verdict({start, line, line, line, line, line}), Step::kHeadTooLarge) << "line by line";
  EXPECT_EQ(Verdict(Bytes(start + line + line + line + line)), Step::kHeadTooLarge);
  EXPECT_EQ(Verdict({std::string(kHead + 1, 'G')}), Step::kHeadTooLarge);
}

TEST(RequestParser, WhatAChunkCarriesBesideItsDataIsBoundedToo) {
  const std::string head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string much(kHead, 'a');
  EXPECT_EQ(Verdict({head + "1;" + much, much}), Step::kHeadTooLarge);
  EXPECT_EQ(Verdict({head + "0\r\nT: " + much, much}), Step::kHeadTooLarge);
  EXPECT_EQ(Verdict({head + "0\r\nT: a\r\n", "U: " + much + "\r\n"}), Step::kHeadTooLarge);
}

TEST(RequestParser, ABodyIsBounded) {
  const std::string head = "POST / HTTP/1.1\r\n";
  EXPECT_EQ(Verdict({head + "Content-Length: 11\r\n\r\n"}), Step::kBodyTooLarge);
  EXPECT_EQ(Verdict({head + "Content-Length: 10\r\n\r\n", "12345", "67890"}), Step::kDone);
  EXPECT_EQ(Verdict({head + "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n6\r\n"}),
            Step::kBodyTooLarge);
}

TEST(RequestParser, RefusesWhatIsNotHttp) {
  for (const char* bytes :
       {"garbage\r\n\r\n", "GET / HTTP/3.0\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n"}) {
    EXPECT_EQ(Verdict({bytes}), Step::kMalformed) << bytes;
    EXPECT_EQ(Verdict(Bytes(bytes)), Step::kMalformed) << bytes;
  }
}

TEST(RequestParser, FramingThatCouldBeReadOtherwise) {
  const auto plain = [](absl::string_view version, absl::string_view header) {
    RequestParser parser(kHead, kBody);
    std::string bytes = absl::StrCat("POST / HTTP/", version, "\r\n", header, "\r\n\r\n");
    EXPECT_NE(parser.Feed(&bytes), Step::kMalformed) << header;
    return parser.FramingIsPlain();
  };
  EXPECT_TRUE(plain("1.1", "Host: x"));
  EXPECT_TRUE(plain("1.0", "Content-Length: 3"));
  EXPECT_TRUE(plain("1.1", "Transfer-Encoding: Chunked"));
  EXPECT_FALSE(plain("1.0", "Transfer-Encoding: chunked"));
  EXPECT_FALSE(plain("1.1", "Transfer-Encoding: chunked, identity"));
  EXPECT_FALSE(plain("1.1", "Transfer-Encoding: gzip, chunked"));
  EXPECT_FALSE(plain("1.1", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"));
  EXPECT_FALSE(plain("1.1", "Transfer-Encoding: gzip\r\nContent-Length: 3"));
}

}  // namespace
}  // namespace sallyport::admin_http
