#include "dataplane/tls/curve25519.h"

#include <sodium.h>

namespace sallyport::dataplane {
namespace {

// What follows is arithmetic on the public point alone, so nothing depends on it being in constant
// time (it is, though). Modulo p = 2^255 - 19, five limbs of 51 bits, each a little larger between
// two reductions.
using Wide = unsigned __int128;
using Element = std::array<uint64_t, 5>;
constexpr unsigned kLimbBits = 51;
constexpr uint64_t kLimb = (uint64_t{1} << kLimbBits) - 1;

Wide Times(uint64_t a, uint64_t b) { return static_cast<Wide>(a) * b; }

// 2^255 is 19.
Element Reduce(const std::array<Wide, 5>& sums) {
  Element reduced;
  Wide carry = 0;
  for (size_t i = 0; i < sums.size(); ++i) {
    carry += sums[i];
    reduced[i] = static_cast<uint64_t>(carry) & kLimb;
    carry >>= kLimbBits;
  }
  reduced[0] += 19 * static_cast<uint64_t>(carry);
  reduced[1] += reduced[0] >> kLimbBits;
  reduced[0] &= kLimb;
  return reduced;
}

Element Multiply(const Element& a, const Element& b) {
  const uint64_t b1 = 19 * b[1];
  const uint64_t b2 = 19 * b[2];
  const uint64_t b3 = 19 * b[3];
  const uint64_t b4 = 19 * b[4];
  return Reduce(
      {Times(a[0], b[0]) + Times(a[1], b4) + Times(a[2], b3) + Times(a[3], b2) + Times(a[4], b1),
       Times(a[0], b[1]) + Times(a[1], b[0]) + Times(a[2], b4) + Times(a[3], b3) + Times(a[4], b2),
       Times(a[0], b[2]) + Times(a[1], b[1]) + Times(a[2], b[0]) + Times(a[3], b4) +
           Times(a[4], b3),
       Times(a[0], b[3]) + Times(a[1], b[2]) + Times(a[2], b[1]) + Times(a[3], b[0]) +
           Times(a[4], b4),
       Times(a[0], b[4]) + Times(a[1], b[3]) + Times(a[2], b[2]) + Times(a[3], b[1]) +
           Times(a[4], b[0])});
}

Element Square(const Element& a) {
  const uint64_t twice0 = 2 * a[0];
  const uint64_t twice1 = 2 * a[1];
  const uint64_t twice2 = 38 * a[2];
  const uint64_t a3 = 19 * a[3];
  const uint64_t a4 = 19 * a[4];
  return Reduce({Times(a[0], a[0]) + Times(twice1, a4) + Times(twice2, a[3]),
                 Times(twice0, a[1]) + Times(twice2, a[4]) + Times(a[3], a3),
                 Times(twice0, a[2]) + Times(a[1], a[1]) + Times(2 * a[3], a4),
                 Times(twice0, a[3]) + Times(twice1, a[2]) + Times(a[4], a4),
                 Times(twice0, a[4]) + Times(twice1, a[3]) + Times(a[2], a[2])});
}

// a to the power of 2^`count`, times b.
Element SquareTimes(Element a, int count, const Element& b) {
  for (; count > 0; --count) a = Square(a);
  return Multiply(a, b);
}

// a^(p - 2) = a^(2^255 - 21). The numbers are how many ones the exponent has.
Element Invert(const Element& a) {
  const Element square = Square(a);
  const Element to9 = SquareTimes(square, 2, a);
  const Element to11 = Multiply(to9, square);
  const Element ones5 = SquareTimes(to11, 1, to9);
  const Element ones10 = SquareTimes(ones5, 5, ones5);
  const Element ones20 = SquareTimes(ones10, 10, ones10);
  const Element ones40 = SquareTimes(ones20, 20, ones20);
  const Element ones50 = SquareTimes(ones40, 10, ones10);
  const Element ones100 = SquareTimes(ones50, 50, ones50);
  const Element ones200 = SquareTimes(ones100, 100, ones100);
  const Element ones250 = SquareTimes(ones200, 50, ones50);
  return SquareTimes(ones250, 5, to11);
}

uint64_t LoadWord(const X25519Bytes& bytes, size_t from) {
  uint64_t word = 0;
  for (size_t i = 0; i < sizeof(word); ++i) word |= uint64_t{bytes[from + i]} << (8 * i);
  return word;
}

void StoreWord(uint64_t word, uint8_t* bytes) {
  for (size_t i = 0; i < sizeof(word); ++i) bytes[i] = static_cast<uint8_t>(word >> (8 * i));
}

// Little-endian; the highest bit is no part of the number.
Element Load(const X25519Bytes& bytes) {
  return {LoadWord(bytes, 0) & kLimb, (LoadWord(bytes, 6) >> 3) & kLimb,
          (LoadWord(bytes, 12) >> 6) & kLimb, (LoadWord(bytes, 19) >> 1) & kLimb,
          (LoadWord(bytes, 24) >> 12) & kLimb};
}

// Of what Reduce gave: less than twice p, so that p is taken away once at most.
X25519Bytes Store(Element element) {
  element = Reduce({element[0], element[1], element[2], element[3], element[4]});
  uint64_t carry = 19;  // p or more exactly when adding 19 carries out of 255 bits
  for (const uint64_t limb : element) carry = (limb + carry) >> kLimbBits;
  carry *= 19;
  for (uint64_t& limb : element) {
    limb += carry;
    carry = limb >> kLimbBits;
    limb &= kLimb;
  }
  X25519Bytes bytes;
  StoreWord(element[0] | element[1] << 51, &bytes[0]);
  StoreWord(element[1] >> 13 | element[2] << 38, &bytes[8]);
  StoreWord(element[2] >> 26 | element[3] << 25, &bytes[16]);
  StoreWord(element[3] >> 39 | element[4] << 12, &bytes[24]);
  return bytes;
}

}  // namespace

// RFC 7748 6.1, Alice's: a libsodium or a compiler that gets it wrong is not used.
bool X25519Ready() {
  constexpr X25519Bytes kSecret = {0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1,
                                   0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0,
                                   0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};
  constexpr X25519Bytes kPublic = {0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d,
                                   0xdc, 0xb4, 0x3e, 0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38,
                                   0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a};
  X25519Bytes public_key{};
  return sodium_init() >= 0 && X25519PublicOf(kSecret, &public_key) && public_key == kPublic;
}

// RFC 7748 4.1: u = (1 + y) / (1 - y). The point's y is as public as its u.
bool X25519PublicOf(const X25519Bytes& secret, X25519Bytes* public_key) {
  X25519Bytes point;
  const int result = crypto_scalarmult_ed25519_base(point.data(), secret.data());
  constexpr size_t kItsFrames = 4096;  // and more: it leaves the digits of the secret there
  sodium_stackzero(kItsFrames);
  if (result != 0) return false;
  const Element y = Load(point);
  constexpr Element kTwiceP = {2 * (kLimb - 18), 2 * kLimb, 2 * kLimb, 2 * kLimb, 2 * kLimb};
  Element above = y;
  above[0] += 1;
  Element below;
  for (size_t i = 0; i < y.size(); ++i) below[i] = kTwiceP[i] - y[i];
  below[0] += 1;
  *public_key = Store(Multiply(above, Invert(below)));
  return true;
}

}  // namespace sallyport::dataplane
