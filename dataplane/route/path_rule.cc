#include "dataplane/route/path_rule.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "re2/re2.h"

namespace sallyport::dataplane {

CompiledPathRule CompilePathRule(absl::string_view path, std::vector<std::string> methods,
                                 bool ignore_case) {
  CompiledPathRule rule;
  rule.text = std::string(path);
  rule.methods = std::move(methods);
  for (std::string& method : rule.methods) absl::AsciiStrToUpper(&method);
  RE2::Options options;
  options.set_log_errors(false);
  options.set_case_sensitive(!ignore_case);
  options.set_max_mem(1 << 20);
  auto regex = std::make_shared<const RE2>(rule.text, options);
  if (regex->ok()) rule.regex = std::move(regex);
  return rule;
}

bool Matches(const CompiledPathRule& rule, absl::string_view method, absl::string_view path,
             Broken broken) {
  if (!rule.methods.empty() &&
      std::find(rule.methods.begin(), rule.methods.end(), method) == rule.methods.end()) {
    return false;
  }
  if (rule.regex == nullptr) return broken == Broken::kMatchesEverything;
  return RE2::PartialMatch(re2::StringPiece(path.data(), path.size()), *rule.regex);
}

}  // namespace sallyport::dataplane
