#include "dataplane/http2/field_block.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sallyport::dataplane {
namespace {

std::vector<std::pair<std::string, std::string>> Of(const FieldBlock& fields) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (size_t i = 0; i < fields.size(); ++i) {
    const nghttp2_nv& field = fields.data()[i];
    pairs.emplace_back(std::string(reinterpret_cast<const char*>(field.name), field.namelen),
                       std::string(reinterpret_cast<const char*>(field.value), field.valuelen));
  }
  return pairs;
}

TEST(FieldBlock, AHeadInLowerCaseWithItsLength) {
  AnswerHead head;
  head.status = 200;
  std::string value = "Text/Plain";
  head.fields = {{"Content-Type", value}, {"X-Request-Id", "1"}, {"", "no name"}};
  head.length = 18446744073709551615ULL;
  FieldBlock fields;
  fields.Answer(head);
  value = "changed!!!";
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {":status", "200"},
      {"content-type", "Text/Plain"},
      {"x-request-id", "1"},
      {"content-length", "18446744073709551615"}};
  EXPECT_EQ(Of(fields), wanted) << "and is a copy";
  EXPECT_NE(fields.data()[2].flags & NGHTTP2_NV_FLAG_NO_INDEX, 0)
      << "another one with every answer";
  EXPECT_EQ(fields.data()[1].flags & NGHTTP2_NV_FLAG_NO_INDEX, 0);
}

TEST(FieldBlock, ManyFieldsDoNotMove) {
  std::vector<std::string> names;
  AnswerHead head;
  head.status = 503;
  for (int i = 0; i < 300; ++i) names.push_back("X-Name-" + std::to_string(i));
  for (const std::string& name : names) head.fields.push_back({name, name});
  FieldBlock fields;
  fields.Answer(head);
  const auto pairs = Of(fields);
  ASSERT_EQ(pairs.size(), 301u);
  for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(pairs[i + 1].second, names[i]);
}

TEST(FieldBlock, TrailersHaveNoStatus) {
  FieldBlock fields;
  EXPECT_TRUE(fields.empty());
  fields.Trailers({{"Grpc-Status", "0"}});
  const std::vector<std::pair<std::string, std::string>> wanted = {{"grpc-status", "0"}};
  EXPECT_EQ(Of(fields), wanted);
  fields.Clear();
  EXPECT_TRUE(fields.empty());
}

}  // namespace
}  // namespace sallyport::dataplane
