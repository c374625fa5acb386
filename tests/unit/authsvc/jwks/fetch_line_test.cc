#include "authsvc/jwks/fetch_line.h"

#include <gtest/gtest.h>

namespace sallyport::authsvc {
namespace {

std::string Taken(FetchLine* line) {
  std::string all;
  while (auto next = line->Next()) all += *next + " ";
  return all;
}

TEST(FetchLine, AServerIsWhatStandsBeforeThePath) {
  EXPECT_EQ(ServerOf("https://idp.test/realms/a"), "https://idp.test");
  EXPECT_EQ(ServerOf("https://idp.test:8443?a/b"), "https://idp.test:8443");
  EXPECT_EQ(ServerOf("https://[::1]:8443/keys"), "https://[::1]:8443");
  EXPECT_EQ(ServerOf("https://idp.test"), "https://idp.test");
  EXPECT_EQ(ServerOf(""), "");
}

TEST(FetchLine, NoMoreAtOnceThanMay) {
  FetchLine line(3, 3);
  EXPECT_EQ(Taken(&line), "");
  for (const char* key : {"1", "2", "3", "4", "5"}) line.Add(key, "https://a/");
  EXPECT_EQ(Taken(&line), "1 2 3 ");
  line.End("nobody");
  EXPECT_EQ(Taken(&line), "");
  line.End("2");
  line.End("2");
  EXPECT_EQ(Taken(&line), "4 ");
  line.End("1");
  line.Clear();
  EXPECT_EQ(Taken(&line), "");
}

TEST(FetchLine, AServerThatIsSlowLeavesRoomForOthers) {
  FetchLine line(4, 2);
  for (const char* key : {"s1", "s2", "s3", "s4", "s5"}) line.Add(key, "https://slow/keys");
  EXPECT_EQ(Taken(&line), "s1 s2 ");
  for (const char* key : {"q1", "q2", "q3"}) line.Add(key, "https://quick/keys");
  EXPECT_EQ(Taken(&line), "q1 q2 ");
  line.End("q1");
  EXPECT_EQ(Taken(&line), "q3 ");
  line.End("q2");
  line.End("q3");
  EXPECT_EQ(Taken(&line), "") << "the slow one has what it may have";
  line.End("s1");
  EXPECT_EQ(Taken(&line), "s3 ");
}

TEST(FetchLine, ServersTakeTurns) {
  FetchLine line(1, 1);
  for (const char* key : {"a1", "a2", "a3"}) line.Add(key, "https://a");
  for (const char* key : {"b1", "b2"}) line.Add(key, "https://b");
  line.Add("c1", "https://c");
  std::string order;
  while (auto next = line.Next()) {
    order += *next + " ";
    line.End(*next);
  }
  EXPECT_EQ(order, "a1 b1 c1 a2 b2 a3 ");
}

TEST(FetchLine, OneThatIsUnderWayHasItsTurnAgainAndCountsTwice) {
  FetchLine line(3, 3);
  line.Add("a", "https://a");
  line.Add("a", "https://a");
  line.Add("b", "https://a");
  line.Add("c", "https://a");
  EXPECT_EQ(Taken(&line), "a a b ");
  line.End("a");
  EXPECT_EQ(Taken(&line), "c ");
  line.Add("d", "https://a");
  EXPECT_EQ(Taken(&line), "") << "the other a is under way still";
  line.End("a");
  EXPECT_EQ(Taken(&line), "d ");
  line.End("a");
  line.Add("e", "https://a");
  EXPECT_EQ(Taken(&line), "") << "none was left to end";
}

}  // namespace
}  // namespace sallyport::authsvc
