#include "shared/header/pem_value.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "shared/header/percent.h"

namespace sallyport::header {
namespace {

constexpr absl::string_view kBegin[] = {"-----BEGIN CERTIFICATE-----",
                                        "-----BEGIN+CERTIFICATE-----"};
constexpr absl::string_view kEnd[] = {"-----END CERTIFICATE-----", "-----END+CERTIFICATE-----"};

bool IsLineEnd(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

absl::string_view WithoutLineEnds(absl::string_view text) {
  size_t at = 0;
  while (at < text.size() && IsLineEnd(text[at])) ++at;
  return text.substr(at);
}

absl::Status Wrong(absl::string_view why) { return absl::InvalidArgumentError(why); }

// False: a '%' without two hexadecimal digits.
bool DecodePercent(absl::string_view text, std::string* out) {
  out->reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out->push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return false;
    const int high = HexValue(text[i + 1]), low = HexValue(text[i + 2]);
    if (high < 0 || low < 0) return false;
    out->push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return true;
}

bool TakeMark(const absl::string_view (&marks)[2], absl::string_view* rest) {
  return absl::ConsumePrefix(rest, marks[0]) || absl::ConsumePrefix(rest, marks[1]);
}

// Takes base64 up to the next '-', which base64 has not.
absl::StatusOr<std::string> TakeBody(absl::string_view* rest) {
  const absl::string_view body = rest->substr(0, rest->find('-'));
  rest->remove_prefix(body.size());
  std::string base64;
  base64.reserve(body.size());
  for (const char c : body) {
    if (!IsLineEnd(c)) base64.push_back(c);
  }
  std::string der;
  // Written anew it must be the same: nothing that another reader would see otherwise.
  if (!absl::Base64Unescape(base64, &der) || absl::Base64Escape(der) != base64)
    return Wrong("PEM whose base64 is not canonical");
  if (!IsOneDerSequence(der)) return Wrong("PEM that is not the DER of one certificate");
  return der;
}

absl::StatusOr<std::vector<std::string>> ParseBlocks(absl::string_view rest, size_t most) {
  std::vector<std::string> blocks;
  for (rest = WithoutLineEnds(rest); !rest.empty(); rest = WithoutLineEnds(rest)) {
    if (!TakeMark(kBegin, &rest)) return Wrong("not PEM: no BEGIN CERTIFICATE where one must be");
    if (blocks.size() == most) return Wrong("too many certificates");
    absl::StatusOr<std::string> der = TakeBody(&rest);
    if (!der.ok()) return der.status();
    if (!TakeMark(kEnd, &rest)) return Wrong("PEM without END CERTIFICATE");
    blocks.push_back(*std::move(der));
  }
  if (blocks.empty()) return Wrong("no certificate in it");
  return blocks;
}

}  // namespace

bool IsOneDerSequence(absl::string_view bytes) {
  constexpr char kSequence = 0x30;
  if (bytes.size() < 2 || bytes.size() > kMostCertificateDer || bytes[0] != kSequence) return false;
  const auto first = static_cast<unsigned char>(bytes[1]);
  if (first < 0x80) return bytes.size() - 2 == first;
  const size_t octets = first & 0x7f;
  if (octets == 0 || octets > 2 || bytes.size() < 2 + octets) return false;
  size_t length = 0;
  for (size_t i = 0; i < octets; ++i)
    length = length << 8 | static_cast<unsigned char>(bytes[2 + i]);
  const bool shortest = length >= (octets == 1 ? 0x80u : 0x100u);
  return shortest && bytes.size() - 2 - octets == length;
}

absl::StatusOr<std::vector<std::string>> ParsePemValue(absl::string_view value, size_t most) {
  if (!absl::StrContains(value, '%')) return ParseBlocks(value, most);
  std::string decoded;
  if (!DecodePercent(value, &decoded)) return Wrong("a % without two hexadecimal digits");
  return ParseBlocks(decoded, most);
}

}  // namespace sallyport::header
