#include "shared/header/client_cert.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sallyport::header {
namespace {

constexpr size_t kMaxClientCertBytes = 64 << 10;

bool IsBase64(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/';
}

}  // namespace

std::string ClientCertValue(absl::string_view leaf_der) {
  return absl::StrCat(":", absl::Base64Escape(leaf_der), ":");
}

std::string ClientCertChainValue(absl::Span<const std::string> chain_without_leaf) {
  std::string out;
  for (const std::string& der : chain_without_leaf) {
    absl::StrAppend(&out, out.empty() ? "" : ", ", ClientCertValue(der));
  }
  return out;
}

absl::StatusOr<std::string> ParseClientCertValue(absl::string_view value) {
  value = absl::StripAsciiWhitespace(value);
  if (value.size() < 3 || value.size() > kMaxClientCertBytes || value.front() != ':' ||
      value.back() != ':') {
    return absl::InvalidArgumentError("not one byte sequence");
  }
  absl::string_view body = value.substr(1, value.size() - 2);
  // RFC 8941 §4.2.7: base64 characters and padding at the end, nothing else.
  size_t length = body.find('=');
  if (length == absl::string_view::npos) length = body.size();
  for (char c : body.substr(0, length)) {
    if (!IsBase64(c)) return absl::InvalidArgumentError("not base64");
  }
  const absl::string_view padding = body.substr(length);
  if (!padding.empty() && padding != "=" && padding != "==")
    return absl::InvalidArgumentError("bad padding");
  std::string der;
  if (!absl::Base64Unescape(body, &der) || der.empty())
    return absl::InvalidArgumentError("not base64");
  return der;
}

}  // namespace sallyport::header
