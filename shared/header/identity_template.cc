#include "shared/header/identity_template.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "shared/header/percent.h"

namespace sallyport::header {
namespace {

struct Known {
  absl::string_view name;
  CallerFact fact;
};
constexpr Known kKnown[] = {
    {"identity", CallerFact::kIdentity},
    {"organisation", CallerFact::kOrganisation},
    {"cert.fingerprint", CallerFact::kFingerprint},
    {"cert.spki_sha256", CallerFact::kSpki},
    {"cert.subject", CallerFact::kSubject},
    {"cert.issuer", CallerFact::kIssuer},
    {"cert.serial", CallerFact::kSerial},
    {"cert.not_before", CallerFact::kNotBefore},
    {"cert.not_after", CallerFact::kNotAfter},
    {"cert.uri_san", CallerFact::kUri},
    {"cert.dns_san", CallerFact::kDns},
    {"cert.email_san", CallerFact::kEmail},
    {"cert.ip_san", CallerFact::kIp},
    {"key.id", CallerFact::kKeyId},
    {"key.alias", CallerFact::kKeyAlias},
    {"key.policies", CallerFact::kKeyPolicies},
    {"key.tags", CallerFact::kKeyTags},
};
constexpr absl::string_view kMeta = "key.meta.";

template <typename... Text>
absl::Status Malformed(const Text&... text) {
  return absl::InvalidArgumentError(absl::StrCat(text...));
}

// Keeps two facts apart, once facts have it as %XX.
bool Separates(char c) { return c != '%' && !absl::ascii_isalnum(static_cast<unsigned char>(c)); }

std::string NumberOrNothing(int64_t number) { return number == 0 ? "" : absl::StrCat(number); }

absl::string_view FirstOf(absl::Span<const std::string> texts) {
  return texts.empty() ? absl::string_view() : absl::string_view(texts.front());
}

absl::string_view EntryOf(absl::Span<const std::pair<std::string, std::string>> entries,
                          absl::string_view name) {
  for (const auto& [key, value] : entries) {
    if (key == name) return value;
  }
  return {};
}

// Of facts that are a list.
const absl::Span<const std::string>* ListOf(CallerFact fact, const CallerFacts& facts) {
  if (fact == CallerFact::kKeyPolicies) return &facts.key_policies;
  return fact == CallerFact::kKeyTags ? &facts.key_tags : nullptr;
}

// Of those that are not. `number` holds what is no text.
absl::string_view TextOf(CallerFact fact, absl::string_view entry, const CallerFacts& facts,
                         std::string* number) {
  switch (fact) {
    case CallerFact::kIdentity: return facts.identity;
    case CallerFact::kOrganisation: return facts.organisation;
    case CallerFact::kFingerprint: return facts.fingerprint;
    case CallerFact::kSpki: return facts.spki_sha256;
    case CallerFact::kSubject: return facts.subject;
    case CallerFact::kIssuer: return facts.issuer;
    case CallerFact::kSerial: return facts.serial;
    case CallerFact::kNotBefore: return *number = NumberOrNothing(facts.not_before);
    case CallerFact::kNotAfter: return *number = NumberOrNothing(facts.not_after);
    case CallerFact::kUri: return FirstOf(facts.uri_sans);
    case CallerFact::kDns: return FirstOf(facts.dns_sans);
    case CallerFact::kEmail: return FirstOf(facts.email_sans);
    case CallerFact::kIp: return FirstOf(facts.ip_sans);
    case CallerFact::kKeyId: return facts.key_id;
    case CallerFact::kKeyAlias: return facts.key_alias;
    case CallerFact::kKeyMeta: return EntryOf(facts.key_metadata, entry);
    case CallerFact::kKeyPolicies:
    case CallerFact::kKeyTags: break;
  }
  return {};
}

}  // namespace

std::string KnownCallerFacts() {
  std::string names;
  for (const Known& known : kKnown) absl::StrAppend(&names, known.name, ", ");
  return absl::StrCat(names, kMeta, "NAME");
}

// Reads a template from its beginning to its end.
class TemplateReader {
 public:
  explicit TemplateReader(absl::string_view text) : rest_(text) {}

  absl::Status Read() {
    while (!rest_.empty()) {
      absl::Status status = Next();
      if (!status.ok()) return status;
    }
    EndText();
    return FactsStandApart();
  }

  IdentityTemplate Take() {
    ChooseEscaped();
    return std::move(made_);
  }

 private:
  absl::Status Next() {
    const char c = rest_.front();
    if (absl::ConsumePrefix(&rest_, "{{") || absl::ConsumePrefix(&rest_, "}}")) {
      text_.push_back(c);
      return absl::OkStatus();
    }
    if (c == '}')
      return Malformed("a `}` that closes nothing: write `}}` for the character itself");
    rest_.remove_prefix(1);
    if (c == '{') return Fact();
    if (!IsPrintable(c)) return Malformed("only printable ASCII can stand in a header");
    text_.push_back(c);
    return absl::OkStatus();
  }

  absl::Status Fact() {
    const size_t end = rest_.find_first_of("{}");
    if (end == absl::string_view::npos || rest_[end] == '{')
      return Malformed("a `{` that is not closed: write `{{` for the character itself");
    const absl::string_view name = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    EndText();
    IdentityTemplate::Part part;
    part.is_fact = true;
    if (absl::StartsWith(name, kMeta) && name.size() > kMeta.size()) {
      part.fact = CallerFact::kKeyMeta;
      part.text = std::string(name.substr(kMeta.size()));
    } else {
      const auto* const known = std::find_if(std::begin(kKnown), std::end(kKnown),
                                             [&](const Known& one) { return one.name == name; });
      if (known == std::end(kKnown))
        return Malformed("`{", name, "}` is not known; known are: ", KnownCallerFacts());
      part.fact = known->fact;
    }
    made_.parts_.push_back(std::move(part));
    return absl::OkStatus();
  }

  void EndText() {
    if (text_.empty()) return;
    IdentityTemplate::Part part;
    part.text = std::move(text_);
    text_.clear();
    made_.parts_.push_back(std::move(part));
  }

  absl::Status FactsStandApart() const {
    bool any = false, apart = true;
    for (const IdentityTemplate::Part& part : made_.parts_) {
      if (!part.is_fact) {
        apart = apart || std::any_of(part.text.begin(), part.text.end(), Separates);
        continue;
      }
      if (!apart) {
        return Malformed(
            "between two names there must be a character that is neither a letter, a digit"
            " nor `%`: else one could be taken for a part of the other");
      }
      any = true;
      apart = false;
    }
    return any ? absl::OkStatus()
               : Malformed(
                     "it names no fact; a header with the same value for everybody belongs into the"
                     " version's requestHeaders");
  }

  void ChooseEscaped() {
    made_.escaped_.set('%');
    if (made_.parts_.size() == 1) return;  // nothing that a fact could be taken for
    for (const char c : absl::string_view(" ,;=\"\\")) made_.escaped_.set(static_cast<size_t>(c));
    for (const IdentityTemplate::Part& part : made_.parts_) {
      if (part.is_fact) continue;
      for (const char c : part.text) {
        if (Separates(c)) made_.escaped_.set(static_cast<size_t>(c));
      }
    }
  }

  absl::string_view rest_;
  std::string text_;
  IdentityTemplate made_;
};

absl::StatusOr<IdentityTemplate> IdentityTemplate::Parse(absl::string_view text) {
  if (text.size() > kMostBytes) return Malformed("longer than ", kMostBytes, " bytes");
  if (text != absl::StripAsciiWhitespace(text)) return Malformed("blanks at its ends");
  TemplateReader reader(text);
  const absl::Status status = reader.Read();
  if (!status.ok()) return status;
  return reader.Take();
}

bool IdentityTemplate::IsEscaped(char c) const {
  return !IsPrintable(c) || escaped_.test(static_cast<size_t>(c));
}

// Blanks at the ends would be lost on the way.
void IdentityTemplate::AppendEscaped(absl::string_view value, bool in_list,
                                     std::string* out) const {
  for (size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool at_end = c == ' ' && (i == 0 || i + 1 == value.size());
    if (IsEscaped(c) || at_end || (in_list && c == ','))
      AppendPercent(c, out);
    else
      out->push_back(c);
  }
}

std::string IdentityTemplate::Render(const CallerFacts& facts) const {
  std::string out, number;
  bool any = false;
  for (const Part& part : parts_) {
    if (!part.is_fact) {
      out += part.text;
    } else if (const auto* const list = ListOf(part.fact, facts); list != nullptr) {
      for (size_t i = 0; i < list->size(); ++i) {
        if (i > 0) out.push_back(',');
        AppendEscaped((*list)[i], true, &out);
      }
      any = any || !list->empty();
    } else {
      const absl::string_view text = TextOf(part.fact, part.text, facts, &number);
      AppendEscaped(text, false, &out);
      any = any || !text.empty();
    }
  }
  return any ? out : std::string();
}

}  // namespace sallyport::header
