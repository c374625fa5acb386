#include "authsvc/ctl/args.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "shared/config/reader.h"

namespace sallyport::authsvc::ctl {
namespace {

const FlagSpec* Find(const std::vector<FlagSpec>& flags, absl::string_view name) {
  for (const FlagSpec& flag : flags) {
    if (flag.name == name || (!flag.alias.empty() && flag.alias == name)) return &flag;
  }
  return nullptr;
}

// "-oyaml"
const FlagSpec* FindJoined(const std::vector<FlagSpec>& flags, absl::string_view word) {
  if (word.size() < 3 || word[1] == '-') return nullptr;
  const FlagSpec* const flag = Find(flags, word.substr(0, 2));
  return flag != nullptr && flag->takes_value && flag->bare.empty() ? flag : nullptr;
}

absl::Status Unknown(const std::vector<FlagSpec>& flags, absl::string_view name) {
  std::vector<std::string> known;
  for (const FlagSpec& flag : flags) known.emplace_back(flag.name);
  const std::string close = config::DidYouMean(name, known);
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown flag ", name, close.empty() ? "" : absl::StrCat(", did you mean ", close, "?")));
}

}  // namespace

absl::StatusOr<Args> Args::Parse(const std::vector<std::string>& words,
                                 const std::vector<FlagSpec>& flags) {
  Args args;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      args.words_.insert(args.words_.end(), words.begin() + static_cast<ptrdiff_t>(i) + 1,
                         words.end());
      break;
    }
    if (word.size() < 2 || word[0] != '-') {  // "-" alone is a file: standard input
      args.words_.push_back(word);
      continue;
    }
    const std::pair<std::string, std::string> parts = absl::StrSplit(word, absl::MaxSplits('=', 1));
    const FlagSpec* flag = Find(flags, parts.first);
    std::optional<std::string> value;
    if (absl::StrContains(word, "=")) value = parts.second;
    if (flag == nullptr) {
      flag = FindJoined(flags, word);
      if (flag == nullptr) return Unknown(flags, parts.first);
      value = word.substr(flag->alias.size());
    }
    if (!flag->takes_value && value.has_value() && *value != "true") {
      if (*value != "false")
        return absl::InvalidArgumentError(absl::StrCat(flag->name, " takes no value"));
      args.flags_.erase(std::string(flag->name));
      continue;
    }
    auto& values = args.flags_[std::string(flag->name)];
    if (!flag->takes_value) {
      values.emplace_back();
    } else if (value.has_value()) {
      values.push_back(*std::move(value));
    } else if (!flag->bare.empty()) {
      values.emplace_back(flag->bare);
    } else if (i + 1 < words.size()) {
      values.push_back(words[++i]);
    } else {
      return absl::InvalidArgumentError(absl::StrCat(flag->name, " needs a value"));
    }
  }
  return args;
}

bool Args::Has(absl::string_view flag) const { return flags_.count(std::string(flag)) > 0; }

std::string Args::Get(absl::string_view flag) const {
  const auto found = flags_.find(std::string(flag));
  return found == flags_.end() ? std::string() : found->second.back();
}

std::vector<std::string> Args::GetList(absl::string_view flag) const {
  std::vector<std::string> all;
  const auto found = flags_.find(std::string(flag));
  if (found == flags_.end()) return all;
  for (const std::string& value : found->second) {
    for (absl::string_view part : absl::StrSplit(value, ',', absl::SkipWhitespace()))
      all.emplace_back(part);
  }
  return all;
}

std::vector<std::string> Args::GetAll(absl::string_view flag) const {
  const auto found = flags_.find(std::string(flag));
  return found == flags_.end() ? std::vector<std::string>() : found->second;
}

}  // namespace sallyport::authsvc::ctl
