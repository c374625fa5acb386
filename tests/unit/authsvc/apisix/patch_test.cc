#include "authsvc/apisix/patch.h"

#include "gtest/gtest.h"

namespace sallyport::authsvc::apisix {
namespace {

std::string Merged(const char* document, const char* patch) {
  Json json = Json::parse(document);
  Merge(Json::parse(patch), &json);
  return json.dump();
}

TEST(ApisixPatch, ObjectsAreMergedArraysReplacedNullTakesAway) {
  EXPECT_EQ(Merged(R"({"a":{"b":1,"c":2},"d":[1,2]})", R"({"a":{"c":3},"d":[9]})"),
            R"({"a":{"b":1,"c":3},"d":[9]})");
  EXPECT_EQ(Merged(R"({"a":1,"b":2})", R"({"a":null})"), R"({"b":2})");
  EXPECT_EQ(Merged(R"({"a":{"b":1}})", R"({"a":{"b":null,"x":{"y":null,"z":1}}})"),
            R"({"a":{"x":{"z":1}}})");
  EXPECT_EQ(Merged(R"({"a":1})", R"({"a":{"b":2}})"), R"({"a":{"b":2}})");
}

TEST(ApisixPatch, ASubPathIsReplaced) {
  const auto set = [](absl::string_view path, const char* value) {
    Json json = Json::parse(R"({"a":{"b":[1,{"c":2}]},"d":1})");
    const absl::Status status = SetAt(path, Json::parse(value), &json);
    return status.ok() ? json.dump() : std::string(status.message());
  };
  EXPECT_EQ(set("d", "[1]"), R"({"a":{"b":[1,{"c":2}]},"d":[1]})");
  EXPECT_EQ(set("a/b/1/c", "3"), R"({"a":{"b":[1,{"c":3}]},"d":1})");
  EXPECT_EQ(set("a/new", "3"), R"({"a":{"b":[1,{"c":2}],"new":3},"d":1})");
  for (const char* const wrong : {"", "x/y", "a/b/2", "a/b/x", "d/e", "a//b", "a/b/-1"})
    EXPECT_EQ(set(wrong, "1"), std::string("invalid sub-path: /") + wrong);
}

}  // namespace
}  // namespace sallyport::authsvc::apisix
