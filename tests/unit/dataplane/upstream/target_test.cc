#include "dataplane/upstream/target.h"

#include <gtest/gtest.h>

namespace sallyport::dataplane {
namespace {

TEST(TargetTest, Parts) {
  const UpstreamTargetPtr target =
      *ParseUpstreamTarget("HTTPS://Api.Example.COM.:8443/base/path/?a=1");
  EXPECT_TRUE(target->tls);
  EXPECT_EQ(target->host, "api.example.com");
  EXPECT_EQ(target->port, 8443);
  EXPECT_EQ(target->written_port, "8443");
  EXPECT_EQ(target->authority, "api.example.com:8443");
  EXPECT_EQ(target->path, "/base/path");
  EXPECT_EQ(target->query, "a=1");
  EXPECT_FALSE(target->host_is_ip);
}

TEST(TargetTest, DefaultPorts) {
  EXPECT_EQ((*ParseUpstreamTarget("http://a"))->port, 80);
  EXPECT_EQ((*ParseUpstreamTarget("https://a"))->port, 443);
  EXPECT_EQ((*ParseUpstreamTarget("https://a"))->authority, "a");
  EXPECT_EQ((*ParseUpstreamTarget("https://a:443"))->authority, "a:443");
}

TEST(TargetTest, Addresses) {
  const UpstreamTargetPtr six = *ParseUpstreamTarget("http://[2001:DB8::1]:81/x");
  EXPECT_EQ(six->host, "2001:db8::1");
  EXPECT_TRUE(six->host_is_ip);
  EXPECT_EQ(six->authority, "[2001:db8::1]:81");
  EXPECT_TRUE((*ParseUpstreamTarget("http://192.0.2.1"))->host_is_ip);
}

TEST(TargetTest, Refused) {
  for (const char* url : {"",
                          "api.example.com",
                          "ftp://a",
                          "http://",
                          "http:///x",
                          "http://a b",
                          "http://a/ b",
                          "http://user@a",
                          "http://user:pw@a/",
                          "http://a:0",
                          "http://a:65536",
                          "http://a:x",
                          "http://a:",
                          "http://a:80:80",
                          "http://[::1",
                          "http://[a]:1",
                          "http://[::1]x",
                          "http://.a",
                          "http://a..b",
                          "http://-a",
                          "http://a/#f",
                          "http://a/\x7f",
                          "http://a/\r\nX: y",
                          "http://a\r\n",
                          "http://a/\\",
                          "http://\xc3\xa4/"}) {
    EXPECT_FALSE(ParseUpstreamTarget(url).ok()) << url;
  }
}

struct JoinCase {
  const char* url;
  const char* path;
  const char* query;
  const char* joined;
};
TEST(TargetTest, Join) {
  const JoinCase cases[] = {{"http://a", "/", "", "/"},
                            {"http://a/", "/x", "", "/x"},
                            {"http://a/b", "/", "", "/b"},
                            {"http://a/b/", "/x/", "q=1", "/b/x/?q=1"},
                            {"http://a", "", "", "/"},
                            {"http://a/b", "x", "", "/b/x"},
                            {"http://a?k=1", "/x", "", "/x?k=1"},
                            {"http://a/?k=1", "/x", "q=2", "/x?k=1&q=2"},
                            {"http://a", "/x", "q", "/x?q"}};
  for (const JoinCase& one : cases) {
    EXPECT_EQ(JoinPath(**ParseUpstreamTarget(one.url), one.path, one.query), one.joined) << one.url;
  }
}

}  // namespace
}  // namespace sallyport::dataplane
