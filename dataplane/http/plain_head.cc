#include "dataplane/http/plain_head.h"

#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "dataplane/http/printable.h"

namespace sallyport::dataplane {
namespace {

constexpr std::array<bool, 256> MakeTokenTable() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[c] = table[c + 'a' - 'A'] = true;
  for (const char c :
       {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}
constexpr std::array<bool, 256> kIsToken = MakeTokenTable();

// Of the first sixteen bytes, how many are letters, digits and hyphens, as nearly all names are.
size_t PlainNameLength(const char* text) {
  Bytes16 bytes;
  std::memcpy(&bytes, text, sizeof bytes);
  const Bytes16 lower = bytes | 0x20;
  const auto plain =
      ((lower >= 'a') & (lower <= 'z')) | ((bytes >= '0') & (bytes <= '9')) | (bytes == '-');
  const auto others = std::bit_cast<Words2>(~plain);
  constexpr int kBitsPerByte = 8;
  for (const size_t half : {0, 1}) {
    if (others[half] != 0)
      return half * sizeof(others[0]) + std::countr_zero(others[half]) / kBitsPerByte;
  }
  return sizeof bytes;
}

size_t TokenLength(absl::string_view text) {
  size_t length = 0;
  if (std::endian::native == std::endian::little && text.size() >= sizeof(Bytes16))
    length = PlainNameLength(text.data());
  while (length < text.size() && kIsToken[static_cast<unsigned char>(text[length])]) ++length;
  return length;
}

absl::string_view WithoutBlanks(absl::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool IsLength(absl::string_view text) {
  if (text.empty() || text.size() > 18) return false;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return true;
}

// Fields that say how the message is framed: only in their simplest form, once.
class FramingSeen {
 public:
  // False: not simple.
  bool Take(const HeaderField& field) {
    switch (field.name.size()) {  // nearly all differ there
      case 10:
        if (!NameIs(field.name, "connection")) return true;
        return NameIs(field.value, "close") || NameIs(field.value, "keep-alive");
      case 14:
        if (!NameIs(field.name, "content-length")) return true;
        return !std::exchange(length_, true) && IsLength(field.value);
      case 16: return !NameIs(field.name, "proxy-connection");
      case 17: return !NameIs(field.name, "transfer-encoding");
      default: return true;
    }
  }

 private:
  bool length_ = false;
};

// Takes the first line off, which comes without its end.
absl::string_view TakeLine(absl::string_view* rest) {
  const void* const found = std::memchr(rest->data(), '\n', rest->size());
  const auto feed = static_cast<size_t>(static_cast<const char*>(found) - rest->data());
  const absl::string_view line = rest->substr(0, feed - 1);
  rest->remove_prefix(feed + 1);
  return line;
}

// `lines`: up to the blank line, with it.
bool ReadFields(absl::string_view lines, size_t max_fields, HeaderFields* fields) {
  FramingSeen framing;
  for (;;) {
    const absl::string_view line = TakeLine(&lines);
    if (line.empty()) return lines.empty();
    const size_t name = TokenLength(line);
    if (name == 0 || name == line.size() || line[name] != ':') return false;
    const absl::string_view value = line.substr(name + 1);
    if (!IsPrintable(value) || fields->size() >= max_fields) return false;
    fields->push_back({line.substr(0, name), WithoutBlanks(value)});
    if (!framing.Take(fields->back())) return false;
  }
}

// "HTTP/1.1", as nearly all say.
constexpr absl::string_view kVersion = "HTTP/1.1";

}  // namespace

bool ReadPlainRequest(absl::string_view head, size_t max_fields, RequestHead* out) {
  absl::string_view rest = head;
  const absl::string_view line = TakeLine(&rest);
  const size_t method = TokenLength(line);
  if (method == 0 || method == line.size() || line[method] != ' ') return false;
  absl::string_view target = line.substr(method + 1);
  if (target.size() <= kVersion.size() + 1 ||
      target.substr(target.size() - kVersion.size()) != kVersion)
    return false;
  target.remove_suffix(kVersion.size());
  if (target.back() != ' ') return false;
  target.remove_suffix(1);
  if (!IsPrintable(target) || target.find(' ') != absl::string_view::npos) return false;
  out->method = line.substr(0, method);
  out->target = target;
  out->minor_version = 1;
  return ReadFields(rest, max_fields, &out->fields);
}

bool ReadPlainResponse(absl::string_view head, size_t max_fields, ResponseHead* out) {
  constexpr size_t kReasonAt = sizeof "HTTP/1.1 200 " - 1;
  absl::string_view rest = head;
  const absl::string_view line = TakeLine(&rest);
  if (line.size() < kReasonAt || line.substr(0, kVersion.size()) != kVersion ||
      line[kVersion.size()] != ' ' || line[kReasonAt - 1] != ' ') {
    return false;
  }
  const absl::string_view status = line.substr(kVersion.size() + 1, 3);
  const absl::string_view reason = line.substr(kReasonAt);
  if (!IsLength(status) || !IsPrintable(reason)) return false;
  out->status = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
  out->reason_phrase = reason;
  out->minor_version = 1;
  return ReadFields(rest, max_fields, &out->fields);
}

}  // namespace sallyport::dataplane
