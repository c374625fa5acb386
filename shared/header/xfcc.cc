#include "shared/header/xfcc.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/header/percent.h"

namespace sallyport::header {
namespace {

constexpr size_t kMaxXfccBytes = 64 << 10;

// Inside quotes: '"' and '\' escaped, nothing that a header field may not carry.
void AppendQuoted(absl::string_view text, std::string* out) {
  out->push_back('"');
  for (char c : text) {
    if (!IsPrintable(c)) {
      AppendPercent(c, out);
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
    if (IsPrintable(c))
      out->push_back(c);
    else
      AppendPercent(c, out);
  }
}

// PEM with what Envoy encodes: '+', '/', '=', blanks and line ends. Nothing in it needs a quote.
void AppendUrlEncodedPem(absl::string_view der, std::string* out) {
  constexpr size_t kLine = 64;
  const std::string base64 = absl::Base64Escape(der);
  absl::StrAppend(out, "-----BEGIN%20CERTIFICATE-----%0A");
  for (size_t i = 0; i < base64.size(); ++i) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(base64[i])))
      out->push_back(base64[i]);
    else
      AppendPercent(base64[i], out);
    if ((i + 1) % kLine == 0 && i + 1 < base64.size()) absl::StrAppend(out, "%0A");
  }
  absl::StrAppend(out, "%0A-----END%20CERTIFICATE-----%0A");
}

void AppendCertificates(absl::string_view name, absl::string_view leaf,
                        absl::Span<const std::string> issuers, std::string* out) {
  std::string pem;
  AppendUrlEncodedPem(leaf, &pem);
  for (const std::string& issuer : issuers) AppendUrlEncodedPem(issuer, &pem);
  AppendPair(name, pem, true, out);
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

// Into elements. False unless each quote that opens stands right behind '=', closes again, and
// nothing is escaped outside of quotes: whoever reads quotes elsewhere, or not, sees the same.
bool Split(absl::string_view value, std::vector<absl::string_view>* elements) {
  bool quoted = false;
  size_t start = 0;
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\') {
      if (!quoted) return false;
      ++i;
    } else if (value[i] == '"') {
      if (!quoted && (i == 0 || value[i - 1] != '=')) return false;
      quoted = !quoted;
    } else if (value[i] == ',' && !quoted) {
      elements->push_back(value.substr(start, i - start));
      start = i + 1;
    }
  }
  elements->push_back(value.substr(start));
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

absl::StatusOr<XfccElement> ParseElement(absl::string_view text) {
  absl::string_view rest = absl::StripAsciiWhitespace(text);
  if (rest.empty()) return absl::InvalidArgumentError("empty element");
  XfccElement element;
  std::vector<std::string> seen;
  while (!rest.empty()) {
    absl::string_view name;
    std::string value;
    if (!TakePair(&rest, &name, &value)) return absl::InvalidArgumentError("not a name=value pair");
    if (!Store(name, std::move(value), &element, &seen)) {
      return absl::InvalidArgumentError(absl::StrCat(name, " twice"));
    }
  }
  return element;
}

}  // namespace

std::string BuildXfcc(const XfccFacts& facts, const XfccParts& parts) {
  std::string out;
  if (parts.hash) AppendPair("Hash", facts.hash, false, &out);
  if (parts.cert && !facts.leaf_der.empty()) AppendCertificates("Cert", facts.leaf_der, {}, &out);
  if (parts.chain && !facts.leaf_der.empty())
    AppendCertificates("Chain", facts.leaf_der, facts.issuers, &out);
  if (parts.subject) AppendPair("Subject", facts.subject, true, &out);
  if (parts.uri) {
    for (const std::string& uri : facts.uri_sans) AppendPair("URI", uri, false, &out);
  }
  if (parts.dns) {
    for (const std::string& dns : facts.dns_sans) AppendPair("DNS", dns, false, &out);
  }
  return out;
}

absl::StatusOr<XfccElement> ParseRightmostXfcc(absl::string_view value) {
  if (value.size() > kMaxXfccBytes) return absl::InvalidArgumentError("header too long");
  size_t start = 0;
  if (!FindRightmost(value, &start)) return absl::InvalidArgumentError("open quote");
  return ParseElement(value.substr(start));
}

absl::Status CheckXfcc(absl::string_view value) {
  if (value.size() > kMaxXfccBytes) return absl::InvalidArgumentError("header too long");
  if (!std::all_of(value.begin(), value.end(), IsPrintable))
    return absl::InvalidArgumentError("bytes that are no printable ASCII");
  std::vector<absl::string_view> elements;
  if (!Split(value, &elements)) return absl::InvalidArgumentError("quotes that are not a value's");
  for (const absl::string_view element : elements) {
    const absl::Status status = ParseElement(element).status();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace sallyport::header
