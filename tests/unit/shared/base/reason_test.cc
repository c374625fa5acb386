#include "shared/base/reason.h"

#include <set>

#include "gtest/gtest.h"

namespace sallyport::base {
namespace {

TEST(Reason, NumbersAndNamesAreUnique) {
  std::set<uint16_t> numbers;
  std::set<absl::string_view> names;
#define X(enumerator, number, name, fault, status, message) \
  EXPECT_TRUE(numbers.insert(number).second) << name;       \
  EXPECT_TRUE(names.insert(name).second) << name;
  SALLYPORT_REASONS(X)
#undef X
}

TEST(Reason, AnUnknownNumberIsNeverAllowed) {
  EXPECT_EQ(ReasonFromNumber(9), Reason::kInternal);
  EXPECT_EQ(ReasonFromNumber(65536), Reason::kInternal) << "must not wrap to 0";
  EXPECT_EQ(ReasonFromNumber(0), Reason::kAllowed);
}

TEST(Reason, NamesRoundTrip) {
  EXPECT_EQ(ReasonFromName("CERT_EXPIRED"), Reason::kCertExpired);
  EXPECT_EQ(ReasonFromName("cert_expired"), std::nullopt);
  EXPECT_EQ(ReasonName(Reason::kUpstreamPin), "UPSTREAM_PIN_MISMATCH");
}

}  // namespace
}  // namespace sallyport::base
