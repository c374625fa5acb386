#include "authsvc/rpc/role.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "absl/strings/str_cat.h"

namespace sallyport::authsvc {
namespace {

PeerCertificate WithUris(std::vector<std::string> uris) {
  PeerCertificate certificate;
  certificate.fingerprint = std::string(64, 'a');
  certificate.uri_sans = std::move(uris);
  return certificate;
}

TEST(RoleMap, TakesTheRoleOfTheUriSan) {
  const RoleMap roles("corp", {});
  const Peer peer = roles.Find(WithUris({"spiffe://corp/sallyport/dataplane/edge/replica-1"}));
  EXPECT_EQ(peer.role, Role::kDataplane);
  EXPECT_EQ(peer.group, "edge");
  EXPECT_EQ(peer.name, "replica-1");
}

TEST(RoleMap, NothingElseIsARole) {
  const RoleMap roles("corp", {});
  for (const char* uri : {
           "spiffe://other/sallyport/admin/g/n",      // another trust domain
           "spiffe://corp.evil/sallyport/admin/g/n",  // longer domain
           "spiffe://corp/other/admin/g/n",
           "spiffe://corp/sallyport/owner/g/n",  // no such role
           "spiffe://corp/sallyport/none/g/n",
           "spiffe://corp/sallyport/admin/g",   // no name
           "spiffe://corp/sallyport/admin//n",  // no group
           "spiffe://corp/sallyport/admin/g/n/more",
           "spiffe://corp/sallyport/Admin/g/n",
           "https://corp/sallyport/admin/g/n",
           "",
       }) {
    EXPECT_EQ(roles.Find(WithUris({uri})).role, Role::kNone) << uri;
  }
  EXPECT_EQ(roles
                .Find(WithUris(
                    {"spiffe://corp/sallyport/admin/g/n", "spiffe://corp/sallyport/reader/g/n"}))
                .role,
            Role::kNone);
  EXPECT_EQ(roles.Find({}).role, Role::kNone);
}

TEST(RoleMap, ExplicitMapByFingerprintAndSan) {
  const RoleMap roles("corp", {{std::string(64, 'A'), "", {Role::kReader, "g", "by-print"}},
                               {"", "DNS:ci.corp", {Role::kAdmin, "g", "ci"}},
                               {"", "URI:urn:x", {Role::kDecision, "g", "x"}}});
  EXPECT_EQ(roles.Find(WithUris({})).name, "by-print");
  PeerCertificate ci;
  ci.dns_sans = {"other", "ci.corp"};
  EXPECT_EQ(roles.Find(ci).role, Role::kAdmin);
  ci.uri_sans = {"urn:x"};  // names that disagree name nobody
  EXPECT_EQ(roles.Find(ci).role, Role::kNone);
  PeerCertificate uri_as_dns;
  uri_as_dns.dns_sans = {"urn:x"};
  EXPECT_EQ(roles.Find(uri_as_dns).role, Role::kNone);
}

// The whole table, written out: a method that is added without a rule is refused for everyone.
TEST(MayCall, IsExactlyThisTable) {
  const std::map<std::string, std::string> expected = {
      {"Authorization.Authorize", "dataplane decision"},
      {"Authorization.ValidateCertificate", "dataplane decision"},
      {"Authorization.ResolveUpstream", "dataplane"},
      {"Authorization.Explain", "reader admin"},
      {"Distribution.Subscribe", "dataplane"},
      {"Distribution.Acknowledge", "dataplane"},
      {"Distribution.ResolveServer", "dataplane"},
      {"Telemetry.Report", "dataplane"},
      {"Admin.Put", "admin"},
      {"Admin.Apply", "admin"},
      {"Admin.Get", "reader admin"},
      {"Admin.List", "reader admin"},
      {"Admin.Delete", "admin"},
      {"Admin.Watch", "reader admin"},
      {"Admin.WhoUses", "reader admin"},
      {"Admin.AddCertificate", "admin"},
      {"Admin.CreateKey", "admin"},
      {"Admin.RotateKey", "admin"},
      {"Admin.Status", "reader admin"},
      {"Admin.Unheard", ""},
      {"Other.Get", ""},
  };
  for (const auto& [name, roles] : expected) {
    const size_t dot = name.find('.');
    std::string allowed;
    for (const Role role :
         {Role::kNone, Role::kDataplane, Role::kDecision, Role::kReader, Role::kAdmin}) {
      if (MayCall(role, name.substr(0, dot), name.substr(dot + 1))) {
        absl::StrAppend(&allowed, allowed.empty() ? "" : " ", RoleName(role));
      }
    }
    EXPECT_EQ(allowed, roles) << name;
  }
}

}  // namespace
}  // namespace sallyport::authsvc
