#include "authsvc/snapshot/stand_in.h"

#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "shared/crypto/digest.h"
#include "tests/unit/authsvc/decide/world.h"

namespace sallyport::authsvc {
namespace {

class StandInTest : public ::testing::Test {
 protected:
  // `sealed` empty: a key without a login.
  void PutKey(const std::string& id, const std::string& sealed, const std::string& org = kOrg) {
    v1::Key key;
    key.set_id(id);
    key.set_org_id(org);
    if (!sealed.empty()) {
      key.mutable_basic_login()->set_username("name of " + id);
      key.mutable_basic_login()->mutable_sealed_hash()->set_ciphertext(sealed);
    }
    world_.Put(key);
  }
  std::string Of(const std::string& name, const std::string& org = kOrg) {
    const KeyEntry* const found = FindStandIn(world_.snapshot(), org, name);
    if (found == nullptr) return "";
    EXPECT_EQ(found, world_.snapshot().FindKey(found->key.id())) << "of this snapshot";
    return found->key.id();
  }
  std::map<std::string, std::string> OfMany() {
    std::map<std::string, std::string> all;
    for (int i = 0; i < 300; ++i) {
      const std::string name = absl::StrCat("name", i);
      all[name] = Of(name);
    }
    return all;
  }

  World world_;
};

TEST_F(StandInTest, IsOfItsOrganisationAndHasALogin) {
  EXPECT_EQ(Of("x"), "");
  PutKey("a", "");
  PutKey("z", "", "org0");
  PutKey("before", "\x01", "org0");
  PutKey("behind", "\xFF", "org2");
  EXPECT_EQ(Of("x"), "");
  PutKey("k", "\x80");
  for (const auto& [name, id] : OfMany()) EXPECT_EQ(id, "k") << "on a ring";
  EXPECT_EQ(Of("x", "org0"), "before");
  EXPECT_EQ(Of("x", "org2"), "behind");
  EXPECT_EQ(Of("x", ""), "");
}

TEST_F(StandInTest, OtherLoginsComeAndGoForFewNames) {
  const auto sealed = [](int i) { return crypto::Sha256(absl::StrCat("sealed", i)); };
  for (int i = 0; i < 10; ++i) PutKey(absl::StrCat("k", i), sealed(i));
  const auto before = OfMany();
  std::set<std::string> chosen;
  for (const auto& [name, id] : before) chosen.insert(id);
  EXPECT_GT(chosen.size(), 5u);
  PutKey("more", sealed(10));
  for (const auto& [name, id] : OfMany()) EXPECT_TRUE(id == before.at(name) || id == "more");
  PutKey("more", "");
  EXPECT_EQ(OfMany(), before) << "its login went";
  PutKey("more", sealed(10));
  world_.Erase(Kind::kKey, "more");
  EXPECT_EQ(OfMany(), before) << "it went";
  PutKey("k3", sealed(11));
  for (const auto& [name, id] : OfMany()) {
    EXPECT_TRUE(id == before.at(name) || id == "k3" || before.at(name) == "k3");
  }
  PutKey("k3", sealed(3));
  EXPECT_EQ(OfMany(), before) << "one place for each";
}

}  // namespace
}  // namespace sallyport::authsvc
