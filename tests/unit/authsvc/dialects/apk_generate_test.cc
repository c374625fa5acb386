#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "authsvc/dialects/apk/conf.h"
#include "authsvc/dialects/apk/generate.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

using ::testing::HasSubstr;

constexpr char kDefinition[] = R"(
openapi: 3.0.1
info: {title: EmployeeServiceAPI, version: "3.14"}
servers: [{url: "https://employees.example/v3"}]
security: [{default: [all]}]
paths:
  /employee:
    get: {security: [{default: [read]}, {other: [write]}]}
    post: {}
    parameters: []
  "/employee/{id}":
    delete: {x-auth-type: None, security: []}
)";

std::string Errors(const std::string& text) {
  const auto documents = ReadDocuments(text);
  EXPECT_TRUE(documents.ok()) << documents.status();
  return documents.ok() ? Texts(ConfOfOpenApi(documents->front()).errors) : "";
}

TEST(ApkGenerate, ServesWhatTheDefinitionDescribes) {
  const auto documents = ReadDocuments(kDefinition);
  ASSERT_TRUE(documents.ok());
  const GeneratedConf made = ConfOfOpenApi(documents->front());
  ASSERT_TRUE(made.errors.empty()) << Texts(made.errors);
  EXPECT_EQ(ToJson(made.conf),
            R"({"name":"EmployeeServiceAPI","basePath":"/RW1wbG95ZWVTZXJ2aWNlQVBJMy4xNA",)"
            R"("version":"3.14","type":"REST","defaultVersion":false,"endpointConfigurations":)"
            R"({"production":{"endpoint":"https://employees.example/v3"}},"operations":[)"
            R"({"target":"/employee","verb":"GET","secured":true,"scopes":["read","write"]},)"
            R"({"target":"/employee","verb":"POST","secured":true,"scopes":["all"]},)"
            R"({"target":"/employee/{id}","verb":"DELETE","secured":false,"scopes":[]}]})");
  EXPECT_TRUE(ConvertConf(made.conf, TestOptions()).ok());
}

TEST(ApkGenerate, OfSwagger) {
  const auto documents = ReadDocuments(
      "swagger: '2.0'\ninfo: {title: A, version: 1.0}\nhost: a.example\nbasePath: /v1\nschemes: "
      "[https, http]\npaths: {/a: {get: {}}}\n");
  ASSERT_TRUE(documents.ok());
  const GeneratedConf made = ConfOfOpenApi(documents->front());
  EXPECT_TRUE(made.errors.empty()) << Texts(made.errors);
  EXPECT_THAT(ToJson(made.conf), HasSubstr("https://a.example/v1"));
}

TEST(ApkGenerate, Refusals) {
  EXPECT_THAT(Errors("[]"), HasSubstr("object"));
  EXPECT_THAT(Errors("openapi: 4.0.0\ninfo: {title: a, version: b}\npaths: {/a: {get: {}}}\n"),
              HasSubstr("other definitions are not read"));
  EXPECT_THAT(Errors("openapi: 3.0.0\npaths: {/a: {get: {}}}\n"), HasSubstr("info.title"));
  EXPECT_THAT(Errors("openapi: 3.0.0\ninfo: {title: a, version: b}\npaths: {}\n"),
              HasSubstr("describes no operation"));
  EXPECT_THAT(Errors("openapi: 3.0.0\ninfo: {title: a, version: b}\npaths: {a: {get: {}}}\n"),
              HasSubstr("must begin with /"));
  EXPECT_THAT(Errors("openapi: 3.0.0\ninfo: {title: a, version: b}\npaths: {/a: {$ref: x}}\n"),
              HasSubstr("is not followed"));
  EXPECT_THAT(Errors("openapi: 3.0.0\ninfo: {title: a, version: b}\npaths: {/a: {get: 7}}\n"),
              HasSubstr("paths"));
}

}  // namespace
}  // namespace sallyport::authsvc::dialects::apk
