// What a listener's strict client TLS must fulfil to be written.
#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StrictChecksTest : public WriterTest {
 protected:
  static v1::Resource Listener() {
    v1::Resource resource;
    resource.mutable_listener()->set_id("front");
    resource.mutable_listener()->set_address("::");
    resource.mutable_listener()->set_port(8443);
    return resource;
  }
  static v1::StrictClientTls* Add(v1::Resource* resource, std::vector<std::string> names) {
    v1::StrictClientTls* const strict = resource->mutable_listener()->add_strict_client_tls();
    for (const std::string& name : names) strict->add_server_names(name);
    strict->set_any_issuer(true);
    return strict;
  }
  template <typename Change>
  void Refused(const char* text, Change change) {
    v1::Resource resource = Listener();
    change(&resource);
    EXPECT_THAT(Refusal(resource), HasSubstr(text)) << resource.ShortDebugString();
  }
};

TEST_F(StrictChecksTest, GoodOnesAreTaken) {
  v1::Resource resource = Listener();
  Add(&resource, {"a.test", "*.b.test"});
  Add(&resource, {})->set_optional(true);
  EXPECT_THAT(WarningsOf(resource), IsEmpty());
}

TEST_F(StrictChecksTest, NamesAreHostsOrOneLabelWildcards) {
  for (const char* name : {"", "*", "a.*.test", "{x:.*}.test", "a.test:443", "a b"}) {
    Refused("neither a host name", [&](v1::Resource* it) { Add(it, {name}); });
  }
  Refused("no client sends an address", [](v1::Resource* it) { Add(it, {"192.0.2.1"}); });
  Refused("stands in it twice", [](v1::Resource* it) {
    Add(it, {"a.test"});
    Add(it, {"A.test"});
  });
  Refused("stands in it twice", [](v1::Resource* it) { Add(it, {"*.a.test", "*.a.test"}); });
  Refused("two entries without", [](v1::Resource* it) {
    Add(it, {});
    Add(it, {});
  });
}

TEST_F(StrictChecksTest, WhoMayHaveIssuedMustBeSaid) {
  Refused("name trust_bundle_ids",
          [](v1::Resource* it) { Add(it, {"a.test"})->set_any_issuer(false); });
  Refused("no trust_bundle_ids",
          [](v1::Resource* it) { Add(it, {"a.test"})->add_trust_bundle_ids("t"); });
  Refused("no max_depth", [](v1::Resource* it) { Add(it, {"a.test"})->set_max_depth(1); });
  Refused("an empty trust bundle id", [](v1::Resource* it) {
    v1::StrictClientTls* const strict = Add(it, {"a.test"});
    strict->set_any_issuer(false);
    strict->add_trust_bundle_ids("");
  });
  Refused("max_depth is at most", [](v1::Resource* it) {
    v1::StrictClientTls* const strict = Add(it, {"a.test"});
    strict->set_any_issuer(false);
    strict->add_trust_bundle_ids("t");
    strict->set_max_depth(9);
  });
  Refused("more than 16 trust bundles", [](v1::Resource* it) {
    v1::StrictClientTls* const strict = Add(it, {"a.test"});
    strict->set_any_issuer(false);
    for (int i = 0; i < 17; ++i) strict->add_trust_bundle_ids("t" + std::to_string(i));
  });
}

TEST_F(StrictChecksTest, PlainListenersHaveNone) {
  Refused("a plain listener", [](v1::Resource* it) {
    it->mutable_listener()->set_plain(true);
    Add(it, {"a.test"});
  });
}

TEST_F(StrictChecksTest, ABundleThatIsNotThereIsPendingAndOneInUseStays) {
  v1::Resource resource = Listener();
  v1::StrictClientTls* const strict = Add(&resource, {"a.test"});
  strict->set_any_issuer(false);
  strict->add_trust_bundle_ids("partners");
  EXPECT_THAT(WarningsOf(resource), HasSubstr("pending: trust bundle: partners"));
  MustPut(resource);
  MustPut(CertificateResource(root_));
  v1::Resource bundle;
  bundle.mutable_trust_bundle()->set_id("partners");
  bundle.mutable_trust_bundle()->add_certificate_ids(Id(root_));
  MustPut(bundle);
  EXPECT_THAT(WarningsOf(resource), IsEmpty());
  const auto removed = Run(Of(Delete(Kind::kTrustBundle, "partners")));
  EXPECT_THAT(std::string(removed.status().message()), HasSubstr("Listener front"));
  EXPECT_TRUE(Run(Of(Delete(Kind::kTrustBundle, "partners", /*force=*/true))).ok());
}

}  // namespace
}  // namespace sallyport::authsvc
