#include "dataplane/http/printable.h"

#include <string>

#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kMostLength = 50;  // beyond three blocks

TEST(Printable, EveryByteAtEveryPlaceOfEveryLength) {
  for (size_t length = 1; length <= kMostLength; ++length) {
    for (size_t at = 0; at < length; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(length, 'a');
        text[at] = static_cast<char>(byte);
        ASSERT_EQ(IsPrintable(text), byte >= 0x20 && byte <= 0x7E)
            << byte << " at " << at << " of " << length;
      }
    }
  }
}

TEST(Printable, NothingIsPrintable) { EXPECT_TRUE(IsPrintable("")); }

}  // namespace
}  // namespace sallyport::dataplane
