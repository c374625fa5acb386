#include "authsvc/change/script_checks.h"

#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ScriptChecksTest : public WriterTest {
 protected:
  static v1::Resource Good() {
    v1::Resource resource = ApiResource("a");
    resource.mutable_api()->clear_versions();
    v1::Endpoint* endpoint = resource.mutable_api()->add_versions()->add_endpoints();
    endpoint->mutable_rule()->set_path("^/x");
    v1::VirtualEndpoint* script = endpoint->mutable_virtual_endpoint();
    script->set_function("$answer_1");
    script->set_source("function $answer_1(request) {}");
    script->set_timeout_ms(30'000);
    script->set_memory_kib(1'024);
    resource.mutable_api()->set_script_config_json(R"({"a": 1})");
    return resource;
  }
  template <typename Change>
  void Refused(const char* text, Change change) {
    v1::Resource resource = Good();
    v1::Api* api = resource.mutable_api();
    change(api, api->mutable_versions(0)->mutable_endpoints(0)->mutable_virtual_endpoint());
    EXPECT_THAT(Refusal(resource), HasSubstr(text)) << api->ShortDebugString().substr(0, 500);
  }
};

TEST_F(ScriptChecksTest, AGoodOne) { EXPECT_THAT(WarningsOf(Good()), IsEmpty()); }

TEST_F(ScriptChecksTest, Functions) {
  for (const char* const name : {"", "1a", "a.b", "a-b", "a()", "a b", "\xC3\xBC"}) {
    Refused("must be the name of a function",
            [&](v1::Api*, v1::VirtualEndpoint* script) { script->set_function(name); });
  }
  Refused("must be the name of a function", [&](v1::Api*, v1::VirtualEndpoint* script) {
    script->set_function(std::string(129, 'a'));
  });
  Refused("does not define the function other",
          [](v1::Api*, v1::VirtualEndpoint* script) { script->set_function("other"); });
}

TEST_F(ScriptChecksTest, Sources) {
  Refused("source is missing",
          [](v1::Api*, v1::VirtualEndpoint* script) { script->clear_source(); });
  Refused("at most 262144", [](v1::Api*, v1::VirtualEndpoint* script) {
    script->mutable_source()->append(256 << 10, ' ');
  });
  Refused("bytes together, at most 1048576", [](v1::Api* api, v1::VirtualEndpoint* script) {
    script->mutable_source()->append(250 << 10, ' ');
    for (int i = 0; i < 4; ++i)
      *api->mutable_versions(0)->add_endpoints() = v1::Endpoint(api->versions(0).endpoints(0));
  });
}

TEST_F(ScriptChecksTest, Limits) {
  Refused("timeout_ms must be at most 30000",
          [](v1::Api*, v1::VirtualEndpoint* script) { script->set_timeout_ms(30'001); });
  for (const uint32_t kib : {1u, 1'023u, 131'073u, 0xFFFFFFFFu}) {
    Refused("memory_kib must be between",
            [&](v1::Api*, v1::VirtualEndpoint* script) { script->set_memory_kib(kib); });
  }
}

TEST_F(ScriptChecksTest, Configs) {
  for (const char* const config : {"1", "[]", "{", "null", "{} {}"}) {
    Refused("must be a JSON object",
            [&](v1::Api* api, v1::VirtualEndpoint*) { api->set_script_config_json(config); });
  }
  Refused("at most 65536", [](v1::Api* api, v1::VirtualEndpoint*) {
    api->set_script_config_json("{\"a\":\"" + std::string(64 << 10, 'x') + "\"}");
  });
}

}  // namespace
}  // namespace sallyport::authsvc
