// What an API, settings, a listener or a bundle must fulfil to be written.
#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ApiChecksTest : public WriterTest {
 protected:
  // `change` makes a good API bad; the refusal must name `text`, and nothing is stored.
  template <typename Change>
  void Refused(const char* text, Change change) {
    v1::Resource resource = ApiResource("a");
    change(resource.mutable_api());
    EXPECT_THAT(Refusal(resource), HasSubstr(text)) << resource.ShortDebugString();
    EXPECT_EQ(writer_->snapshot()->revision(), 0u);
  }
};

TEST_F(ApiChecksTest, AGoodOneHasNoWarnings) {
  EXPECT_THAT(WarningsOf(ApiResource("a")), IsEmpty());
}

TEST_F(ApiChecksTest, NobodyTakesAnotherOrganisationsPlaceByMatching) {
  EXPECT_THAT(WarningsOf(ApiResource("a")), IsEmpty());
  v1::Resource other = ApiResource("b");
  other.mutable_api()->set_org_id("others");
  other.mutable_api()->set_listen_path("/a");
  other.mutable_api()->mutable_matching()->set_priority(1);
  EXPECT_THAT(Refusal(other), HasSubstr("of another organisation"));
  other.mutable_api()->set_listen_path("/a/");
  EXPECT_THAT(Refusal(other), HasSubstr("of another organisation"));
  other.mutable_api()->set_org_id(ApiResource("a").api().org_id());
  EXPECT_THAT(Refusal(other), IsEmpty());
}

TEST_F(ApiChecksTest, RefusesBadRoutes) {
  Refused("an id is required", [](v1::Api* api) { api->clear_id(); });
  Refused("control characters", [](v1::Api* api) { api->set_id("a\nb"); });
  Refused("must start with /", [](v1::Api* api) { api->set_listen_path("api"); });
  Refused("must start with /", [](v1::Api* api) { api->clear_listen_path(); });
  Refused("a character", [](v1::Api* api) { api->set_listen_path("/a b"); });
  Refused("a character", [](v1::Api* api) { api->set_listen_path("/{id}"); });
  Refused("a character", [](v1::Api* api) { api->set_listen_path("/a%2e"); });
  Refused("empty segment", [](v1::Api* api) { api->set_listen_path("/a//b"); });
  Refused("segment ..", [](v1::Api* api) { api->set_listen_path("/a/../b"); });
  Refused("host", [](v1::Api* api) { api->add_hosts("a.*.b"); });
  Refused("empty host", [](v1::Api* api) { api->add_hosts(""); });
  Refused("listen_port", [](v1::Api* api) { api->set_listen_port(70'000); });
  Refused("style", [](v1::Api* api) { api->set_style("kong"); });
}

TEST_F(ApiChecksTest, RefusesWhatCannotBeEnforced) {
  Refused("no certificate is listed", [](v1::Api* api) {
    api->mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_MANDATORY);
  });
  Refused("no certificate is listed", [](v1::Api* api) {
    api->mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_OPTIONAL);
  });
  Refused("without certificate id", [](v1::Api* api) {
    api->mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_OPTIONAL);
    api->mutable_client_tls()->add_allowlist();
  });
  Refused("keyless and dynamic", [](v1::Api* api) {
    api->clear_token();
    api->set_keyless(true);
    api->mutable_client_tls()->set_dynamic_mtls(true);
  });
  Refused("keyless and a token", [](v1::Api* api) { api->set_keyless(true); });
  Refused("nothing can let a caller in", [](v1::Api* api) { api->clear_token(); });
  Refused("allow_plain_http", [](v1::Api* api) {
    api->mutable_client_tls()->set_dynamic_mtls(true);
    api->set_allow_plain_http(true);
  });
  Refused("neither query nor cookie",
          [](v1::Api* api) { api->mutable_token()->set_disable_header(true); });
  Refused("header_name", [](v1::Api* api) { api->mutable_token()->set_header_name("a b"); });
}

TEST_F(ApiChecksTest, RefusesHeadersThatAreTheGatewaysOwnOrBreakTheHead) {
  const auto set = [this](const char* text, const std::string& name, const std::string& value) {
    Refused(text, [&](v1::Api* api) {
      (*api->add_versions()->mutable_request_headers()->mutable_set())[name] = value;
    });
  };
  set("not a valid header name", "X A", "b");
  set("not a valid header name", "", "b");
  set("control characters", "X-A", "b\r\nX-B: c");
  for (const char* name :
       {"Host", "Content-Length", "transfer_encoding", "Connection", "TE", "Upgrade",
        "X-Forwarded-Client-Cert", "X_Forwarded_Client_Cert", "Client-Cert", "X-My-Caller"}) {
    Refused("the gateway's own", [&](v1::Api* api) {
      api->set_identity_header("X-My-Caller");
      (*api->add_versions()->mutable_request_headers()->mutable_set())[name] = "b";
    });
    Refused("the gateway's own", [&](v1::Api* api) {
      api->set_identity_header("X-My-Caller");
      api->add_versions()->mutable_request_headers()->add_remove(name);
    });
  }
}

TEST_F(ApiChecksTest, RefusesWhatBelongsToAnotherOrganisation) {
  const std::string foreign = "elsewhere" + std::string(64, 'a');
  const char* text = "belongs to organisation \"elsewhere\"";
  Refused(text, [&](v1::Api* api) { api->add_server_certificate_ids(foreign); });
  Refused(text, [&](v1::Api* api) {
    api->mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_MANDATORY);
    api->mutable_client_tls()->add_allowlist()->set_certificate_id(foreign);
  });
  Refused(text, [&](v1::Api* api) {
    (*api->mutable_upstream()->mutable_client_certificates()->mutable_certificate_ids())["*"] =
        foreign;
  });
  Refused(text, [&](v1::Api* api) {
    (*api->mutable_upstream()->mutable_pins()->mutable_pins())["*"].add_certificate_ids(foreign);
  });
  // Without organisation: for all.
  v1::Resource api = ApiResource("a");
  api.mutable_api()->add_server_certificate_ids(std::string(64, 'a'));
  EXPECT_THAT(Refusal(api), Not(HasSubstr("belongs")));
}

TEST_F(ApiChecksTest, RefusesBadUpstreams) {
  const auto url = [this](const char* text, const char* value) {
    Refused(text,
            [&](v1::Api* api) { api->mutable_upstream()->mutable_targets(0)->set_url(value); });
  };
  url("must start with http", "ftp://x");
  url("must start with http", "backend:80");
  url("user or password", "https://u:p@x/");
  url("fragment", "https://x/#y");
  url("blanks", "https://x /");
  url("target", "https://");
  url("target", "https://x:99999/");
  Refused("target is required", [](v1::Api* api) { api->mutable_upstream()->clear_targets(); });
  Refused("only 1.2 and 1.3",
          [](v1::Api* api) { api->mutable_upstream()->mutable_tls()->set_min_version("0.9"); });
  Refused("min_version must say so",
          [](v1::Api* api) { api->mutable_upstream()->mutable_tls()->set_max_version("1.1"); });
  Refused("above max_version", [](v1::Api* api) {
    api->mutable_upstream()->mutable_tls()->set_min_version("1.1");
    api->mutable_upstream()->mutable_tls()->set_max_version("1.0");
  });
  Refused("none of these names",
          [](v1::Api* api) { api->mutable_upstream()->mutable_tls()->add_ciphers("NOPE"); });
  Refused("above max_version", [](v1::Api* api) {
    api->mutable_upstream()->mutable_tls()->set_min_version("1.3");
    api->mutable_upstream()->mutable_tls()->set_max_version("1.2");
  });
}

TEST_F(ApiChecksTest, RefusesBadDomainKeysAndPins) {
  const auto key = [this](const char* domain) {
    Refused("client certificate", [&](v1::Api* api) {
      (*api->mutable_upstream()->mutable_client_certificates()->mutable_certificate_ids())[domain] =
          "x";
    });
    Refused("pin", [&](v1::Api* api) {
      (*api->mutable_upstream()->mutable_pins()->mutable_pins())[domain].add_certificate_ids("x");
    });
  };
  key("https://x");
  key("x/path");
  key("api-*.x");
  key("**");
  key(" x");
  key("");
  Refused("domain `h` has no certificate id", [](v1::Api* api) {
    (*api->mutable_upstream()->mutable_client_certificates()->mutable_certificate_ids())["h"] = "";
  });
  Refused("domain `h` has no pin",
          [](v1::Api* api) { (*api->mutable_upstream()->mutable_pins()->mutable_pins())["h"]; });
  Refused("not a hex SHA-256", [](v1::Api* api) {
    (*api->mutable_upstream()->mutable_pins()->mutable_pins())["h"].add_spki_sha256("abcd");
  });
  Refused("client certificate", [](v1::Api* api) {  // two keys that mean the same
    auto& ids = *api->mutable_upstream()->mutable_client_certificates()->mutable_certificate_ids();
    ids["H.example"] = "x";
    ids["h.EXAMPLE"] = "y";
  });
}

TEST_F(ApiChecksTest, RefusesBadVersionsRulesAndLimits) {
  Refused("regular expression",
          [](v1::Api* api) { api->add_versions()->add_allowed()->set_path("(a"); });
  Refused("several versions", [](v1::Api* api) {
    api->add_versions()->set_name("1");
    api->add_versions()->set_name("2");
  });
  Refused("no version", [](v1::Api* api) { api->mutable_versioning()->set_enabled(true); });
  Refused("location", [](v1::Api* api) {
    api->mutable_versioning()->set_enabled(true);
    api->mutable_versioning()->set_location("body");
    api->add_versions()->set_name("1");
  });
  Refused("default version 2", [](v1::Api* api) {
    api->mutable_versioning()->set_enabled(true);
    api->mutable_versioning()->set_location("header");
    api->mutable_versioning()->set_default_version("2");
    api->add_versions()->set_name("1");
  });
  Refused("needs a period",
          [](v1::Api* api) { api->mutable_limits()->mutable_rate()->set_rate(5); });
  Refused("not negative",
          [](v1::Api* api) { api->mutable_limits()->mutable_rate()->set_rate(-1); });
  Refused("quota max", [](v1::Api* api) { api->mutable_limits()->mutable_quota()->set_max(-2); });
  Refused("address or CIDR", [](v1::Api* api) { api->mutable_ip()->add_allow("10.0.0.0/33"); });
  Refused("address or CIDR", [](v1::Api* api) { api->mutable_ip()->add_deny("host"); });
}

TEST_F(ApiChecksTest, TheSameHostAndPathTwiceNamesTheOther) {
  v1::Resource first = ApiResource("first");
  first.mutable_api()->set_listen_path("/same");
  first.mutable_api()->add_hosts("Api.Example");
  MustPut(first);
  v1::Resource second = ApiResource("second");
  second.mutable_api()->set_listen_path("/same/");
  second.mutable_api()->add_hosts("other.example");
  second.mutable_api()->add_hosts("api.example");
  const auto refused = RunPut(second);
  EXPECT_TRUE(absl::IsAlreadyExists(refused.status()));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("API first"));
  // Not the same: another port, another host, another data-plane group, or inactive.
  v1::Resource port = second;
  port.mutable_api()->set_listen_port(9000);
  EXPECT_TRUE(RunPut(port).ok());
  v1::Resource inactive = second;
  inactive.mutable_api()->set_inactive(true);
  EXPECT_TRUE(RunPut(inactive).ok());
  EXPECT_FALSE(RunPut(second).ok()) << "activating it is refused as well";
  first.mutable_api()->add_groups("eu");
  second.mutable_api()->add_groups("us");
  EXPECT_TRUE(Run(Of(Put(first), Put(second))).ok());
  second.mutable_api()->add_groups("eu");
  EXPECT_FALSE(RunPut(second).ok());
  EXPECT_TRUE(Run(Of(Put(second), Delete(Kind::kApi, "first"))).ok()) << "in one write it may move";
}

TEST_F(ApiChecksTest, TheGatewaysListCountsForAnEmptyOneAndCannotBeTakenAway) {
  v1::Resource settings = Settings();
  settings.mutable_settings()->add_client_allowlist()->set_certificate_id(Id(alice_));
  MustPut(settings);
  MustPut(StaticApi("a", {}));
  EXPECT_THAT(Refusal(Settings()), HasSubstr("API a"));
  EXPECT_FALSE(Run(Of(Delete(Kind::kSettings, "gateway"))).ok());
  EXPECT_TRUE(Run(Of(Delete(Kind::kSettings, "gateway"), Delete(Kind::kApi, "a"))).ok());
}

TEST_F(ApiChecksTest, ReferencesThatAreNotThereArePendingAndStrictRefuses) {
  v1::Resource api = StaticApi("a", {"orgabc", "name:later"});
  (*api.mutable_api()
        ->mutable_upstream()
        ->mutable_client_certificates()
        ->mutable_certificate_ids())["*"] = "cc";
  (*api.mutable_api()->mutable_upstream()->mutable_pins()->mutable_pins())["*"].add_certificate_ids(
      "pp");
  api.mutable_api()->mutable_upstream()->mutable_tls()->add_trust_bundle_ids("tt");
  api.mutable_api()->add_server_certificate_ids("ss");
  Write strict = Of(Put(api));
  strict.strict = true;
  const auto refused = Run(std::move(strict));
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << refused.status();
  const std::string warnings = WarningsOf(api);
  for (const char* text : {"allowlist: orgabc", "allowlist: name:later", "client certificate: cc",
                           "pin: pp", "trust bundle: tt", "server certificate: ss"}) {
    EXPECT_THAT(warnings, HasSubstr(absl::StrCat("pending: ", text)));
  }
  EXPECT_EQ(writer_->snapshot()->Pending(10).size(), 6u);
}

TEST_F(ApiChecksTest, AnUpstreamCertificateWithoutKeyOrPastItsEndIsAWarningAndStrictRefuses) {
  MustPut(CertificateResource(alice_));
  v1::Resource api = ApiResource("a");
  auto* map = api.mutable_api()->mutable_upstream()->mutable_client_certificates();
  (*map->mutable_certificate_ids())["*"] = Id(alice_);
  EXPECT_THAT(WarningsOf(api), HasSubstr("has no private key"));
  Write strict = Of(Put(api));
  strict.strict = true;
  EXPECT_TRUE(absl::IsFailedPrecondition(Run(std::move(strict)).status()))
      << "unchanged, checked still";
  ASSERT_TRUE(Add(bob_.Pem() + bob_.KeyPem()).ok());
  (*map->mutable_certificate_ids())["*"] = Id(bob_);
  EXPECT_THAT(WarningsOf(api), IsEmpty());
  clock_.JumpWall(absl::Hours(24 * 365 * 100));
  EXPECT_THAT(WarningsOf(api), HasSubstr("has expired"));
  api.mutable_api()->mutable_upstream()->mutable_targets(0)->set_url("http://plain.example");
  EXPECT_THAT(WarningsOf(api), HasSubstr("not used towards an http:// target"));
}

TEST_F(ApiChecksTest, SaysWhatIsLoud) {
  MustPut(CertificateResource(root_));
  EXPECT_THAT(WarningsOf(StaticApi("a", {Id(root_)})),
              HasSubstr("it admits itself and what it issues"));
  v1::Resource exact = StaticApi("a", {Id(root_)});
  exact.mutable_api()->mutable_client_tls()->mutable_allowlist(0)->set_exact(true);
  EXPECT_THAT(WarningsOf(exact), Not(HasSubstr("admits")));
  v1::Resource open = ApiResource("open");
  open.mutable_api()->clear_token();
  open.mutable_api()->set_keyless(true);
  EXPECT_THAT(WarningsOf(open), HasSubstr("callers are not authenticated"));
  v1::Resource off = ApiResource("off");
  off.mutable_api()->mutable_client_tls()->add_allowlist()->set_certificate_id(Id(root_));
  EXPECT_THAT(WarningsOf(off), HasSubstr("static mTLS is off"));
  off.mutable_api()->mutable_upstream()->mutable_tls()->set_insecure_skip_verify(true);
  EXPECT_THAT(WarningsOf(off), HasSubstr("not verified"));
}

TEST_F(ApiChecksTest, RefusesBadSettings) {
  v1::Resource settings = Settings();
  settings.mutable_settings()->set_id("other");
  EXPECT_THAT(Refusal(settings), HasSubstr("always gateway"));
  settings = Settings();
  settings.mutable_settings()->set_control_requires_certificate(true);
  EXPECT_THAT(Refusal(settings), HasSubstr("control_allowlist is empty"));
  settings = Settings();
  settings.mutable_settings()->add_trusted_proxies("proxy.example");
  EXPECT_THAT(Refusal(settings), HasSubstr("trusted_proxies"));
  settings = Settings();
  settings.mutable_settings()->add_revoked();
  EXPECT_THAT(Refusal(settings), HasSubstr("names nothing"));
  settings.mutable_settings()->mutable_revoked(0)->set_serial("1");
  EXPECT_THAT(Refusal(settings), HasSubstr("without issuer"));
  settings.mutable_settings()->mutable_revoked(0)->clear_serial();
  settings.mutable_settings()->mutable_revoked(0)->set_spki_sha256("short");
  EXPECT_THAT(Refusal(settings), HasSubstr("32 bytes"));
  v1::RevokedCertificate* revoked = settings.mutable_settings()->mutable_revoked(0);
  revoked->clear_spki_sha256();
  revoked->set_issuer_der(std::string("\x30\x00", 2));  // an empty name
  EXPECT_THAT(Refusal(settings), HasSubstr("an issuer without serial"));
  revoked->set_serial("1");
  for (const std::string& wrong :
       {std::string("CN=ca"), std::string("\x30\x00\x00", 3), std::string("\x30\x05")}) {
    revoked->set_issuer_der(wrong);
    EXPECT_THAT(Refusal(settings), HasSubstr("one X.509 name"));
  }
  settings = Settings();
  (*settings.mutable_settings()->mutable_pins()->mutable_pins())["http://x"].add_certificate_ids(
      "p");
  EXPECT_THAT(Refusal(settings), HasSubstr("gateway pin"));
}

TEST_F(ApiChecksTest, RefusesCorsThatLetsAnySiteAct) {
  Refused("every origin", [](v1::Api* api) { api->mutable_cors()->set_allow_credentials(true); });
  Refused("every origin", [](v1::Api* api) {
    api->mutable_cors()->set_allow_credentials(true);
    api->mutable_cors()->add_allowed_origins("https://a.test");
    api->mutable_cors()->add_allowed_origins("*");
  });
  for (const char* origin : {"", "a.test", "https://", "https://a.test/x", "https://*.*.test",
                             "https://a.test\r\nX: y"}) {
    Refused("origin", [origin](v1::Api* api) { api->mutable_cors()->add_allowed_origins(origin); });
  }
  Refused("valid name", [](v1::Api* api) { api->mutable_cors()->add_allowed_headers("a b"); });
  Refused("valid name", [](v1::Api* api) { api->mutable_cors()->add_exposed_headers("a\r\nb"); });
  Refused("valid name", [](v1::Api* api) { api->mutable_cors()->add_allowed_methods("GET, PUT"); });
  Refused("negative", [](v1::Api* api) { api->mutable_cors()->set_max_age_seconds(-1); });
}

TEST_F(ApiChecksTest, AFallbackNameIsOneThatClientsSend) {
  v1::Resource listener;
  listener.mutable_listener()->set_id("l");
  listener.mutable_listener()->set_address("::");
  listener.mutable_listener()->set_port(8443);
  for (const char* const name :
       {"*.a.test", "1.2.3.4", "::1", "a b", "a.test:443", "https://a.test"}) {
    listener.mutable_listener()->set_fallback_server_name(name);
    EXPECT_THAT(Refusal(listener), HasSubstr("is not a host name")) << name;
  }
  listener.mutable_listener()->set_fallback_server_name("a.test");
  EXPECT_THAT(WarningsOf(listener), HasSubstr("no certificate of the store serves a.test"));
  listener.mutable_listener()->set_plain(true);
  EXPECT_THAT(Refusal(listener), HasSubstr("a plain listener has no handshakes"));
}

TEST_F(ApiChecksTest, RefusesBadListenersAndBundles) {
  v1::Resource listener;
  listener.mutable_listener()->set_id("l");
  listener.mutable_listener()->set_address("localhost");
  listener.mutable_listener()->set_port(1);
  EXPECT_THAT(Refusal(listener), HasSubstr("not an IPv4 or IPv6"));
  listener.mutable_listener()->set_address("::1");
  listener.mutable_listener()->set_port(0);
  EXPECT_THAT(Refusal(listener), HasSubstr("not 1 to 65535"));
  listener.mutable_listener()->set_port(8443);
  listener.mutable_listener()->set_redirect(true);
  EXPECT_THAT(Refusal(listener), HasSubstr("redirect"));
  listener.mutable_listener()->set_redirect(false);
  listener.mutable_listener()->add_proxy_protocol_from("everybody");
  EXPECT_THAT(Refusal(listener), HasSubstr("proxy_protocol_from: `everybody`"));
  listener.mutable_listener()->set_proxy_protocol_from(0, "10.0.0.0/8");
  listener.mutable_listener()->set_plain(true);
  listener.mutable_listener()->set_http2(true);
  EXPECT_THAT(Refusal(listener), HasSubstr("http2"));
  listener.mutable_listener()->set_plain(false);
  MustPut(listener);
  listener.mutable_listener()->set_id("m");
  EXPECT_THAT(Refusal(listener), HasSubstr("listener l"));

  v1::Resource bundle;
  bundle.mutable_trust_bundle()->set_id("t");
  EXPECT_THAT(Refusal(bundle), HasSubstr("without certificates"));
  bundle.mutable_trust_bundle()->add_certificate_ids("");
  EXPECT_THAT(Refusal(bundle), HasSubstr("empty id"));
}

}  // namespace
}  // namespace sallyport::authsvc
