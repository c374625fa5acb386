#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dataplane/http/head_parser.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using Kind = ParseOutcome::Kind;

struct Parsed {
  ParseOutcome outcome;
  RequestHead head;
};

std::unique_ptr<Parsed> Parse(const std::string& text, HeadLimits limits = {}) {
  auto parsed = std::make_unique<Parsed>();
  RequestParser parser(limits);
  parsed->outcome = parser.Parse(text, &parsed->head);
  return parsed;
}

std::string Get(const std::string& lines) {
  return absl::StrCat("GET /a HTTP/1.1\r\nHost: h\r\n", lines, "\r\n");
}

TEST(RequestParser, ReadsAHead) {
  const std::string text =
      "POST /a/b?x=1&y HTTP/1.1\r\nHost: Api.Example.com:8443\r\nContent-Length: 12\r\nX-A:  v w "
      "\r\n\r\nBODY";
  const auto parsed = Parse(text);
  ASSERT_EQ(parsed->outcome.kind, Kind::kDone) << parsed->outcome.detail;
  EXPECT_EQ(parsed->outcome.consumed, text.size() - 4);
  const RequestHead& head = parsed->head;
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.raw_path, "/a/b");
  EXPECT_EQ(head.query, "x=1&y");
  EXPECT_EQ(head.host, "Api.Example.com");
  EXPECT_EQ(head.port, "8443");
  EXPECT_EQ(head.framing, Framing::kLength);
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_TRUE(head.keep_alive);
  ASSERT_NE(FindField(head.fields, "x-a"), nullptr);
  EXPECT_EQ(FindField(head.fields, "x-a")->value, "v w");
}

TEST(RequestParser, ViewsShowOwnBytes) {
  std::string text = Get("X-Y: z\r\n");
  RequestParser parser;
  RequestHead head;
  ASSERT_EQ(parser.Parse(text, &head).kind, Kind::kDone);
  text.assign(text.size(), '!');
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(FindField(head.fields, "X-Y")->value, "z");
}

TEST(RequestParser, EveryPrefixIsIncomplete) {
  const std::string text = "GET /a HTTP/1.1\r\nHost: h\r\nX-Long: 123\r\n\r\n";
  RequestParser parser;
  RequestHead head;
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(parser.Parse(text.substr(0, size), &head).kind, Kind::kIncomplete) << size;
  }
  EXPECT_EQ(parser.Parse(text, &head).kind, Kind::kDone);
  // And the parser can go on with the next message.
  EXPECT_EQ(parser.Parse(text, &head).kind, Kind::kDone);
}

TEST(RequestParser, AcceptsForms) {
  const auto absolute = Parse("GET http://h:81/p?q HTTP/1.1\r\nHost: H:81\r\n\r\n");
  ASSERT_EQ(absolute->outcome.kind, Kind::kDone) << absolute->outcome.detail;
  EXPECT_EQ(absolute->head.raw_path, "/p");
  EXPECT_EQ(absolute->head.port, "81");
  const auto star = Parse("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_EQ(star->outcome.kind, Kind::kDone);
  EXPECT_EQ(star->head.raw_path, "*");
  const auto empty_path = Parse("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_EQ(empty_path->outcome.kind, Kind::kDone);
  EXPECT_EQ(empty_path->head.raw_path, "/");
  const auto v6 = Parse("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
  ASSERT_EQ(v6->outcome.kind, Kind::kDone);
  EXPECT_EQ(v6->head.host, "::1");
  const auto old = Parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_EQ(old->outcome.kind, Kind::kDone);
  EXPECT_FALSE(old->head.keep_alive);
  const auto blank_first = Parse("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_EQ(blank_first->outcome.kind, Kind::kDone);
  EXPECT_EQ(blank_first->outcome.consumed, 29u);
}

TEST(RequestParser, Framing) {
  EXPECT_EQ(Parse(Get(""))->head.framing, Framing::kNone);
  EXPECT_EQ(Parse(Get("Content-Length: 0\r\n"))->head.framing, Framing::kNone);
  EXPECT_EQ(Parse(Get("Transfer-Encoding: Chunked\r\n"))->head.framing, Framing::kChunked);
  EXPECT_FALSE(Parse(Get("Connection: foo, Close\r\n"))->head.keep_alive);
  EXPECT_TRUE(Parse(Get("Expect: 100-Continue\r\nContent-Length: 3\r\n"))->head.expect_continue);
  EXPECT_FALSE(Parse(Get("Expect: 100-continue\r\n"))->head.expect_continue);
}

struct Refusal {
  const char* name;
  std::string text;
  Reason reason;
};

class RequestRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(RequestRefusal, IsRefused) {
  const auto parsed = Parse(GetParam().text);
  ASSERT_EQ(parsed->outcome.kind, Kind::kBad);
  EXPECT_EQ(parsed->outcome.reason, GetParam().reason) << parsed->outcome.detail;
  EXPECT_FALSE(parsed->outcome.detail.empty());
}

std::string Target(const std::string& target) {
  return absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: h\r\n\r\n");
}

INSTANTIATE_TEST_SUITE_P(
    Smuggling, RequestRefusal,
    testing::Values(
        Refusal{"te_and_cl", Get("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
                Reason::kBadRequest},
        Refusal{"cl_and_te", Get("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
                Reason::kBadRequest},
        Refusal{"te_identity", Get("Transfer-Encoding: identity\r\n"), Reason::kBadRequest},
        Refusal{"te_gzip_chunked", Get("Transfer-Encoding: gzip, chunked\r\n"),
                Reason::kBadRequest},
        Refusal{"te_chunked_identity", Get("Transfer-Encoding: chunked, identity\r\n"),
                Reason::kBadRequest},
        Refusal{"te_chunked_chunked", Get("Transfer-Encoding: chunked, chunked\r\n"),
                Reason::kBadRequest},
        Refusal{"te_twice", Get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
                Reason::kBadRequest},
        Refusal{"te_vertical_tab",
                Get("Transfer-Encoding: \x0b"
                    "chunked\r\n"),
                Reason::kBadRequest},
        Refusal{"te_parameter", Get("Transfer-Encoding: chunked;q=1\r\n"), Reason::kBadRequest},
        Refusal{"te_quoted", Get("Transfer-Encoding: \"chunked\"\r\n"), Reason::kBadRequest},
        Refusal{"te_empty", Get("Transfer-Encoding:\r\n"), Reason::kBadRequest},
        Refusal{"te_http10", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
                Reason::kBadRequest},
        Refusal{"te_blank_before_colon", Get("Transfer-Encoding : chunked\r\n"),
                Reason::kBadRequest},
        Refusal{"te_folded", Get("Transfer-Encoding:\r\n chunked\r\n"), Reason::kBadRequest},
        Refusal{"cl_twice_same", Get("Content-Length: 3\r\nContent-Length: 3\r\n"),
                Reason::kBadRequest},
        Refusal{"cl_twice_differs", Get("Content-Length: 3\r\nContent-Length: 4\r\n"),
                Reason::kBadRequest},
        Refusal{"cl_list", Get("Content-Length: 3, 3\r\n"), Reason::kBadRequest},
        Refusal{"cl_plus", Get("Content-Length: +3\r\n"), Reason::kBadRequest},
        Refusal{"cl_minus", Get("Content-Length: -3\r\n"), Reason::kBadRequest},
        Refusal{"cl_hex", Get("Content-Length: 0x3\r\n"), Reason::kBadRequest},
        Refusal{"cl_blank_inside", Get("Content-Length: 1 0\r\n"), Reason::kBadRequest},
        Refusal{"cl_empty", Get("Content-Length:\r\n"), Reason::kBadRequest},
        Refusal{"cl_too_big", Get("Content-Length: 18446744073709551616\r\n"),
                Reason::kBadRequest}));

INSTANTIATE_TEST_SUITE_P(
    Lines, RequestRefusal,
    testing::Values(
        Refusal{"bare_lf", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", Reason::kBadRequest},
        Refusal{"bare_lf_at_end", "GET / HTTP/1.1\r\nHost: h\r\n\n", Reason::kBadRequest},
        Refusal{"bare_lf_first", "GET / HTTP/1.1\nHost: h\r\n\r\n", Reason::kBadRequest},
        Refusal{"bare_cr", "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", Reason::kBadRequest},
        Refusal{"fold_space", Get("X: a\r\n b\r\n"), Reason::kBadRequest},
        Refusal{"fold_tab", Get("X: a\r\n\tb\r\n"), Reason::kBadRequest},
        Refusal{"fold_after_request_line", "GET / HTTP/1.1\r\n Host: h\r\n\r\n",
                Reason::kBadRequest},
        Refusal{"empty_name", Get(": v\r\n"), Reason::kBadRequest},
        Refusal{"no_colon", Get("abc\r\n"), Reason::kBadRequest},
        Refusal{"blank_in_name", Get("a b: c\r\n"), Reason::kBadRequest},
        Refusal{"high_byte_in_name", Get("a\xe9: c\r\n"), Reason::kBadRequest},
        Refusal{"nul_in_value", Get(std::string("a: b\0c\r\n", 8)), Reason::kBadRequest},
        Refusal{"control_in_value",
                Get("a: b\x01"
                    "c\r\n"),
                Reason::kBadRequest},
        Refusal{"delete_in_value",
                Get("a: b\x7f"
                    "c\r\n"),
                Reason::kBadRequest},
        Refusal{"garbage", "\x16\x03\x01\x02\x01\r\n\r\n", Reason::kBadRequest},
        Refusal{"no_version", "GET /\r\n\r\n", Reason::kBadRequest},
        Refusal{"lower_case_version", "GET / http/1.1\r\nHost: h\r\n\r\n",
                Reason::kVersionNotSupported},
        Refusal{"http2_preface", "PRI * HTTP/2.0\r\n\r\n", Reason::kVersionNotSupported},
        Refusal{"http12", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", Reason::kVersionNotSupported},
        Refusal{"two_blanks", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", Reason::kBadRequest},
        Refusal{"tab_separator", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", Reason::kBadRequest},
        Refusal{"blank_after_version", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
                Reason::kVersionNotSupported}));

INSTANTIATE_TEST_SUITE_P(
    Targets, RequestRefusal,
    testing::Values(
        Refusal{"high_byte", Target("/\xc3\xa4"), Reason::kBadRequest},
        Refusal{"fragment", Target("/a#b"), Reason::kBadRequest},
        Refusal{"relative", Target("a/b"), Reason::kBadRequest},
        Refusal{"other_scheme", Target("ftp://h/"), Reason::kBadRequest},
        Refusal{"star_with_get", Target("*"), Reason::kBadRequest},
        Refusal{"connect", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n",
                Reason::kMethodNotSupported},
        Refusal{"lower_case_method", "get / HTTP/1.1\r\nHost: h\r\n\r\n",
                Reason::kMethodNotSupported},
        Refusal{"mixed_case_method", "DELeTE / HTTP/1.1\r\nHost: h\r\n\r\n",
                Reason::kMethodNotSupported},
        Refusal{"trace", "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", Reason::kMethodNotSupported},
        Refusal{"absolute_differs", "GET http://x/ HTTP/1.1\r\nHost: h\r\n\r\n",
                Reason::kBadRequest},
        Refusal{"absolute_port_differs", "GET http://h:1/ HTTP/1.1\r\nHost: h\r\n\r\n",
                Reason::kBadRequest},
        Refusal{"absolute_user", "GET http://u@h/ HTTP/1.1\r\nHost: u@h\r\n\r\n",
                Reason::kBadRequest},
        Refusal{"no_host", "GET / HTTP/1.1\r\n\r\n", Reason::kBadRequest},
        Refusal{"empty_host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", Reason::kBadRequest},
        Refusal{"two_hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", Reason::kBadRequest},
        Refusal{"host_with_path", "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", Reason::kBadRequest},
        Refusal{"host_with_user", "GET / HTTP/1.1\r\nHost: a@h\r\n\r\n", Reason::kBadRequest},
        Refusal{"host_list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Reason::kBadRequest},
        Refusal{"host_bad_port", "GET / HTTP/1.1\r\nHost: h:8x\r\n\r\n", Reason::kBadRequest},
        Refusal{"host_open_bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", Reason::kBadRequest},
        Refusal{"unknown_expectation", Get("Expect: magic\r\n"), Reason::kExpectationFailed}));

TEST(RequestParser, Limits) {
  HeadLimits limits;
  limits.max_head_bytes = 200;
  limits.max_target_bytes = 50;
  limits.max_fields = 3;
  EXPECT_EQ(Parse(Target("/" + std::string(60, 'a')), limits)->outcome.reason,
            Reason::kTargetTooLong);
  EXPECT_EQ(Parse("GET /" + std::string(150, 'a'), limits)->outcome.reason, Reason::kTargetTooLong);
  EXPECT_EQ(Parse(Get("X: " + std::string(200, 'a') + "\r\n"), limits)->outcome.reason,
            Reason::kHeadTooLarge);
  EXPECT_EQ(Parse("GET /a HTTP/1.1\r\nX: " + std::string(200, 'a'), limits)->outcome.reason,
            Reason::kHeadTooLarge);
  EXPECT_EQ(Parse(Get("A: 1\r\nB: 2\r\nC: 3\r\n"), limits)->outcome.reason, Reason::kHeadTooLarge);
}

}  // namespace
}  // namespace sallyport::dataplane
