#include "shared/header/xfcc.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sallyport::header {
namespace {

constexpr size_t kMaxXfccBytes = 64 << 10;

void AppendPercent(unsigned char byte, std::string* out) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  out->push_back('%');
  out->push_back(kDigits[byte >> 4]);
  out->push_back(kDigits[byte & 15]);
}

// Inside quotes: '"' and '\' escaped, nothing that a header field may not carry.
void AppendQuoted(absl::string_view text, std::string* out) {
  out->push_back('"');
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      AppendPercent(byte, out);
      continue;
    }
    if (c == '"' || c == '\\') out->push_back('\\');
    out->push_back(c);
  }
  out->push_back('"');
}

bool NeedsQuotes(absl::string_view text) {
  for (char c : text) {
    if (c == ',' || c == ';' || c == '=' || c == '"' || c == '\\' || c == ' ') return true;
  }
  return false;
}

void AppendPair(absl::string_view name, absl::string_view value, bool quote, std::string* out) {
  if (!out->empty()) out->push_back(';');
  absl::StrAppend(out, name, "=");
  if (quote || NeedsQuotes(value)) return AppendQuoted(value, out);
  for (char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f)
      AppendPercent(byte, out);
    else
      out->push_back(c);
  }
}

// Where the rightmost element starts. False: a quote is open at the end.
bool FindRightmost(absl::string_view value, size_t* start) {
  bool quoted = false;
  *start = 0;
  for (size_t i = 0; i < value.size(); ++i) {
    if (quoted && value[i] == '\\')
      ++i;
    else if (value[i] == '"')
      quoted = !quoted;
    else if (!quoted && value[i] == ',')
      *start = i + 1;
  }
  return !quoted;
}

// Takes one "name=value" from the front of `rest`, with the ';' after it.
bool TakePair(absl::string_view* rest, absl::string_view* name, std::string* value) {
  const size_t equals = rest->find('=');
  if (equals == absl::string_view::npos) return false;
  *name = absl::StripAsciiWhitespace(rest->substr(0, equals));
  if (name->empty() || name->find_first_of(";\"") != absl::string_view::npos) return false;
  size_t at = equals + 1;
  value->clear();
  if (at < rest->size() && (*rest)[at] == '"') {
    for (++at; at < rest->size() && (*rest)[at] != '"'; ++at) {
      if ((*rest)[at] == '\\' && at + 1 < rest->size()) ++at;
      value->push_back((*rest)[at]);
    }
    if (at >= rest->size()) return false;
    ++at;  // the closing quote; only blanks and ';' may follow
    const size_t next = rest->find_first_not_of(" \t", at);
    if (next == absl::string_view::npos)
      at = rest->size();
    else if ((*rest)[next] != ';')
      return false;
    else
      at = next;
  } else {
    const size_t end = std::min(rest->find(';', at), rest->size());
    const absl::string_view raw = absl::StripAsciiWhitespace(rest->substr(at, end - at));
    value->assign(raw.data(), raw.size());
    at = end;
  }
  rest->remove_prefix(std::min(at + 1, rest->size()));
  return true;
}

// False: a key that stands once came twice.
bool Store(absl::string_view name, std::string value, XfccElement* element,
           std::vector<std::string>* seen) {
  const std::string key = absl::AsciiStrToLower(name);
  if (key == "by")
    element->by.push_back(std::move(value));
  else if (key == "uri")
    element->uri.push_back(std::move(value));
  else if (key == "dns")
    element->dns.push_back(std::move(value));
  else if (key == "hash" || key == "cert" || key == "chain" || key == "subject") {
    for (const std::string& other : *seen) {
      if (other == key) return false;
    }
    seen->push_back(key);
    if (key == "cert") element->has_cert = !value.empty();
    (key == "hash"    ? element->hash
     : key == "cert"  ? element->cert
     : key == "chain" ? element->chain
                      : element->subject) = std::move(value);
  }
  return true;  // keys of others' making are skipped
}

}  // namespace

std::string BuildXfcc(const XfccFacts& facts) {
  std::string out;
  AppendPair("Hash", facts.hash, false, &out);
  AppendPair("Subject", facts.subject, true, &out);
  for (const std::string& uri : facts.uri_sans) AppendPair("URI", uri, false, &out);
  for (const std::string& dns : facts.dns_sans) AppendPair("DNS", dns, false, &out);
  return out;
}

absl::StatusOr<XfccElement> ParseRightmostXfcc(absl::string_view value) {
  if (value.size() > kMaxXfccBytes) return absl::InvalidArgumentError("header too long");
  size_t start = 0;
  if (!FindRightmost(value, &start)) return absl::InvalidArgumentError("open quote");
  absl::string_view rest = absl::StripAsciiWhitespace(value.substr(start));
  if (rest.empty()) return absl::InvalidArgumentError("empty element");
  XfccElement element;
  std::vector<std::string> seen;
  while (!rest.empty()) {
    absl::string_view name;
    std::string text;
    if (!TakePair(&rest, &name, &text)) return absl::InvalidArgumentError("not a name=value pair");
    if (!Store(name, std::move(text), &element, &seen)) {
      return absl::InvalidArgumentError(absl::StrCat(name, " twice"));
    }
  }
  return element;
}

}  // namespace sallyport::header
