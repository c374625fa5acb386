#include "shared/header/proxy_block.h"

#include <algorithm>

namespace sallyport::header {
namespace {

constexpr unsigned kIpv4Bits = 96;  // of ::ffff:0:0/96
constexpr unsigned kShortestIpv4 = kIpv4Bits + 8, kShortestIpv6 = 7;

bool TouchesIpv4(const std::array<uint8_t, 16>& address, unsigned prefix) {
  constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  for (unsigned bit = 0; bit < std::min(prefix, kIpv4Bits); ++bit) {
    if (((address[bit / 8] ^ kMapped[bit / 8]) >> (7 - bit % 8) & 1) != 0) return false;
  }
  return true;
}

}  // namespace

bool IsNearlyEverybody(const std::array<uint8_t, 16>& address, unsigned prefix) {
  return prefix < (TouchesIpv4(address, prefix) ? kShortestIpv4 : kShortestIpv6);
}

}  // namespace sallyport::header
