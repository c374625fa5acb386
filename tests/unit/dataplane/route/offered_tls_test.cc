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

}  // namespace
}  // namespace sallyport::dataplane
