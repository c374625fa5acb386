// What a listener may offer at single server names.
#include "authsvc/change/offered_tls_checks.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

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
