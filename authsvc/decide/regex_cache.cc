#include "authsvc/decide/regex_cache.h"

#include "re2/re2.h"

namespace sallyport::authsvc {
namespace {
constexpr size_t kMostExpressions = 4096;
}  // namespace

std::shared_ptr<const re2::RE2> CompileRegex(absl::string_view text) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);
  auto regex = std::make_shared<const RE2>(re2::StringPiece(text.data(), text.size()), options);
  return regex->ok() ? regex : nullptr;
}

std::shared_ptr<const re2::RE2> RegexCache::Get(absl::string_view text) {
  {
    const base::MutexLock lock(&mutex_);
    if (const auto it = compiled_.find(text); it != compiled_.end()) return it->second;
  }
  auto regex = CompileRegex(text);
  const base::MutexLock lock(&mutex_);
  if (compiled_.size() >= kMostExpressions) compiled_.clear();
  compiled_.emplace(std::string(text), regex);
  return regex;
}

}  // namespace sallyport::authsvc
