#include "dataplane/route/offered_tls.h"

#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

TEST(OfferedTls, CiphersOfTheTwoVersionsAreToldApart) {
  const OfferedTlsPtr offered = MakeOfferedTls(
      "1.2", "",
      {"ECDHE-RSA-AES256-GCM-SHA384", "TLS_AES_256_GCM_SHA384", "ECDHE-RSA-AES128-GCM-SHA256"});
  EXPECT_EQ(offered->min_version, "1.2");
  EXPECT_EQ(offered->max_version, "");
  EXPECT_EQ(offered->tls12_ciphers, "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256");
  EXPECT_EQ(offered->tls13_ciphers, "TLS_AES_256_GCM_SHA384");
}

TEST(OfferedTls, TheVersionIsThatOfTheContent) {
  const char* const one = "TLS_AES_256_GCM_SHA384";
  const char* const two = "TLS_AES_128_GCM_SHA256";
  EXPECT_EQ(MakeOfferedTls("1.3", "", {one})->version, MakeOfferedTls("1.3", "", {one})->version);
  const uint64_t versions[] = {MakeOfferedTls("1.3", "", {})->version,
                               MakeOfferedTls("", "1.3", {})->version,
                               MakeOfferedTls("1.3", "", {one})->version,
                               MakeOfferedTls("1.3", "", {two})->version,
                               MakeOfferedTls("1.3", "", {one, two})->version,
                               MakeOfferedTls("1.3", "", {two, one})->version};
  for (size_t i = 0; i < std::size(versions); ++i) {
    EXPECT_NE(versions[i], 0u);
    for (size_t j = 0; j < i; ++j) EXPECT_NE(versions[i], versions[j]) << i << " " << j;
  }
}

TEST(OfferedTls, AVersionIsTakenBetweenItsEnds) {
  for (const char* const version : {"TLSv1.2", "TLSv1.3"}) {
    const bool newer = version[6] == '3';
    EXPECT_TRUE(MakeOfferedTls("", "", {})->Takes(version));
    EXPECT_TRUE(MakeOfferedTls("1.2", "1.3", {})->Takes(version));
    EXPECT_EQ(MakeOfferedTls("1.3", "", {})->Takes(version), newer);
    EXPECT_EQ(MakeOfferedTls("", "1.2", {})->Takes(version), !newer);
  }
}

TEST(OfferedTls, ACipherIsTakenFromTheListOfItsVersion) {
  constexpr char kNew[] = "TLS_AES_256_GCM_SHA384", kOld[] = "ECDHE-ECDSA-AES256-GCM-SHA384";
  EXPECT_TRUE(MakeOfferedTls("", "", {})->TakesCipher("TLSv1.3", kNew));
  EXPECT_TRUE(MakeOfferedTls("", "", {})->TakesCipher("TLSv1.2", kOld));
  const OfferedTlsPtr new_alone = MakeOfferedTls("", "", {kNew});
  EXPECT_TRUE(new_alone->TakesCipher("TLSv1.3", kNew));
  EXPECT_FALSE(new_alone->TakesCipher("TLSv1.3", "TLS_AES_128_GCM_SHA256"));
  EXPECT_TRUE(new_alone->TakesCipher("TLSv1.2", kOld)) << "of a version without a list: all";
  const OfferedTlsPtr several = MakeOfferedTls("", "", {"ECDHE-RSA-AES128-GCM-SHA256", kOld});
  EXPECT_TRUE(several->TakesCipher("TLSv1.2", kOld));
  EXPECT_FALSE(several->TakesCipher("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"));
  EXPECT_FALSE(several->TakesCipher("TLSv1.2", "")) << "no part of a name";
  EXPECT_FALSE(several->TakesCipher("TLSv1.2", "AES256-GCM-SHA384"));
}

TEST(OfferedTls, WhatIsNotSaidIsTheListeners) {
  const OfferedTls listener = *MakeOfferedTls("1.3", "1.3", {"TLS_AES_256_GCM_SHA384"});
  const OfferedTls lower = MakeOfferedTls("1.2", "", {})->Over(listener);
  EXPECT_TRUE(lower.Takes("TLSv1.2"));
  EXPECT_TRUE(lower.Takes("TLSv1.3"));
  EXPECT_FALSE(lower.TakesCipher("TLSv1.3", "TLS_AES_128_GCM_SHA256"));
  const OfferedTls ciphers = MakeOfferedTls("", "", {"TLS_AES_128_GCM_SHA256"})->Over(listener);
  EXPECT_FALSE(ciphers.Takes("TLSv1.2"));
  EXPECT_TRUE(ciphers.TakesCipher("TLSv1.3", "TLS_AES_128_GCM_SHA256"));
}

TEST(OfferedTls, WhatHasNoPlaceHoldsEverywhereBesideTheListeners) {
  const OfferedTlsNames newer{{"a.test", "*.b.test"}, MakeOfferedTls("1.3", "", {})};
  const OfferedTlsNames own{{}, MakeOfferedTls("", "1.2", {})};
  const auto table =
      OfferedTlsTable::Make({{{"/all", "", 0, {&newer, 1}}, {"one", "::", 8443, {&own, 1}}}});
  ASSERT_NE(table, nullptr);
  for (const char* const name : {"a.test", "x.b.test"}) {
    ASSERT_NE(table->Everywhere(name), nullptr) << name;
    EXPECT_EQ(*table->Everywhere(name), newer.rule);
    EXPECT_EQ(*table->Find("one", ListenerPlace("::", 8443), name), own.rule);
    EXPECT_EQ(table->Find("other", ListenerPlace("::", 1), name), nullptr) << "nothing is offered";
  }
  for (const char* const name : {"b.test", "y.x.b.test", "c.test", ""})
    EXPECT_EQ(table->Everywhere(name), nullptr) << name;
  EXPECT_EQ(OfferedTlsTable::Make({{{"one", "::", 8443, {&own, 1}}}})->Everywhere("a.test"),
            nullptr);
}

}  // namespace
}  // namespace sallyport::dataplane
