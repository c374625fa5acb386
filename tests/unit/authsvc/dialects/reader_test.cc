#include "authsvc/dialects/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::dialects {
namespace {

using ::testing::HasSubstr;

Node One(absl::string_view text) {
  auto documents = ReadDocuments(text);
  EXPECT_TRUE(documents.ok()) << documents.status();
  if (!documents.ok() || documents->size() != 1) return Node();
  return documents->front();
}

std::string Error(absl::string_view text) {
  const auto documents = ReadDocuments(text);
  return documents.ok() ? "" : std::string(documents.status().message());
}

TEST(ReadJson, KeepsTypesOrderAndLines) {
  const Node node = One("{\n \"b\": 1,\n \"a\": [true, null, \"x\", 1.5\n],\n \"c\": 7\n}");
  ASSERT_EQ(node.members.size(), 3u);
  EXPECT_EQ(node.members[0].first, "b");
  EXPECT_EQ(node.members[0].second.integer, 1);
  EXPECT_EQ(node.members[0].second.line, 2);
  EXPECT_EQ(node.members[2].second.line, 5);
  EXPECT_EQ(ToJson(node), R"({"b":1,"a":[true,null,"x",1.5],"c":7})");
}

TEST(ReadJson, RefusesWhatIsNotJson) {
  for (const char* text : {"{", "{\"a\":}", "{} {}", "[1,]", "{\"a\":1,}", "{'a':1}",
                           "{\"a\":\"\x80\"}", "{\"a\":NaN}", "[1e999]"}) {
    EXPECT_FALSE(ReadJson(text).ok()) << text;
  }
  EXPECT_FALSE(ReadJson("").ok());
  EXPECT_THAT(Error("{\n\"a\": 1,\n\"a\": 2}"), HasSubstr("line 3: \"a\" stands twice"));
}

TEST(ReadJson, NeverQuotesTheInput) {
  EXPECT_THAT(Error("{\"private\": hunter2}"), ::testing::Not(HasSubstr("hunter2")));
}

TEST(ReadJson, DepthAndCountAreBounded) {
  EXPECT_THAT(Error(std::string(100000, '[')), HasSubstr("nested deeper"));
  EXPECT_THAT(Error(absl::StrCat("{\"a\":", std::string(70, '['), std::string(70, ']'), "}")),
              HasSubstr("nested deeper"));
  std::string many = "[0";
  for (int i = 0; i < 600000; ++i) many += ",0";
  EXPECT_THAT(Error(many + "]"), HasSubstr("more than 500000 values"));
}

TEST(ReadDocuments, HugeTextIsRefusedBySize) {
  EXPECT_THAT(Error(std::string(100 * 1024 * 1024, ' ')), HasSubstr("at most 8388608 are read"));
}

TEST(ReadYaml, SeveralDocumentsWithLines) {
  const auto documents = ReadDocuments("a: 1\n---\n\n---\nb: [x, 'y']\n...\n");
  ASSERT_TRUE(documents.ok()) << documents.status();
  ASSERT_EQ(documents->size(), 2u);
  EXPECT_EQ((*documents)[1].Find("b")->line, 5);
}

TEST(ReadYaml, ScalarsByTheCoreSchema) {
  const Node node =
      One("a: yes\nb: true\nc: 0x1F\nd: 1.5\ne: ~\nf: '7'\ng: 0o17\nh: 1e3\ni: on\nj: -3\nk: .5\n");
  EXPECT_EQ(node.Find("a")->type, Node::Type::kString);
  EXPECT_TRUE(node.Find("b")->boolean);
  EXPECT_EQ(node.Find("c")->integer, 31);
  EXPECT_EQ(node.Find("d")->number, 1.5);
  EXPECT_EQ(node.Find("e")->type, Node::Type::kNull);
  EXPECT_EQ(node.Find("f")->type, Node::Type::kString);
  EXPECT_EQ(node.Find("g")->integer, 15);
  EXPECT_EQ(node.Find("h")->number, 1000);
  EXPECT_EQ(node.Find("i")->type, Node::Type::kString);
  EXPECT_EQ(node.Find("j")->integer, -3);
  EXPECT_EQ(node.Find("k")->number, 0.5);
}

TEST(ReadYaml, ALongRowOfDigitsKeepsItsText) {
  const std::string id(64, '1');
  EXPECT_EQ(One(absl::StrCat("id: ", id)).Find("id")->text, id);
}

TEST(ReadYaml, AliasesAreExpandedAndCounted) {
  EXPECT_EQ(One("a: &x {k: v}\nb: *x\n").Find("b")->Text("k"), "v");
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += absl::StrCat("a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) bomb += absl::StrCat(j == 0 ? "" : ",", "*a", i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(Error(bomb), HasSubstr("more than 500000 values"));
  std::string text_bomb = absl::StrCat("a: &a ", std::string(100000, 'x'), "\nb: [");
  for (int i = 0; i < 1000; ++i) text_bomb += "*a,";
  EXPECT_THAT(Error(text_bomb + "]\n"), HasSubstr("too much text"));
}

TEST(ReadYaml, RefusesWhatIsAmbiguous) {
  EXPECT_THAT(Error("a: 1\na: 2\n"), HasSubstr("line 2: \"a\" stands twice"));
  EXPECT_THAT(Error("a: &x {k: v}\nb:\n  <<: *x\n"), HasSubstr("merge keys"));
  EXPECT_THAT(Error("a: &x [*x]\n"), HasSubstr("alias"));
  EXPECT_FALSE(Error("? [a]\n: b\n").empty());
  EXPECT_THAT(Error("a: !!binary aGVsbG8=\n"), HasSubstr("unknown tag"));
  EXPECT_FALSE(Error("a: *nowhere\n").empty());
  EXPECT_FALSE(Error("a: [1, 2\nb: 3").empty());
}

TEST(ReadYaml, DepthIsBounded) {
  std::string deep;
  for (int i = 0; i < 3000; ++i)
    deep += absl::StrCat(std::string(static_cast<size_t>(i), ' '), "a:\n");
  EXPECT_THAT(Error(deep), HasSubstr("nested deeper"));
  EXPECT_FALSE(Error(absl::StrCat("a: ", std::string(5000, '['))).empty());
}

TEST(ReadDocuments, NothingIsNothing) {
  const auto documents = ReadDocuments("# only a comment\n---\n");
  ASSERT_TRUE(documents.ok()) << documents.status();
  EXPECT_TRUE(documents->empty());
}

TEST(ReadDocuments, JsonMayBeFollowedByFurtherYamlDocuments) {
  const auto documents = ReadDocuments("{\"a\": 1}\n---\nb: 2\n");
  ASSERT_TRUE(documents.ok()) << documents.status();
  ASSERT_EQ(documents->size(), 2u);
  EXPECT_EQ((*documents)[1].Find("b")->integer, 2);
  EXPECT_FALSE(ReadDocuments("{\"a\": 1}\n{\"b\": 2}\n").ok());
  EXPECT_FALSE(ReadDocuments("{\"a\": 1, \"a\": 2}\n---\nb: 2\n").ok()) << "twice the same name";
}

}  // namespace
}  // namespace sallyport::authsvc::dialects
