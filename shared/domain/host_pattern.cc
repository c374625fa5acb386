#include "shared/domain/host_pattern.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "re2/re2.h"
#include "shared/domain/host.h"
#include "shared/domain/pattern.h"

namespace sallyport::domain {
namespace {

absl::Status RefuseHost(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("host \"", text, "\" ", why));
}

// Position of the '}' that closes the '{' at `open`; braces inside a regex are counted, as
// gorilla/mux does.
size_t ClosingBrace(absl::string_view text, size_t open) {
  int depth = 0;
  for (size_t i = open; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i;
  }
  return absl::string_view::npos;
}

// "{name}" and "{name:regex}" to RE2; what is outside is taken literally.
absl::StatusOr<std::string> ToRegex(absl::string_view text) {
  std::string out;
  size_t at = 0;
  while (at < text.size()) {
    const size_t open = text.find('{', at);
    const absl::string_view literal =
        text.substr(at, open == absl::string_view::npos ? open : open - at);
    if (absl::StrContains(literal, '}')) return RefuseHost(text, "has '}' without '{'");
    out.append(RE2::QuoteMeta(re2::StringPiece(literal.data(), literal.size())));
    if (open == absl::string_view::npos) break;
    const size_t close = ClosingBrace(text, open);
    if (close == absl::string_view::npos) return RefuseHost(text, "has '{' without '}'");
    const absl::string_view inside = text.substr(open + 1, close - open - 1);
    const size_t colon = inside.find(':');
    if (inside.empty() || colon == 0)
      return RefuseHost(text, "has '{' without a name: {name} or {name:expression}");
    const absl::string_view regex =
        colon == absl::string_view::npos ? absl::string_view("[^.]+") : inside.substr(colon + 1);
    if (regex.empty()) return RefuseHost(text, "has an empty regular expression");
    absl::StrAppend(&out, "(?:", regex, ")");
    at = close + 1;
  }
  return out;
}

absl::StatusOr<std::shared_ptr<const RE2>> Compile(absl::string_view text) {
  auto regex = ToRegex(text);
  if (!regex.ok()) return regex.status();
  RE2::Options options;
  options.set_case_sensitive(false);
  options.set_log_errors(false);
  options.set_never_capture(true);
  auto compiled = std::make_shared<const RE2>(*regex, options);
  if (!compiled->ok())
    return RefuseHost(text, absl::StrCat("has an invalid expression: ", compiled->error()));
  return compiled;
}

}  // namespace

absl::StatusOr<HostPattern> HostPattern::Parse(absl::string_view text) {
  HostPattern pattern;
  if (text.empty()) return pattern;
  if (absl::StrContains(text, '{') || absl::StrContains(text, '}')) {
    auto regex = Compile(text);
    if (!regex.ok()) return regex.status();
    pattern.kind_ = Kind::kRegex;
    pattern.name_ = std::string(text);
    pattern.regex_ = *std::move(regex);
    return pattern;
  }
  auto parsed = ParsePattern(text);
  if (!parsed.ok())
    return RefuseHost(text, absl::StrCat("is not usable: ", parsed.status().message()));
  if (parsed->kind == Pattern::Kind::kDefault) return pattern;
  if (parsed->port != 0)
    return RefuseHost(text, "has a port: that is the listener's, write the host alone");
  const bool wildcard = parsed->kind == Pattern::Kind::kWildcard;
  absl::string_view name = parsed->name;
  if (wildcard && (!absl::ConsumePrefix(&name, "*.") || absl::StrContains(name, '*'))) {
    return RefuseHost(text, "may have \"*\" only as its leftmost label");
  }
  pattern.kind_ = wildcard ? Kind::kWildcard : Kind::kExact;
  pattern.name_ = std::string(name);
  return pattern;
}

bool HostPattern::Matches(absl::string_view host, bool host_is_ip) const {
  switch (kind_) {
    case Kind::kAny: return true;
    case Kind::kExact: return host == name_;
    case Kind::kRegex: return RE2::FullMatch(re2::StringPiece(host.data(), host.size()), *regex_);
    case Kind::kWildcard: {
      const size_t dot = host.find('.');
      return !host_is_ip && dot != absl::string_view::npos && dot > 0 &&
             host.substr(dot + 1) == name_;
    }
  }
  return false;
}

}  // namespace sallyport::domain
