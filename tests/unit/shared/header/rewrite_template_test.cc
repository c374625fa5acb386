#include "shared/header/rewrite_template.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sallyport::header {
namespace {

using testing::HasSubstr;
using Source = RewriteTemplate::Source;

// With what a hostile caller would send.
std::string RewriteRendered(absl::string_view text) {
  const auto parsed = RewriteTemplate::Parse(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  if (!parsed.ok()) return "";
  std::string value;
  return parsed->Render([&](const RewriteTemplate::Part& part) -> absl::string_view {
    switch (part.source) {
      case Source::kCapture: value = absl::StrCat("c", part.group); break;
      case Source::kHeader: value = absl::StrCat(part.text, "=../?&#%\r\n\xff"); break;
      case Source::kMetadata: value = "a b/" + part.text; break;
      case Source::kTrigger: value = absl::StrCat(part.text, "~", part.group); break;
      case Source::kText: break;
    }
    return value;
  });
}

std::string RewriteRefusal(absl::string_view text) {
  const auto parsed = RewriteTemplate::Parse(text);
  return parsed.ok() ? "taken" : std::string(parsed.status().message());
}

TEST(RewriteTemplate, TextAndCaptures) {
  EXPECT_EQ(RewriteRendered("/orders?id=$1&x=$12"), "/orders?id=c1&x=c12");
  EXPECT_EQ(RewriteRendered("/a$123"), "/ac123") << "two digits and a 3";
  EXPECT_EQ(RewriteRendered("orders/$0"), "/orders/c0") << "a path begins with a slash";
  EXPECT_EQ(RewriteRendered("?x=$1"), "/?x=c1");
  EXPECT_EQ(RewriteRendered("/$$1/{{x}}"), "/$1/{x}");
}

TEST(RewriteTemplate, WhatCallersSayStaysOnePiece) {
  EXPECT_EQ(RewriteRendered("/t/{header:X-Tenant}/z"),
            "/t/x-tenant%3D..%2F%3F%26%23%25%0D%0A%FF/z");
  EXPECT_EQ(RewriteRendered("/{meta:team}"), "/a%20b%2Fteam");
  EXPECT_EQ(RewriteRendered("/{trigger:X-A}/{trigger:X-A:2}/{trigger:a:b}"),
            "/X-A~0/X-A~2/a%3Ab~0");
}

TEST(RewriteTemplate, TheServerIsFixed) {
  const auto parsed = RewriteTemplate::Parse("https://other.example:8443/v2/$1");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->server(), "https://other.example:8443");
  EXPECT_EQ(RewriteRendered("https://other.example"), "/");
  EXPECT_EQ(RewriteRendered("https://other.example?x=$1"), "/?x=c1");
  EXPECT_EQ(RewriteTemplate::Parse("/to/https://x.example")->server(), "");
  for (const char* text : {"https://$1/", "https://{header:Host}/", "$1://x/", "https://a.$1:80/x",
                           "https://a@{meta:x}/"})
    EXPECT_THAT(RewriteRefusal(text), HasSubstr("must be fixed text")) << text;
}

TEST(RewriteTemplate, RefusesWhatItCannotMean) {
  EXPECT_THAT(RewriteRefusal(""), HasSubstr("is empty"));
  EXPECT_THAT(RewriteRefusal(std::string(RewriteTemplate::kMostBytes + 1, 'a')),
              HasSubstr("longer"));
  EXPECT_THAT(RewriteRefusal("/a$"), HasSubstr("without a number"));
  EXPECT_THAT(RewriteRefusal("/a$b"), HasSubstr("without a number"));
  EXPECT_THAT(RewriteRefusal("/{"), HasSubstr("lone '{'"));
  EXPECT_THAT(RewriteRefusal("/}"), HasSubstr("lone '}'"));
  EXPECT_THAT(RewriteRefusal("/{cookie:a}"), HasSubstr("known are"));
  EXPECT_THAT(RewriteRefusal("/{header:}"), HasSubstr("known are"));
  EXPECT_THAT(RewriteRefusal("/a#b"), HasSubstr("fragment"));
  EXPECT_THAT(RewriteRefusal("/a b"), HasSubstr("blanks"));
  EXPECT_THAT(RewriteRefusal("/a\r\nX: y"), HasSubstr("blanks"));
  EXPECT_THAT(RewriteRefusal("/\xc3\xa4"), HasSubstr("non-ASCII"));
}

TEST(RewriteTemplate, MostCapture) {
  EXPECT_EQ(RewriteTemplate::Parse("/x")->most_capture(), -1);
  EXPECT_EQ(RewriteTemplate::Parse("/$1/$7/$3")->most_capture(), 7);
}

}  // namespace
}  // namespace sallyport::header
