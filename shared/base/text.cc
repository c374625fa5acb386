#include "shared/base/text.h"

#include <bit>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "shared/base/utf8.h"

namespace sallyport::base {
namespace {

// Printable ASCII that JSON takes as it is.
bool IsPlain(char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

// One that is not plain.
void AppendEscapedAscii(unsigned char c, std::string* out) {
  switch (c) {
    case '"': out->append("\\\""); return;
    case '\\': out->append("\\\\"); return;
    case '\n': out->append("\\n"); return;
    case '\r': out->append("\\r"); return;
    case '\t': out->append("\\t"); return;
    default: absl::StrAppendFormat(out, "\\u%04x", c);
  }
}

constexpr uint64_t kEach = 0x0101010101010101;
constexpr uint64_t kHighBits = kEach * 0x80;

// Whether one of the eight bytes is `byte`.
bool HasByte(uint64_t eight, unsigned char byte) {
  const uint64_t zero_there = eight ^ (kEach * byte);
  return ((zero_there - kEach) & ~zero_there & kHighBits) != 0;
}

// Whether none of the eight bytes is a control character, a quote, a backslash or above 0x7e.
bool ArePlain(uint64_t eight) {
  const uint64_t controls = (eight - kEach * 0x20) & ~eight & kHighBits;
  const uint64_t above = (eight + kEach) | eight;  // 0x7f and 0x80 to 0xff
  return (controls | (above & kHighBits)) == 0 && !HasByte(eight, '"') && !HasByte(eight, '\\');
}

size_t PlainPrefix(absl::string_view text) {
  size_t length = 0;
  for (uint64_t eight = 0; length + sizeof eight <= text.size(); length += sizeof eight) {
    std::memcpy(&eight, text.data() + length, sizeof eight);
    if (!ArePlain(eight)) break;
  }
  while (length < text.size() && IsPlain(text[length])) ++length;
  return length;
}

// What stands between the quotes.
void AppendJsonText(absl::string_view text, std::string* out) {
  while (!text.empty()) {
    // Nearly all text stands for itself: copied in one piece up to the first byte that does not.
    const size_t plain = PlainPrefix(text);
    out->append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) {
      AppendEscapedAscii(lead, out);
      text.remove_prefix(1);
    } else if (const size_t length = Utf8Length(text); length > 0) {
      out->append(text.data(), length);
      text.remove_prefix(length);
    } else {
      out->append("\\ufffd");
      text.remove_prefix(1);
    }
  }
}

// Sixteen bytes that the compiler keeps in one register.
typedef unsigned char Bytes16 __attribute__((vector_size(16)));
typedef uint64_t Words2 __attribute__((vector_size(16)));

bool ArePlain(Bytes16 bytes) {
  const auto special = (bytes < 0x20) | (bytes >= 0x7F) | (bytes == '"') | (bytes == '\\');
  const auto words = std::bit_cast<Words2>(special);
  return (words[0] | words[1]) == 0;
}

template <typename Block>
bool CopyBlockIfPlain(const char* from, char* to) {
  Block block;
  std::memcpy(&block, from, sizeof block);
  if (!ArePlain(block)) return false;
  std::memcpy(to, &block, sizeof block);
  return true;
}

// `size` is at least that of a block: the last one overlaps with the one before it.
template <typename Block>
bool CopyIfPlain(const char* from, size_t size, char* to) {
  size_t at = 0;
  for (; at + sizeof(Block) <= size; at += sizeof(Block)) {
    if (!CopyBlockIfPlain<Block>(from + at, to + at)) return false;
  }
  const size_t last = size - sizeof(Block);
  return at == size || CopyBlockIfPlain<Block>(from + last, to + last);
}

// False: it is not all plain, and what is at `to` means nothing.
bool CopyIfPlain(absl::string_view text, char* to) {
  if (text.size() >= sizeof(Bytes16)) return CopyIfPlain<Bytes16>(text.data(), text.size(), to);
  if (text.size() >= sizeof(uint64_t)) return CopyIfPlain<uint64_t>(text.data(), text.size(), to);
  for (size_t i = 0; i < text.size(); ++i) {
    if (!IsPlain(text[i])) return false;
    to[i] = text[i];
  }
  return true;
}

}  // namespace

std::string Hex(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

bool IsHex(absl::string_view text) {
  for (char c : text) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

absl::StatusOr<std::string> FromHex(absl::string_view hex) {
  if (hex.size() % 2 != 0 || !IsHex(hex)) return absl::InvalidArgumentError("not hexadecimal");
  return absl::HexStringToBytes(hex);
}

void AppendJsonQuoted(absl::string_view text, std::string* out) {
  out->push_back('"');
  AppendJsonText(text, out);
  out->push_back('"');
}

char* WriteJsonQuoted(absl::string_view text, char* out) {
  *out++ = '"';
  if (CopyIfPlain(text, out)) {
    out += text.size();
  } else {
    std::string escaped;
    AppendJsonText(text, &escaped);
    out += escaped.copy(out, escaped.size());
  }
  *out++ = '"';
  return out;
}

std::string JsonQuote(absl::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  AppendJsonQuoted(text, &out);
  return out;
}

bool ConstantTimeEquals(absl::string_view a, absl::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace sallyport::base
