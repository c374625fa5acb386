// Which requests something holds for, by path and method. Values, immutable once made.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace re2 {
class RE2;
}

namespace sallyport::dataplane {

// An RE2 and the methods that it holds for. One whose expression does not compile has no `regex`:
// as a blocking rule it then matches everything, as an allowing or ignoring one nothing.
struct CompiledPathRule {
  std::string text;
  std::shared_ptr<const re2::RE2> regex;
  std::vector<std::string> methods;  // upper case; empty: all
};
[[nodiscard]] CompiledPathRule CompilePathRule(absl::string_view path,
                                               std::vector<std::string> methods, bool ignore_case);
// A rule without `regex` matches what `broken` says.
enum class Broken : bool { kMatchesNothing, kMatchesEverything };
[[nodiscard]] bool Matches(const CompiledPathRule& rule, absl::string_view method,
                           absl::string_view path, Broken broken);

}  // namespace sallyport::dataplane
