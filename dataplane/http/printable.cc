#include "dataplane/http/printable.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sallyport::dataplane {
namespace {

bool ArePrintable(Bytes16 bytes) {
  const auto others = std::bit_cast<Words2>((bytes < 0x20) | (bytes > 0x7E));
  return (others[0] | others[1]) == 0;
}

bool ArePrintable(uint64_t eight) {
  constexpr uint64_t kEach = 0x0101010101010101, kHighBits = kEach * 0x80;
  const uint64_t controls = (eight - kEach * 0x20) & ~eight;
  const uint64_t above = (eight + kEach) | eight;  // 0x7f and 0x80 to 0xff
  return ((controls | above) & kHighBits) == 0;
}

// At least one block: the last one overlaps with the one before it.
template <typename Block>
bool BlocksArePrintable(absl::string_view text) {
  const size_t last = text.size() - sizeof(Block);
  for (size_t at = 0;; at += sizeof(Block)) {
    Block block;
    std::memcpy(&block, text.data() + std::min(at, last), sizeof block);
    if (!ArePrintable(block)) return false;
    if (at >= last) return true;
  }
}

}  // namespace

bool IsPrintable(absl::string_view text) {
  if (text.size() >= sizeof(Bytes16)) return BlocksArePrintable<Bytes16>(text);
  if (text.size() >= sizeof(uint64_t)) return BlocksArePrintable<uint64_t>(text);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7E) return false;
  }
  return true;
}

}  // namespace sallyport::dataplane
