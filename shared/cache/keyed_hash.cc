#include "shared/cache/keyed_hash.h"

#include <string.h>
#include <sys/random.h>

#include <cstdlib>

namespace sallyport::cache {
namespace {

inline uint64_t Rotate(uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }

inline uint64_t Load(const char* bytes) {
  uint64_t value;
  memcpy(&value, bytes, sizeof value);
  return value;  // little endian, as every machine that this is built for
}

struct State {
  uint64_t v0, v1, v2, v3;
  inline void Round() {
    v0 += v1;
    v1 = Rotate(v1, 13) ^ v0;
    v0 = Rotate(v0, 32);
    v2 += v3;
    v3 = Rotate(v3, 16) ^ v2;
    v0 += v3;
    v3 = Rotate(v3, 21) ^ v0;
    v2 += v1;
    v1 = Rotate(v1, 17) ^ v2;
    v2 = Rotate(v2, 32);
  }
  inline void Absorb(uint64_t word) {
    v3 ^= word;
    Round();
    Round();
    v0 ^= word;
  }
  inline uint64_t Squeeze() {
    for (int i = 0; i < 4; ++i) Round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

const HashKey& ProcessHashKey() {
  static const HashKey key = [] {
    HashKey made;
    if (getrandom(&made, sizeof made, 0) != static_cast<ssize_t>(sizeof made)) abort();
    return made;
  }();
  return key;
}

Hash128 KeyedHash(const HashKey& key, absl::string_view bytes) {
  State state{key.k0 ^ 0x736f6d6570736575, key.k1 ^ 0x646f72616e646f6d ^ 0xee,
              key.k0 ^ 0x6c7967656e657261, key.k1 ^ 0x7465646279746573};
  const size_t whole = bytes.size() & ~size_t{7};
  for (size_t i = 0; i < whole; i += 8) state.Absorb(Load(bytes.data() + i));
  uint64_t last = static_cast<uint64_t>(bytes.size()) << 56;
  for (size_t i = whole; i < bytes.size(); ++i) {
    last |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * (i - whole));
  }
  state.Absorb(last);
  state.v2 ^= 0xee;
  Hash128 hash;
  hash.low = state.Squeeze();
  state.v1 ^= 0xdd;
  hash.high = state.Squeeze();
  return hash;
}

absl::string_view KeyBuilder::View() const {
  return overflow_.empty() ? absl::string_view(inline_, used_) : absl::string_view(overflow_);
}

void KeyBuilder::AppendLong(const void* data, size_t size) {
  if (overflow_.empty()) overflow_.assign(inline_, used_);
  overflow_.append(static_cast<const char*>(data), size);
}

}  // namespace sallyport::cache
