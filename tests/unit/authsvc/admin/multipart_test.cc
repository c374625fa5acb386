#include "authsvc/admin/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::admin {
namespace {

using ::testing::HasSubstr;

constexpr char kType[] = "multipart/form-data; boundary=x7";

std::string Part(absl::string_view name, absl::string_view content) {
  return absl::StrCat("--x7\r\nContent-Disposition: form-data; name=\"", name,
                      "\"; filename=\"a;b.yaml\"\r\nContent-Type: text/plain\r\n\r\n", content,
                      "\r\n");
}

std::string Refusal(absl::string_view type, absl::string_view body) {
  return std::string(ParseMultipart(type, body).status().message());
}

TEST(Multipart, PartsWithTheirNames) {
  const auto parts =
      ParseMultipart(kType, Part("one", "a\r\n\r\nb\r\n--x") + Part("two", "") + "--x7--\r\n");
  ASSERT_TRUE(parts.ok()) << parts.status();
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].name, "one");
  EXPECT_EQ((*parts)[0].content, "a\r\n\r\nb\r\n--x");
  EXPECT_EQ((*parts)[1].content, "");
}

TEST(Multipart, BoundaryInQuotes) {
  EXPECT_TRUE(ParseMultipart("Multipart/Form-Data; charset=utf-8; Boundary=\"x7\"",
                             Part("a", "b") + "--x7--")
                  .ok());
}

TEST(Multipart, NoneOfThem) {
  EXPECT_TRUE(ParseMultipart(kType, "--x7--").ok());
  EXPECT_THAT(Refusal("application/json", "{}"), HasSubstr("must be multipart/form-data"));
  EXPECT_THAT(Refusal("multipart/form-data", "--x7--"), HasSubstr("without a boundary"));
  EXPECT_THAT(Refusal("multipart/form-data; boundary=", "--x7--"), HasSubstr("without a boundary"));
  EXPECT_THAT(Refusal(absl::StrCat("multipart/form-data; boundary=", std::string(71, 'b')), ""),
              HasSubstr("without a boundary"));
  EXPECT_THAT(Refusal(kType, ""), HasSubstr("does not begin"));
  EXPECT_THAT(Refusal(kType, Part("a", "b")), HasSubstr("does not end"));
  EXPECT_THAT(Refusal(kType, "--x7\r\n\r\n\r\nb\r\n--x7--"), HasSubstr("part"));
  EXPECT_THAT(Refusal(kType, "--x7\r\n\r\n--x7--"), HasSubstr("part"));
  EXPECT_THAT(Refusal(kType, "--x7\r\n--x7--"), HasSubstr("part"));
  EXPECT_THAT(Refusal(kType, "--x7nonsense\r\n--x7--"), HasSubstr("part"));
  EXPECT_THAT(Refusal(kType, "--x7\r\nA: b\r\n\r\nc\r\n--x7--"), HasSubstr("no name"));
  EXPECT_THAT(Refusal(kType, "--x7\r\nbroken\r\n\r\nc\r\n--x7--"), HasSubstr("broken header"));
  std::string many;
  for (int i = 0; i < 17; ++i) many += Part("a", "b");
  EXPECT_THAT(Refusal(kType, many + "--x7--"), HasSubstr("too many parts"));
}

}  // namespace
}  // namespace sallyport::authsvc::admin
