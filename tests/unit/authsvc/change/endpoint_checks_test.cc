// What endpoints may change of requests and answers.
#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class EndpointChecksTest : public WriterTest {
 protected:
  static v1::Resource With(const v1::Endpoint& endpoint) {
    v1::Resource resource = ApiResource("a");
    resource.mutable_api()->clear_versions();
    *resource.mutable_api()->add_versions()->add_endpoints() = endpoint;
    return resource;
  }
  static v1::Endpoint Good() {
    v1::Endpoint endpoint;
    endpoint.mutable_rule()->set_path("^/x");
    v1::Rewrite* rewrite = endpoint.mutable_rewrite();
    rewrite->set_pattern("^/x/(.*)$");
    rewrite->set_target("https://other.example/$1");
    v1::RewriteTrigger* trigger = rewrite->add_triggers();
    trigger->set_target("/y/{trigger:X-A:1}");
    v1::RewriteCondition* condition = trigger->add_conditions();
    condition->set_source("header");
    condition->set_name("X-A");
    condition->set_pattern("(a+)");
    return endpoint;
  }
  // `change` makes a good endpoint bad; the refusal must name `text`.
  template <typename Change>
  void Refused(const char* text, Change change) {
    v1::Endpoint endpoint = Good();
    change(&endpoint);
    EXPECT_THAT(Refusal(With(endpoint)), HasSubstr(text)) << endpoint.ShortDebugString();
    EXPECT_EQ(writer_->snapshot()->revision(), 0u);
  }
};

TEST_F(EndpointChecksTest, AGoodOne) { EXPECT_THAT(WarningsOf(With(Good())), IsEmpty()); }

TEST_F(EndpointChecksTest, Places) {
  Refused("path is missing", [](v1::Endpoint* one) { one->mutable_rule()->clear_path(); });
  Refused("regular expression", [](v1::Endpoint* one) { one->mutable_rule()->set_path("("); });
  Refused("an empty method", [](v1::Endpoint* one) { one->mutable_rule()->add_methods(""); });
}

TEST_F(EndpointChecksTest, Rewrites) {
  Refused("pattern is missing", [](v1::Endpoint* one) { one->mutable_rewrite()->clear_pattern(); });
  Refused("regular expression",
          [](v1::Endpoint* one) { one->mutable_rewrite()->set_pattern("("); });
  Refused("fixed text",
          [](v1::Endpoint* one) { one->mutable_rewrite()->set_target("https://$1/"); });
  Refused("uses $2, and the pattern captures 1",
          [](v1::Endpoint* one) { one->mutable_rewrite()->set_target("/$2"); });
  Refused("must start with http://",
          [](v1::Endpoint* one) { one->mutable_rewrite()->set_target("ftp://x/"); });
  Refused("user or password",
          [](v1::Endpoint* one) { one->mutable_rewrite()->set_target("https://u@x/"); });
  Refused("needs a target or triggers", [](v1::Endpoint* one) {
    one->mutable_rewrite()->clear_target();
    one->mutable_rewrite()->clear_triggers();
  });
  Refused("no condition of this trigger is called X-A",
          [](v1::Endpoint* one) { one->mutable_rewrite()->set_target("/{trigger:X-A}"); });
}

TEST_F(EndpointChecksTest, Triggers) {
  const auto trigger = [](v1::Endpoint* one) {
    return one->mutable_rewrite()->mutable_triggers(0);
  };
  Refused("without conditions", [&](v1::Endpoint* one) { trigger(one)->clear_conditions(); });
  Refused("is empty", [&](v1::Endpoint* one) { trigger(one)->clear_target(); });
  Refused("no condition of this trigger is called X-B",
          [&](v1::Endpoint* one) { trigger(one)->set_target("/{trigger:X-B}"); });
  Refused("captures 1 groups",
          [&](v1::Endpoint* one) { trigger(one)->set_target("/{trigger:X-A:2}"); });
  Refused("no condition of this trigger is called X-A", [&](v1::Endpoint* one) {
    trigger(one)->mutable_conditions(0)->set_reverse(true);  // it holds without having found any
  });
  Refused("must be header, query",
          [&](v1::Endpoint* one) { trigger(one)->mutable_conditions(0)->set_source("payload"); });
  Refused("without name",
          [&](v1::Endpoint* one) { trigger(one)->mutable_conditions(0)->clear_name(); });
  Refused("valid header name",
          [&](v1::Endpoint* one) { trigger(one)->mutable_conditions(0)->set_name("a b"); });
  Refused("regular expression",
          [&](v1::Endpoint* one) { trigger(one)->mutable_conditions(0)->set_pattern("("); });
}

TEST_F(EndpointChecksTest, HeadersThatAreOurOwn) {
  for (const char* name :
       {"Host", "Content-Length", "Transfer_Encoding", "x-forwarded-client-cert", "Client-Cert"}) {
    Refused("is the gateway's own", [&](v1::Endpoint* one) {
      (*one->mutable_request_headers()->mutable_set())[name] = "x";
    });
    Refused("is the gateway's own",
            [&](v1::Endpoint* one) { one->mutable_request_headers()->add_remove(name); });
  }
  for (const char* name : {"Content-Length", "Connection", "X-Request-Id"}) {
    Refused("is the gateway's own", [&](v1::Endpoint* one) {
      (*one->mutable_response_headers()->mutable_set())[name] = "x";
    });
    Refused("is the gateway's own",
            [&](v1::Endpoint* one) { one->mutable_response_headers()->add_remove(name); });
  }
  Refused("control characters", [&](v1::Endpoint* one) {
    (*one->mutable_response_headers()->mutable_set())["X-A"] = "a\r\nSet-Cookie: b";
  });
  Refused("not a valid header name",
          [&](v1::Endpoint* one) { one->mutable_response_headers()->add_remove("a b"); });
}

TEST_F(EndpointChecksTest, MethodsAndSizes) {
  for (const char* method : {"CONNECT", "HEAD", "TRACE"})
    Refused("cannot be sent as", [&](v1::Endpoint* one) { one->set_method(method); });
  Refused("not a valid name", [](v1::Endpoint* one) { one->set_method("G T"); });
  Refused("max_body_bytes", [](v1::Endpoint* one) { one->set_max_body_bytes(-1); });
}

}  // namespace
}  // namespace sallyport::authsvc
