#include "dataplane/script/memory_message.h"

#include <gtest/gtest.h>

namespace sallyport::dataplane {
namespace {

TEST(MemoryBody, IsGivenOnce) {
  MemoryBody body("text");
  EXPECT_EQ(body.content_length(), 4u);
  const BodyPiece piece = body.TryNext();
  EXPECT_EQ(piece.kind, BodyPiece::Kind::kData);
  EXPECT_EQ(piece.data, "text");
  EXPECT_EQ(body.TryNext().kind, BodyPiece::Kind::kEnd);
  EXPECT_EQ(MemoryBody("").TryNext().kind, BodyPiece::Kind::kEnd);
}

TEST(MemorySink, KeepsNoMoreThanItMay) {
  MemorySink sink(10);
  AnswerHead head;
  head.fields = {{"a-b", "12"}};
  sink.Start(head);
  EXPECT_TRUE(sink.Append("12345"));
  EXPECT_TRUE(sink.Finish({}));
  EXPECT_FALSE(sink.Append("6"));
  EXPECT_TRUE(sink.too_large());
  EXPECT_FALSE(sink.Finish({}));
  EXPECT_EQ(sink.body, "12345");
  EXPECT_EQ(sink.fields, (script::Fields{{"A-B", "12"}}));
}

TEST(MemorySink, AnAnswerThatIsTakenBackLeavesNothing) {
  MemorySink sink(10);
  AnswerHead head;
  head.fields = {{"a", "1"}};
  sink.Start(head);
  EXPECT_TRUE(sink.Append("12345678"));
  EXPECT_TRUE(sink.Abandon());
  EXPECT_TRUE(sink.fields.empty() && sink.body.empty());
  EXPECT_TRUE(sink.Append("1234567890"));
}

TEST(MemorySink, FieldsAreCalledAsScriptsCallThem) {
  EXPECT_EQ(CanonicalFieldName("content-TYPE"), "Content-Type");
  EXPECT_EQ(CanonicalFieldName("x"), "X");
  EXPECT_EQ(CanonicalFieldName(""), "");
}

}  // namespace
}  // namespace sallyport::dataplane
