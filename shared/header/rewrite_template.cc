#include "shared/header/rewrite_template.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "shared/header/percent.h"

namespace sallyport::header {
namespace {

template <typename... Text>
absl::Status Unusable(const Text&... text) {
  return absl::InvalidArgumentError(absl::StrCat("rewrite target: ", text...));
}

bool IsUnreserved(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

void AppendEncoded(absl::string_view value, std::string* out) {
  for (const char c : value) {
    if (IsUnreserved(c)) {
      out->push_back(c);
    } else {
      AppendPercent(c, out);
    }
  }
}

}  // namespace

// Reads path and query of a template from their beginning to their end.
class RewriteReader {
 public:
  RewriteReader(absl::string_view rest, RewriteTemplate* made) : rest_(rest), made_(made) {}

  absl::Status Read() {
    if (!absl::StartsWith(rest_, "/")) text_ = "/";
    while (!rest_.empty()) {
      if (auto status = Next(); !status.ok()) return status;
    }
    EndText();
    return absl::OkStatus();
  }

 private:
  using Part = RewriteTemplate::Part;
  using Source = RewriteTemplate::Source;

  absl::Status Next() {
    const char c = rest_.front();
    if (absl::ConsumePrefix(&rest_, "{{")) return Literal('{');
    if (absl::ConsumePrefix(&rest_, "}}")) return Literal('}');
    if (absl::ConsumePrefix(&rest_, "$$")) return Literal('$');
    if (c == '$') return Capture();
    if (c == '{') return Named();
    if (c == '}') return Unusable("a lone '}': write }}");
    if (c == '#') return Unusable("has a fragment");
    if (c <= 0x20 || c >= 0x7f) return Unusable("has blanks or non-ASCII: write them as %XX");
    rest_.remove_prefix(1);
    return Literal(c);
  }

  absl::Status Literal(char c) {
    text_.push_back(c);
    return absl::OkStatus();
  }

  absl::Status Capture() {
    size_t digits = 1;
    while (digits < 3 && digits < rest_.size() && absl::ascii_isdigit(Byte(rest_[digits])))
      ++digits;
    Part part;
    part.source = Source::kCapture;
    if (!absl::SimpleAtoi(rest_.substr(1, digits - 1), &part.group))
      return Unusable("'$' without a number: write $$ for the sign itself");
    rest_.remove_prefix(digits);
    return Add(std::move(part));
  }

  absl::Status Named() {
    const size_t end = rest_.find('}');
    if (end == absl::string_view::npos) return Unusable("a lone '{': write {{");
    absl::string_view inside = rest_.substr(1, end - 1);
    const std::string whole(inside);
    rest_.remove_prefix(end + 1);
    Part part;
    if (absl::ConsumePrefix(&inside, "header:")) {
      part.source = Source::kHeader;
      part.text = absl::AsciiStrToLower(inside);
    } else if (absl::ConsumePrefix(&inside, "meta:")) {
      part.source = Source::kMetadata;
      part.text = std::string(inside);
    } else if (absl::ConsumePrefix(&inside, "trigger:")) {
      part.source = Source::kTrigger;
      const size_t colon = inside.rfind(':');
      if (colon != absl::string_view::npos &&
          absl::SimpleAtoi(inside.substr(colon + 1), &part.group) && part.group >= 0) {
        inside = inside.substr(0, colon);
      }
      part.text = std::string(inside);
    }
    if (part.text.empty())
      return Unusable("{", whole, "}: known are {header:NAME}, {meta:NAME}, {trigger:NAME:GROUP}");
    return Add(std::move(part));
  }

  absl::Status Add(Part part) {
    EndText();
    made_->parts_.push_back(std::move(part));
    return absl::OkStatus();
  }

  void EndText() {
    if (text_.empty()) return;
    Part part;
    part.text.swap(text_);
    made_->parts_.push_back(std::move(part));
  }

  static unsigned char Byte(char c) { return static_cast<unsigned char>(c); }

  absl::string_view rest_;
  RewriteTemplate* made_;
  std::string text_;
};

absl::StatusOr<RewriteTemplate> RewriteTemplate::Parse(absl::string_view text) {
  if (text.empty()) return Unusable("is empty");
  if (text.size() > kMostBytes) return Unusable("is longer than ", kMostBytes, " bytes");
  RewriteTemplate made;
  const size_t scheme = text.find("://");
  // "://" further on stands in a path or a query.
  if (scheme != absl::string_view::npos &&
      text.substr(0, scheme).find_first_of("/?") == absl::string_view::npos) {
    const size_t end = text.find_first_of("/?", scheme + 3);
    const absl::string_view server = text.substr(0, end);
    if (server.find_first_of("${}") != absl::string_view::npos) {
      return Unusable("`", server, "`: scheme, host and port must be fixed text; a caller would ",
                      "choose where its request goes");
    }
    made.server_ = std::string(server);
    text = end == absl::string_view::npos ? "/" : text.substr(end);
  }
  if (auto status = RewriteReader(text, &made).Read(); !status.ok()) return status;
  return made;
}

int RewriteTemplate::most_capture() const {
  int most = -1;
  for (const Part& part : parts_) {
    if (part.source == Source::kCapture) most = std::max(most, part.group);
  }
  return most;
}

std::string RewriteTemplate::Render(Values values) const {
  std::string out;
  for (const Part& part : parts_) {
    switch (part.source) {
      case Source::kText: out += part.text; break;
      case Source::kCapture: {
        const absl::string_view value = values(part);
        out.append(value.data(), value.size());
        break;
      }
      default: AppendEncoded(values(part), &out); break;
    }
  }
  return out;
}

}  // namespace sallyport::header
