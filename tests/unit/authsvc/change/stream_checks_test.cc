// APIs of protocols tls and tcp: what they must fulfil, and the ports that they have to themselves.
#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StreamChecksTest : public WriterTest {
 protected:
  static v1::Resource Stream(const std::string& id, const std::string& protocol = "tls",
                             uint32_t port = 5432) {
    v1::Resource resource;
    v1::Api* const api = resource.mutable_api();
    api->set_id(id);
    api->set_org_id("org");
    api->set_protocol(protocol);
    api->set_listen_port(port);
    api->set_keyless(true);
    api->mutable_upstream()->add_targets()->set_url("tcp://db.example:5432");
    return resource;
  }
  template <typename Change>
  void Refused(const char* text, const char* protocol, Change change) {
    v1::Resource resource = Stream("a", protocol);
    change(resource.mutable_api());
    EXPECT_THAT(Refusal(resource), HasSubstr(text)) << resource.ShortDebugString();
    EXPECT_EQ(writer_->snapshot()->revision(), 0u);
  }
  template <typename Change>
  void Refused(const char* text, Change change) {
    Refused(text, "tls", change);
    Refused(text, "tcp", change);
  }
};

TEST_F(StreamChecksTest, GoodOnes) {
  EXPECT_TRUE(RunPut(Stream("a", "tcp")).ok());
  v1::Resource tls = Stream("b", "tls", 5433);
  tls.mutable_api()->add_hosts("*.db.example");
  tls.mutable_api()->set_listen_path("/");
  tls.mutable_api()->mutable_upstream()->mutable_targets(0)->set_url("tls://[::1]:5432");
  EXPECT_TRUE(RunPut(tls).ok());
}

TEST_F(StreamChecksTest, RefusesWhatCannotBeServed) {
  Refused("must be http, tls or tcp", [](v1::Api* api) { api->set_protocol("udp"); });
  Refused("listen_port is required", [](v1::Api* api) { api->clear_listen_port(); });
  Refused("listen_port is required", [](v1::Api* api) { api->set_listen_port(70'000); });
  Refused("there are no paths", [](v1::Api* api) { api->set_listen_path("/x"); });
  Refused("has its port alone", "tcp", [](v1::Api* api) { api->add_hosts("db.example"); });
  Refused("no way to present a token", [](v1::Api* api) {
    api->set_keyless(false);
    api->mutable_token()->set_enabled(true);
  });
  Refused("without TLS", "tcp", [](v1::Api* api) {
    api->set_keyless(false);
    api->mutable_client_tls()->set_dynamic_mtls(true);
  });
  Refused("without TLS", "tcp", [](v1::Api* api) {
    api->mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_OPTIONAL);
    api->mutable_client_tls()->add_allowlist()->set_certificate_id("x");
  });
  Refused("nothing can let a caller in", [](v1::Api* api) { api->set_keyless(false); });
}

TEST_F(StreamChecksTest, RefusesWhatIsOfHttp) {
  Refused("versions is for HTTP", [](v1::Api* api) { api->add_versions(); });
  Refused("versioning is for HTTP",
          [](v1::Api* api) { api->mutable_versioning()->set_enabled(true); });
  Refused("cors is for HTTP", [](v1::Api* api) { api->mutable_cors()->set_enabled(true); });
  Refused("allow_plain_http is for HTTP", [](v1::Api* api) { api->set_allow_plain_http(true); });
  Refused("identity_header is for HTTP", [](v1::Api* api) { api->set_identity_header("x-id"); });
  Refused("identity_forwarding is for HTTP",
          [](v1::Api* api) { api->mutable_identity_forwarding(); });
  Refused("preserve_host_header is for HTTP",
          [](v1::Api* api) { api->mutable_upstream()->set_preserve_host_header(true); });
  Refused("upstream.protocol is for HTTP",
          [](v1::Api* api) { api->mutable_upstream()->set_protocol("h2"); });
  Refused("health_check is for HTTP",
          [](v1::Api* api) { api->mutable_upstream()->mutable_health_check()->set_enabled(true); });
  Refused("header or cookie is for HTTP", [](v1::Api* api) {
    v1::Balancing* const balancing = api->mutable_upstream()->mutable_balancing();
    balancing->set_policy("consistent_hash");
    balancing->set_hash_on("cookie");
    balancing->set_hash_name("c");
  });
}

TEST_F(StreamChecksTest, RefusesTargetsOfHttpAndThoseWithoutPort) {
  for (const auto& [url, text] :
       {std::pair("http://db.example:1", "tcp:// or tls://"), std::pair("", "tcp:// or tls://"),
        std::pair("tcp://db.example", "has no port"), std::pair("tcp://db:1/", "end with its port"),
        std::pair("tls://db:1?x", "end with its port"), std::pair("tls://u@db:1", "user"),
        std::pair("tls://d b:1", "blanks"), std::pair("tls://:1", "target")}) {
    Refused(text, [&wrong = url](v1::Api* api) {
      api->mutable_upstream()->mutable_targets(0)->set_url(wrong);
    });
  }
  v1::Resource http = ApiResource("http");
  http.mutable_api()->mutable_upstream()->mutable_targets(0)->set_url("tls://db.example:1");
  EXPECT_THAT(Refusal(http), HasSubstr("http://"));
  http = ApiResource("http");
  http.mutable_api()->set_proxy_protocol(true);
  EXPECT_THAT(Refusal(http), HasSubstr("proxy_protocol"));
}

TEST_F(StreamChecksTest, OfTlsSeveralShareAPortByName) {
  v1::Resource red = Stream("red");
  red.mutable_api()->add_hosts("red.example");
  v1::Resource blue = Stream("blue");
  blue.mutable_api()->add_hosts("blue.example");
  MustPut(red);
  MustPut(blue);
  MustPut(Stream("any"));
  EXPECT_THAT(Refusal(Stream("another")), HasSubstr("API any"));
  blue.mutable_api()->set_id("second-blue");
  EXPECT_THAT(Refusal(blue), HasSubstr("the same host at port 5432 is that of API blue"));
  v1::Resource proxied = Stream("proxied");
  proxied.mutable_api()->add_hosts("green.example");
  proxied.mutable_api()->set_proxy_protocol(true);
  EXPECT_THAT(Refusal(proxied), HasSubstr("proxy_protocol must be the same"));
}

TEST_F(StreamChecksTest, OneOfTcpIsAloneAtItsPort) {
  MustPut(Stream("first", "tcp"));
  v1::Resource named = Stream("named");
  named.mutable_api()->add_hosts("db.example");
  for (const v1::Resource& second : {Stream("second", "tcp"), Stream("second"), named}) {
    const auto refused = RunPut(second);
    EXPECT_TRUE(absl::IsAlreadyExists(refused.status())) << refused.status();
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("API first"));
  }
  v1::Resource other_group = Stream("second", "tcp");
  other_group.mutable_api()->add_groups("eu");
  EXPECT_THAT(Refusal(other_group), HasSubstr("API first")) << "the first is everywhere";
  v1::Resource inactive = Stream("second", "tcp");
  inactive.mutable_api()->set_inactive(true);
  MustPut(inactive);
  inactive.mutable_api()->set_inactive(false);
  EXPECT_THAT(Refusal(inactive), HasSubstr("API first"));
  EXPECT_TRUE(Run(Of(Put(inactive), Delete(Kind::kApi, "first"))).ok()) << "in one write";
}

TEST_F(StreamChecksTest, HttpHasNoneOfTheirPorts) {
  MustPut(Stream("db"));
  v1::Resource http = ApiResource("http");
  http.mutable_api()->set_listen_port(5432);
  EXPECT_THAT(Refusal(http), HasSubstr("its protocol is tls"));
  v1::Resource listener;
  listener.mutable_listener()->set_id("l");
  listener.mutable_listener()->set_address("::1");
  listener.mutable_listener()->set_port(5432);
  EXPECT_THAT(Refusal(listener), HasSubstr("API db"));
  http.mutable_api()->set_listen_port(6000);
  MustPut(http);
  listener.mutable_listener()->set_port(6001);
  MustPut(listener);
  EXPECT_THAT(Refusal(Stream("b", "tls", 6000)), HasSubstr("HTTP is spoken there"));
  EXPECT_THAT(Refusal(Stream("b", "tcp", 6001)), HasSubstr("listener l"));
  // The port is free again with the API.
  ASSERT_TRUE(Run(Of(Delete(Kind::kApi, "db"))).ok());
  listener.mutable_listener()->set_port(5432);
  EXPECT_THAT(Refusal(listener), IsEmpty());
}

TEST_F(StreamChecksTest, SaysThatClientsWithoutSniGetNoCertificateOfTheApi) {
  EXPECT_THAT(WarningsOf(Stream("a")), HasSubstr("SNI"));
}

}  // namespace
}  // namespace sallyport::authsvc
