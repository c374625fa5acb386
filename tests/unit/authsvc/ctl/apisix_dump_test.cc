// What APISIX has in etcd, in the forms in which people get it out.
#include "authsvc/ctl/apisix_dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Strings = std::vector<std::string>;

Strings Read(const std::string& text, const char* prefix = "/apisix") {
  const auto objects = ReadApisixDump(text, prefix);
  if (!objects.ok()) return {std::string(objects.status().message())};
  Strings out;
  for (const DumpedObject& object : *objects)
    out.push_back(absl::StrCat(object.name, " ", object.json));
  return out;
}

std::string Pair(const char* key, const char* value) {
  return absl::StrCat("{\"key\":\"", absl::Base64Escape(key), "\",\"value\":\"",
                      absl::Base64Escape(value), "\",\"mod_revision\":7}");
}

TEST(ApisixDump, OfEtcdctlInJson) {
  EXPECT_THAT(Read(absl::StrCat("{\"header\":{\"revision\":9},\"kvs\":[",
                                Pair("/apisix/routes/", "init_dir"), ",",
                                Pair("/apisix/routes/1", "{\"uri\":\"/a\"}"), ",",
                                Pair("/apisix/ssls/2", "{}"), "],\"count\":3}\n")),
              ElementsAre("routes/1 {\"uri\":\"/a\"}", "ssls/2 {}"));
  EXPECT_THAT(Read("{\"header\":{},\"count\":0}"), IsEmpty());
  EXPECT_THAT(Read("{\"header\":{}}"), IsEmpty());
}

TEST(ApisixDump, OfEtcdctlInLines) {
  EXPECT_THAT(Read("/apisix/routes/\ninit_dir\n/apisix/routes/1\n{\"uri\":\"/a\"}\n\n"
                   "/apisix/consumers/jack\r\n{\"username\":\"jack\"}\r\n"),
              ElementsAre("routes/1 {\"uri\":\"/a\"}", "consumers/jack {\"username\":\"jack\"}"));
  EXPECT_THAT(Read("/gateway/routes/1\n{}\n", "/gateway/"), ElementsAre("routes/1 {}"));
}

TEST(ApisixDump, OfTheAdminApi) {
  EXPECT_THAT(
      Read(R"({"list":[{"key":"/apisix/routes/1","value":{"uri":"/a"},"createdIndex":4}],"total":1}
                      {"key":"/apisix/ssls/2","value":{"sni":"a.test"},"modifiedIndex":3}
                      {"list":[],"total":0})"),
      ElementsAre("routes/1 {\"uri\":\"/a\"}", "ssls/2 {\"sni\":\"a.test\"}"));
  EXPECT_THAT(Read(R"([{"key":"/apisix/routes/1","value":{}}])"), ElementsAre("routes/1 {}"));
  EXPECT_THAT(Read(R"({"node":{"dir":true,"key":"/apisix/routes","nodes":[
                      {"key":"/apisix/routes/1","value":{"uri":"/a"}}]},"count":1})"),
              ElementsAre("routes/1 {\"uri\":\"/a\"}"));
}

TEST(ApisixDump, SaysWhereItCannotBeRead) {
  const auto error = [](const std::string& text) { return Read(text).at(0); };
  EXPECT_THAT(error(" \n"), HasSubstr("empty"));
  EXPECT_THAT(error("{\"kvs\":["), HasSubstr("JSON value 1 cannot be read"));
  EXPECT_THAT(error("{\"list\":[]} {x}"), HasSubstr("JSON value 2 cannot be read"));
  EXPECT_THAT(error("{\"a\":1}"), HasSubstr("neither kvs nor list"));
  EXPECT_THAT(error("{\"kvs\":[{\"key\":\"*\"}]}"), HasSubstr("not base64"));
  EXPECT_THAT(error("{\"kvs\":{}}"), HasSubstr("kvs is no list"));
  EXPECT_THAT(error("{\"kvs\":[1]}"), HasSubstr("not base64"));
  EXPECT_THAT(error(absl::StrCat("{\"kvs\":[", Pair("/apisix/routes/1", "{}"),
                                 "],\"more\":true,\"count\":2}")),
              HasSubstr("without --limit"));
  EXPECT_THAT(error(absl::StrCat("{\"kvs\":[", Pair("/other/routes/1", "{}"), "]}")),
              HasSubstr("/other/routes/1 is not below /apisix: say --prefix"));
  EXPECT_THAT(error(absl::StrCat("{\"kvs\":[", Pair("/apisixes/routes/1", "{}"), "]}")),
              HasSubstr("is not below"));
  EXPECT_THAT(error("/apisix/routes/1\n"), HasSubstr("has no value"));
  EXPECT_THAT(error("/apisix/routes/1\n{}\n{}\n"), HasSubstr("line 3: a key is needed"));
  EXPECT_THAT(error(R"({"key":"/apisix/routes/1","value":7})"), HasSubstr("no object"));
  EXPECT_THAT(error(std::string(100, '[') + std::string(100, ']')), HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace sallyport::authsvc::ctl
