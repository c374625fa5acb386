#include "dataplane/http2/request_fields.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sallyport::dataplane {
namespace {

using base::Reason;
using Kind = HeadVerdict::Kind;
using Pairs = std::vector<std::pair<std::string, std::string>>;

const Pairs kGet = {
    {":method", "GET"}, {":scheme", "https"}, {":authority", "api.test"}, {":path", "/a?b=c"}};

class RequestFieldsTest : public ::testing::Test {
 protected:
  HeadVerdict Take(const Pairs& pairs, bool end_stream = true) {
    fields_.Start(RequestFields::Section::kHead, &head_.bytes);
    for (const auto& [name, value] : pairs) fields_.Add(name, value, limits_);
    return fields_.Finish(end_stream, limits_, &head_);
  }
  HeadVerdict GetWith(const Pairs& more, bool end_stream = true) {
    Pairs pairs = kGet;
    pairs.insert(pairs.end(), more.begin(), more.end());
    return Take(pairs, end_stream);
  }
  std::string Value(absl::string_view name) const {
    const HeaderField* const field = FindField(head_.fields, name);
    return field == nullptr ? "(none)" : std::string(field->value);
  }

  HeadLimits limits_;
  RequestFields fields_;
  RequestHead head_;
};

TEST_F(RequestFieldsTest, AHeadIsAsOfHttp1) {
  ASSERT_EQ(GetWith({{"x-own", "1"}, {"te", "trailers"}}).kind, Kind::kFine);
  EXPECT_EQ(head_.method, "GET");
  EXPECT_EQ(head_.target, "/a?b=c");
  EXPECT_EQ(head_.raw_path, "/a");
  EXPECT_EQ(head_.query, "b=c");
  EXPECT_TRUE(head_.has_query);
  EXPECT_EQ(head_.host, "api.test");
  EXPECT_EQ(head_.authority, "api.test");
  EXPECT_EQ(head_.framing, Framing::kNone);
  EXPECT_EQ(head_.fields.size(), 2u);
  EXPECT_EQ(Value("x-own"), "1");
}

TEST_F(RequestFieldsTest, UsedAgainItRemembersNothing) {
  ASSERT_EQ(GetWith({{"x-first", std::string(3000, 'x')}, {"cookie", "a"}, {"cookie", "b"}}).kind,
            Kind::kFine);
  ASSERT_EQ(GetWith({{"cookie", "c"}}).kind, Kind::kFine);
  EXPECT_EQ(head_.fields.size(), 1u);
  EXPECT_EQ(Value("cookie"), "c");
}

TEST_F(RequestFieldsTest, BodiesAreFramedByWhatIsSaid) {
  const Pairs post = {
      {":method", "POST"}, {":scheme", "https"}, {":authority", "api.test"}, {":path", "/"}};
  Pairs with_length = post;
  with_length.push_back({"content-length", "12"});
  Pairs with_none = post;
  with_none.push_back({"content-length", "0"});
  ASSERT_EQ(Take(post, false).kind, Kind::kFine);
  EXPECT_EQ(head_.framing, Framing::kChunked);
  ASSERT_EQ(Take(with_length, false).kind, Kind::kFine);
  EXPECT_EQ(head_.framing, Framing::kLength);
  EXPECT_EQ(head_.content_length, 12u);
  ASSERT_EQ(Take(with_none, false).kind, Kind::kFine);
  EXPECT_EQ(head_.framing, Framing::kChunked) << "nothing is to come, but it is not over";
  EXPECT_TRUE(fields_.said_length());
  ASSERT_EQ(Take(with_none, true).kind, Kind::kFine);
  EXPECT_EQ(Take(with_length, true).kind, Kind::kMalformed) << "a length, and no body";
}

TEST_F(RequestFieldsTest, CookieCrumbsBecomeOneField) {
  ASSERT_EQ(GetWith({{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}, {"cookie", "c=3"}}).kind,
            Kind::kFine);
  EXPECT_EQ(head_.fields.size(), 2u);
  EXPECT_EQ(Value("cookie"), "a=1; b=2; c=3");
  EXPECT_EQ(Value("x"), "y");
}

TEST_F(RequestFieldsTest, HostStandsForAMissingAuthority) {
  ASSERT_EQ(
      Take({{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"host", "api.test:81"}})
          .kind,
      Kind::kFine);
  EXPECT_EQ(head_.host, "api.test");
  EXPECT_EQ(head_.port, "81");
  EXPECT_EQ(GetWith({{"host", "API.test"}}).kind, Kind::kFine);
  EXPECT_EQ(GetWith({{"host", "other.test"}}).kind, Kind::kMalformed);
  const HeadVerdict neither = Take({{":method", "GET"}, {":scheme", "https"}, {":path", "/"}});
  EXPECT_EQ(neither.kind, Kind::kRefused);
  EXPECT_EQ(neither.reason, Reason::kBadRequest);
}

TEST_F(RequestFieldsTest, ExpectationsAreAsOfHttp1) {
  ASSERT_EQ(GetWith({{"expect", "100-continue"}}, false).kind, Kind::kFine);
  EXPECT_TRUE(head_.expect_continue);
  ASSERT_EQ(GetWith({{"expect", "100-continue"}}, true).kind, Kind::kFine);
  EXPECT_FALSE(head_.expect_continue);
  EXPECT_EQ(GetWith({{"expect", "bread"}}).reason, Reason::kExpectationFailed);
}

TEST_F(RequestFieldsTest, WhatCannotBeServedIsRefusedAndNotMalformed) {
  const auto with = [](const std::string& pseudo, const std::string& value) {
    Pairs pairs = kGet;
    for (auto& [name, old] : pairs) {
      if (name == pseudo) old = value;
    }
    return pairs;
  };
  EXPECT_EQ(Take(with(":method", "TRACE")).reason, Reason::kMethodNotSupported);
  EXPECT_EQ(Take(with(":method", "get")).reason, Reason::kMethodNotSupported);
  EXPECT_EQ(Take({{":method", "CONNECT"}, {":authority", "a.test:443"}}).reason,
            Reason::kMethodNotSupported);
  EXPECT_EQ(Take(with(":path", "/" + std::string(limits_.max_target_bytes, 'a'))).reason,
            Reason::kTargetTooLong);
  for (const Pairs& pairs :
       {with(":path", "/a#b"), with(":path", "/\xff"), with(":path", "/a b"), with(":path", "*"),
        with(":scheme", "ftp"), with(":authority", "user@api.test"),
        with(":authority", "a.test:port")}) {
    const HeadVerdict verdict = Take(pairs);
    EXPECT_EQ(verdict.kind, Kind::kRefused) << verdict.detail;
    EXPECT_EQ(verdict.reason, Reason::kBadRequest);
  }
}

TEST_F(RequestFieldsTest, TooMuchIsRefusedHoweverItIsMadeUp) {
  EXPECT_EQ(GetWith({{"x", std::string(limits_.max_head_bytes, 'x')}}).reason,
            Reason::kHeadTooLarge);
  Pairs many;
  for (size_t i = 0; i <= limits_.max_fields; ++i) many.push_back({"x", ""});
  EXPECT_EQ(GetWith(many).reason, Reason::kHeadTooLarge);
  const size_t kept = head_.bytes.size();
  for (int i = 0; i < 1000; ++i) fields_.Add("x-more", std::string(1000, 'y'), limits_);
  EXPECT_EQ(head_.bytes.size(), kept) << "nothing more is kept";
  EXPECT_GT(fields_.list_bytes(), 1'000'000u);
}

struct BadCase {
  const char* what;
  Pairs more;
};

TEST_F(RequestFieldsTest, WhatRfc9113Forbids) {
  const BadCase cases[] = {
      {"upper case", {{"X-Own", "1"}}},
      {"empty name", {{"", "1"}}},
      {"blank in a name", {{"x own", "1"}}},
      {"colon in a name", {{"x:own", "1"}}},
      {"line feed in a name", {{"x\nown", "1"}}},
      {"NUL in a name", {{std::string("x\0y", 3), "1"}}},
      {"high byte in a name", {{"x\xe4", "1"}}},
      {"carriage return in a value", {{"x", "a\rb"}}},
      {"line feed in a value", {{"x", "a\nb"}}},
      {"a head in a value", {{"x", "a\r\nhost: evil"}}},
      {"NUL in a value", {{"x", std::string("a\0b", 3)}}},
      {"another control character", {{"x", "a\x0b"}}},
      {"DEL in a value", {{"x", "a\x7f"}}},
      {"leading blank", {{"x", " a"}}},
      {"trailing tab", {{"x", "a\t"}}},
      {"connection", {{"connection", "close"}}},
      {"keep-alive", {{"keep-alive", "5"}}},
      {"proxy-connection", {{"proxy-connection", "close"}}},
      {"transfer-encoding", {{"transfer-encoding", "chunked"}}},
      {"upgrade", {{"upgrade", "websocket"}}},
      {"te", {{"te", "gzip"}}},
      {"te with more", {{"te", "trailers, gzip"}}},
      {"pseudo behind a field", {{"x", "1"}, {":path", "/"}}},
      {"pseudo twice", {{":path", "/"}}},
      {"unknown pseudo", {{":protocol", "websocket"}}},
      {"pseudo of an answer", {{":status", "200"}}},
      {"two lengths", {{"content-length", "0"}, {"content-length", "0"}}},
      {"length of letters", {{"content-length", "1x"}}},
      {"signed length", {{"content-length", "+1"}}},
      {"list of lengths", {{"content-length", "1, 1"}}},
      {"two hosts", {{"host", "api.test"}, {"host", "api.test"}}},
  };
  for (const BadCase& bad : cases) {
    const HeadVerdict verdict = GetWith(bad.more, /*end_stream=*/false);
    EXPECT_EQ(verdict.kind, Kind::kMalformed) << bad.what;
    EXPECT_FALSE(verdict.detail.empty()) << bad.what;
  }
}

TEST_F(RequestFieldsTest, EveryPseudoFieldIsNeeded) {
  for (size_t left_out = 0; left_out < kGet.size(); ++left_out) {
    Pairs pairs = kGet;
    const std::string name = pairs[left_out].first;
    pairs.erase(pairs.begin() + static_cast<std::ptrdiff_t>(left_out));
    EXPECT_NE(Take(pairs).kind, Kind::kFine) << name;
    pairs.insert(pairs.begin(), {name, ""});
    EXPECT_EQ(Take(pairs).kind, name == ":scheme" ? Kind::kRefused : Kind::kMalformed)
        << name << " empty";
  }
  EXPECT_EQ(
      Take({{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "a/b"}}).kind,
      Kind::kMalformed);
  EXPECT_EQ(
      Take({{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "https://a/"}})
          .kind,
      Kind::kMalformed);
  EXPECT_EQ(
      Take({{":method", "G T"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}}).kind,
      Kind::kMalformed);
  EXPECT_EQ(
      Take({{":method", "CONNECT"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}})
          .kind,
      Kind::kMalformed);
  EXPECT_EQ(Take({}).kind, Kind::kMalformed);
}

TEST_F(RequestFieldsTest, OptionsAsteriskIsForOptions) {
  EXPECT_EQ(
      Take({{":method", "OPTIONS"}, {":scheme", "https"}, {":authority", "a"}, {":path", "*"}})
          .kind,
      Kind::kFine);
  EXPECT_EQ(head_.raw_path, "*");
}

class TrailersTest : public RequestFieldsTest {
 protected:
  HeadVerdict TakeTrailers(const Pairs& pairs) {
    fields_.Start(RequestFields::Section::kTrailers, &bytes_);
    for (const auto& [name, value] : pairs) fields_.Add(name, value, limits_);
    return fields_.FinishTrailers(&trailers_);
  }
  std::string bytes_;
  HeaderFields trailers_;
};

TEST_F(TrailersTest, PassWhatMayPass) {
  ASSERT_EQ(GetWith({{"x", "1"}}, false).kind, Kind::kFine);
  ASSERT_EQ(TakeTrailers({{"x-checksum", "abc"},
                          {"authorization", "Bearer x"},
                          {"host", "evil"},
                          {"x-forwarded-for", "1.2.3.4"},
                          {"content-length", "5"}})
                .kind,
            Kind::kFine);
  ASSERT_EQ(trailers_.size(), 1u);
  EXPECT_EQ(trailers_[0].name, "x-checksum");
  EXPECT_EQ(Value("x"), "1") << "the head stays what it is";
}

TEST_F(TrailersTest, MalformedOnesAreNoEnd) {
  EXPECT_EQ(TakeTrailers({{":path", "/"}}).kind, Kind::kMalformed);
  EXPECT_EQ(TakeTrailers({{"X", "1"}}).kind, Kind::kMalformed);
  EXPECT_EQ(TakeTrailers({{"x", "a\r\nb"}}).kind, Kind::kMalformed);
  EXPECT_EQ(TakeTrailers({{"transfer-encoding", "chunked"}}).kind, Kind::kMalformed);
  EXPECT_EQ(TakeTrailers({{"x", std::string(limits_.max_head_bytes, 'x')}}).kind, Kind::kMalformed);
}

}  // namespace
}  // namespace sallyport::dataplane
