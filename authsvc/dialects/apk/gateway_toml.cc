#include "authsvc/dialects/apk/gateway_toml.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

struct Setting {
  absl::string_view path;  // its end; TOML's names as Go's reader takes them, in any case
  absl::string_view here;
};

constexpr Setting kSettings[] = {
    {"enforcer.security.mutualssl.certificateheader",
     "write `clientCertificateHeaders` and `trustedProxies` into GatewaySettings"},
    {"enforcer.security.mutualssl.enableclientvalidation",
     "true is what holds while GatewaySettings has no `clientCertificateHeaders`; false needs "
     "them, "
     "and `trustedProxies`"},
    {"enforcer.security.mutualssl.clientcertificateencode",
     "a header's value is read as PEM and percent-encoded, whichever it is"},
    {"enforcer.security.mutualssl.enableoutboundcertificateheader",
     "`identityForwarding` of GatewaySettings tells backends of the certificate that was verified"},
    {"downstream.tls.mtlsapisenabled",
     "a certificate is asked for where an API at that server name can use one"},
    {"downstream.tls.trustedcertpath", "each API lists the certificates that it takes"},
};

constexpr size_t kMostLines = 100'000;

// The names of a path, in lower case.
using Names = std::vector<std::string>;
constexpr size_t kMostNames = 32;

bool EndsAs(const Names& names, absl::string_view path) {
  for (size_t i = names.size(); i-- > 0;) {
    if (!absl::ConsumeSuffix(&path, names[i])) return false;
    if (path.empty()) return true;
    if (!absl::ConsumeSuffix(&path, ".")) return false;
  }
  return false;
}

const Setting* Find(const Names& names) {
  for (const Setting& setting : kSettings) {
    if (EndsAs(names, setting.path)) return &setting;
  }
  return nullptr;
}

// What stands in quotes at the beginning, as it is written; false: it does not end on this line.
bool TakeQuoted(absl::string_view* rest, absl::string_view* inside) {
  const char quote = rest->front();
  size_t at = 1;
  while (at < rest->size() && (*rest)[at] != quote)
    at += quote == '"' && (*rest)[at] == '\\' ? 2 : 1;
  if (at >= rest->size()) return false;
  *inside = rest->substr(1, at - 1);
  rest->remove_prefix(at + 1);
  return true;
}

bool TakeName(absl::string_view* rest, absl::string_view* name) {
  if (absl::StartsWith(*rest, "\"") || absl::StartsWith(*rest, "'")) return TakeQuoted(rest, name);
  *name = rest->substr(0, rest->find_first_of("#.=[]{},\"' \t"));
  rest->remove_prefix(name->size());
  return !name->empty();
}

void SkipBlanks(absl::string_view* rest) { *rest = absl::StripLeadingAsciiWhitespace(*rest); }

// `a . "b"` (TOML 1.0, keys), behind what is there already. Escapes in quoted names are not read.
bool TakeNames(absl::string_view* rest, Names* names) {
  absl::string_view name;
  do {
    SkipBlanks(rest);
    if (names->size() == kMostNames || !TakeName(rest, &name)) return false;
    names->push_back(absl::AsciiStrToLower(name));
    SkipBlanks(rest);
  } while (absl::ConsumePrefix(rest, "."));
  return true;
}

// A value of an inline table, up to the comma or brace behind it.
bool SkipValue(absl::string_view* rest) {
  absl::string_view unused;
  for (size_t depth = 0; !rest->empty();) {
    const char c = rest->front();
    if (c == '"' || c == '\'') {
      if (!TakeQuoted(rest, &unused)) return false;
      continue;
    }
    if (depth == 0 && (c == ',' || c == '}')) return true;
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    rest->remove_prefix(1);
  }
  return false;
}

class Reader {
 public:
  void Line(size_t number, absl::string_view line) {
    number_ = number;
    line = absl::StripAsciiWhitespace(line);
    if (absl::ConsumePrefix(&line, "[")) return Table(line);
    Names names = table_;
    if (TakeNames(&line, &names) && absl::ConsumePrefix(&line, "=")) Pair(&names, line);
  }

  [[nodiscard]] std::vector<std::string> TakeFound() { return std::move(found_); }

 private:
  void Table(absl::string_view line) {
    absl::ConsumePrefix(&line, "[");  // of an array
    table_.clear();
    if (!TakeNames(&line, &table_)) table_.clear();
  }

  void Pair(Names* names, absl::string_view value) {
    Tell(*names);
    SkipBlanks(&value);
    if (absl::ConsumePrefix(&value, "{")) InlineTable(names, value);
  }

  // With those in it. One that goes on in another line (TOML 1.1) is not read there.
  void InlineTable(Names* names, absl::string_view rest) {
    std::vector<size_t> open = {names->size()};  // how many names lead to each
    while (!open.empty()) {
      names->resize(open.back());
      rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(", \t")));
      if (absl::ConsumePrefix(&rest, "}")) {
        open.pop_back();
        continue;
      }
      if (!TakeNames(&rest, names) || !absl::ConsumePrefix(&rest, "=")) return;
      Tell(*names);
      SkipBlanks(&rest);
      if (absl::ConsumePrefix(&rest, "{")) {
        open.push_back(names->size());
      } else if (!SkipValue(&rest)) {
        return;
      }
    }
  }

  void Tell(const Names& names) {
    const Setting* const setting = Find(names);
    if (setting == nullptr) return;
    found_.push_back(absl::StrCat("line ", number_, ": ", setting->path,
                                  " of WSO2 APK has no effect here: ", setting->here));
  }

  size_t number_ = 0;
  Names table_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> UnreadSettings(absl::string_view text) {
  Reader reader;
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (++number > kMostLines) break;
    reader.Line(number, line);
  }
  return reader.TakeFound();
}

}  // namespace sallyport::authsvc::dialects::apk
