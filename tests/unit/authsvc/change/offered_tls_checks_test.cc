// What a listener may offer at single server names.
#include "authsvc/change/offered_tls_checks.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;

v1::ServerNameTls* AddOffer(v1::Listener* listener, std::vector<std::string> names) {
  v1::ServerNameTls* const entry = listener->add_server_name_tls();
  for (const std::string& name : names) entry->add_server_names(name);
  entry->set_min_version("1.3");
  return entry;
}

template <typename Change>
void OfferRefused(const char* text, Change change) {
  v1::Listener listener;
  change(&listener);
  EXPECT_THAT(std::string(CheckServerNameTls(listener).message()), HasSubstr(text))
      << listener.ShortDebugString();
}

TEST(OfferedTlsChecks, GoodOnesAreTaken) {
  v1::Listener listener;
  EXPECT_TRUE(CheckServerNameTls(listener).ok());
  AddOffer(&listener, {"a.test", "*.b.test"});
  v1::ServerNameTls* const old = AddOffer(&listener, {"old.test"});
  old->set_min_version("");
  old->set_max_version("1.2");
  old->add_ciphers("ECDHE-RSA-AES256-GCM-SHA384");
  v1::ServerNameTls* const rest = AddOffer(&listener, {});
  rest->set_min_version("");
  rest->add_ciphers("TLS_AES_256_GCM_SHA384");
  EXPECT_TRUE(CheckServerNameTls(listener).ok()) << CheckServerNameTls(listener);
}

TEST(OfferedTlsChecks, VersionsAreTwoAndInOrder) {
  OfferRefused("TLS version `1.1`",
               [](v1::Listener* it) { AddOffer(it, {"a"})->set_min_version("1.1"); });
  OfferRefused("TLS version `TLSv1.3`",
               [](v1::Listener* it) { AddOffer(it, {"a"})->set_max_version("TLSv1.3"); });
  OfferRefused("min_version 1.3 is above max_version 1.2",
               [](v1::Listener* it) { AddOffer(it, {"a"})->set_max_version("1.2"); });
  OfferRefused("min_version 1.3 is above max_version 1.2", [](v1::Listener* it) {
    it->set_min_version("1.3");
    v1::ServerNameTls* const entry = AddOffer(it, {"a"});
    entry->set_min_version("");
    entry->set_max_version("1.2");
  });
  OfferRefused("says nothing", [](v1::Listener* it) { AddOffer(it, {"a"})->set_min_version(""); });
}

TEST(OfferedTlsChecks, WhatTheListenerDoesNotSayIsTheGateways) {
  v1::Listener listener;
  v1::ServerNameTls* const entry = AddOffer(&listener, {"a"});
  entry->clear_min_version();
  entry->set_max_version("1.2");
  v1::GatewaySettings gateway;
  EXPECT_TRUE(CheckServerNameTls(listener, gateway).ok());
  gateway.set_server_min_version("1.3");
  EXPECT_THAT(std::string(CheckServerNameTls(listener, gateway).message()),
              HasSubstr("min_version 1.3 is above max_version 1.2"));
  listener.set_min_version("1.2");
  EXPECT_TRUE(CheckServerNameTls(listener, gateway).ok()) << "its own word comes first";
  listener.set_min_version("");
  listener.set_max_version("1.2");
  EXPECT_TRUE(VersionsOf(listener, gateway).gateway_dropped);
  EXPECT_TRUE(CheckServerNameTls(listener, gateway).ok()) << "the data plane drops the gateway's";
}

class GatewayVersionsTest : public WriterTest {
 protected:
  static v1::Resource Settings(const std::string& least) {
    v1::Resource resource;
    resource.mutable_settings()->set_server_min_version(least);
    return resource;
  }
  static v1::Resource Listening(const std::string& most) {
    v1::Resource resource;
    v1::Listener* const listener = resource.mutable_listener();
    listener->set_id("edge");
    listener->set_address("127.0.0.1");
    listener->set_port(8443);
    listener->set_max_version(most);
    return resource;
  }
};

TEST_F(GatewayVersionsTest, AreHeldAgainstListeners) {
  EXPECT_EQ(WarningsOf(Listening("1.2")), "");
  EXPECT_THAT(WarningsOf(Settings("1.3")), HasSubstr("listener edge: the gateway's TLS versions"));
  v1::Resource other = Listening("1.2");
  other.mutable_listener()->add_proxy_protocol_from("10.0.0.1");
  EXPECT_THAT(WarningsOf(other), HasSubstr("the gateway's TLS versions"));
  v1::Resource named = Listening("");
  AddOffer(named.mutable_listener(), {"a.test"})->set_min_version("");
  named.mutable_listener()->mutable_server_name_tls(0)->set_max_version("1.2");
  EXPECT_THAT(Refusal(named), HasSubstr("min_version 1.3 is above max_version 1.2"));
  MustPut(Settings(""));
  MustPut(named);
  EXPECT_THAT(WarningsOf(Settings("1.3")), HasSubstr("listener edge: server_name_tls"));
}

TEST(OfferedTlsChecks, CiphersAreThoseThatThereAreOfVersionsThatAreOffered) {
  for (const char* name : {"", "ALL", "!aNULL", "AES128-SHA", "ECDHE-RSA-AES128-SHA", "RC4-MD5",
                           "TLS_AES_128_CCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256:ALL",
                           "ecdhe-rsa-aes128-gcm-sha256"}) {
    OfferRefused("is not offered here; there are ECDHE-ECDSA-AES128-GCM-SHA256",
                 [&](v1::Listener* it) { AddOffer(it, {"a"})->add_ciphers(name); });
  }
  OfferRefused("is of TLS 1.2, which is not offered there", [](v1::Listener* it) {
    AddOffer(it, {"a"})->add_ciphers("ECDHE-RSA-AES128-GCM-SHA256");
  });
  OfferRefused("is of TLS 1.3, which is not offered there", [](v1::Listener* it) {
    it->set_max_version("1.2");
    v1::ServerNameTls* const entry = AddOffer(it, {"a"});
    entry->set_min_version("");
    entry->add_ciphers("TLS_AES_128_GCM_SHA256");
  });
  OfferRefused("is named twice", [](v1::Listener* it) {
    v1::ServerNameTls* const entry = AddOffer(it, {"a"});
    entry->add_ciphers("TLS_AES_128_GCM_SHA256");
    entry->add_ciphers("TLS_AES_128_GCM_SHA256");
  });
}

TEST(OfferedTlsChecks, NamesAreThoseOfHandshakesEachOnce) {
  for (const char* name : {"", "*", "a.*.test", "a.test:443", "a b"}) {
    OfferRefused("server_name_tls: server name `", [&](v1::Listener* it) { AddOffer(it, {name}); });
  }
  OfferRefused("no client sends an address", [](v1::Listener* it) { AddOffer(it, {"::1"}); });
  OfferRefused("stands in it twice", [](v1::Listener* it) {
    AddOffer(it, {"a.test"});
    AddOffer(it, {"A.test"});
  });
  OfferRefused("two entries without", [](v1::Listener* it) {
    AddOffer(it, {});
    AddOffer(it, {});
  });
  OfferRefused("more than 64 entries", [](v1::Listener* it) {
    for (int i = 0; i < 65; ++i) AddOffer(it, {"a" + std::to_string(i)});
  });
  OfferRefused("a plain listener offers no TLS", [](v1::Listener* it) {
    it->set_plain(true);
    AddOffer(it, {"a"});
  });
}

}  // namespace
}  // namespace sallyport::authsvc
