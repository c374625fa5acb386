#include "dataplane/route/rewrite.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dataplane/route/query.h"
#include "re2/re2.h"

namespace sallyport::dataplane {
namespace {

constexpr int kMostGroups = 100;  // "$0" to "$99"

// What an expression found, as copies: some of what is looked at does not last.
using Captured = std::vector<std::string>;

// Empty: nothing was found.
Captured Find(const re2::RE2& pattern, absl::string_view text) {
  const re2::StringPiece piece(text.data(), text.size());
  const int groups = std::min(pattern.NumberOfCapturingGroups() + 1, kMostGroups);
  std::array<re2::StringPiece, kMostGroups> found;
  if (!pattern.Match(piece, 0, text.size(), RE2::UNANCHORED, found.data(), groups)) return {};
  Captured captured;
  captured.reserve(static_cast<size_t>(groups));
  for (int i = 0; i < groups; ++i)
    captured.emplace_back(found[static_cast<size_t>(i)].data() == nullptr
                              ? absl::string_view()
                              : absl::string_view(found[static_cast<size_t>(i)].data(),
                                                  found[static_cast<size_t>(i)].size()));
  return captured;
}

absl::string_view GroupOf(const Captured& captured, int group) {
  const auto index = static_cast<size_t>(group);
  return index < captured.size() ? absl::string_view(captured[index]) : absl::string_view();
}

class Rewriter {
 public:
  Rewriter(const RewriteQuestion& question, HeaderValues headers)
      : question_(question), headers_(headers) {}

  std::optional<Rewritten> Run(const RewriteRule& rule) {
    whole_ = question_.query.empty() ? std::string(question_.path)
                                     : absl::StrCat(question_.path, "?", question_.query);
    captured_ = Find(*rule.pattern, whole_);
    if (captured_.empty()) return std::nullopt;
    for (const RewriteTrigger& trigger : rule.triggers) {
      if (Holds(trigger)) return To(trigger.target);
    }
    triggered_.clear();
    if (!rule.target.has_value()) return std::nullopt;
    return To(*rule.target);
  }

 private:
  bool Holds(const RewriteTrigger& trigger) {
    triggered_.clear();
    size_t held = 0;
    for (const RewriteCondition& condition : trigger.conditions) {
      if (Holds(condition)) ++held;
    }
    return trigger.any ? held > 0 : held == trigger.conditions.size();
  }

  bool Holds(const RewriteCondition& condition) {
    Captured found;
    EachValue(condition, [&](absl::string_view value) {
      found = Find(*condition.pattern, value);
      return !found.empty();
    });
    const bool matched = !found.empty();
    if (matched) triggered_.emplace_back(condition.name, std::move(found));
    return matched != condition.reverse;
  }

  void EachValue(const RewriteCondition& condition,
                 absl::FunctionRef<bool(absl::string_view)> see) {
    switch (condition.source) {
      case RewriteCondition::Source::kHeader: return headers_(condition.name, see);
      case RewriteCondition::Source::kQuery:
        return EachQueryParameter(question_.query, condition.name, see);
      case RewriteCondition::Source::kPathPart:
        for (const absl::string_view part :
             absl::StrSplit(question_.path, '/', absl::SkipEmpty())) {
          if (see(part)) return;
        }
        return;
      case RewriteCondition::Source::kMetadata: {
        const absl::string_view value = MetadataOf(condition.name);
        if (!value.empty()) see(value);
        return;
      }
    }
  }

  Rewritten To(const RewriteTarget& target) {
    std::string text = target.text.Render(
        [this](const header::RewriteTemplate::Part& part) { return ValueOf(part); });
    Rewritten out;
    if (target.server.has_value()) out.server = &*target.server;
    const size_t question = text.find('?');
    if (question != std::string::npos) {
      out.query = text.substr(question + 1);
      text.resize(question);
    }
    out.path = std::move(text);
    return out;
  }

  absl::string_view ValueOf(const header::RewriteTemplate::Part& part) {
    using Source = header::RewriteTemplate::Source;
    switch (part.source) {
      case Source::kText: return part.text;
      case Source::kCapture: return GroupOf(captured_, part.group);
      case Source::kMetadata: return MetadataOf(part.text);
      case Source::kHeader:
        header_.clear();
        headers_(part.text, [this](absl::string_view value) {
          header_ = std::string(value);
          return true;
        });
        return header_;
      case Source::kTrigger:
        for (const auto& [name, captured] : triggered_) {
          if (name == part.text) return GroupOf(captured, part.group);
        }
        return {};
    }
    return {};
  }

  absl::string_view MetadataOf(absl::string_view name) const {
    for (const auto& [key, value] : question_.metadata) {
      if (key == name) return value;
    }
    return {};
  }

  const RewriteQuestion& question_;
  HeaderValues headers_;
  std::string whole_;
  Captured captured_;  // of the rule's pattern
  std::vector<std::pair<std::string, Captured>> triggered_;
  std::string header_;
};

}  // namespace

std::optional<Rewritten> RewriteTo(const RewriteRule& rule, const RewriteQuestion& question,
                                   HeaderValues headers) {
  return Rewriter(question, headers).Run(rule);
}

}  // namespace sallyport::dataplane
