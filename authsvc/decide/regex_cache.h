// Compiled path expressions (RE2), by their text. Bounded: emptied when full. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "shared/base/mutex.h"

namespace re2 {
class RE2;
}

namespace sallyport::authsvc {

class RegexCache {
 public:
  // Null when the text is not a valid expression.
  [[nodiscard]] std::shared_ptr<const re2::RE2> Get(absl::string_view text);

 private:
  base::Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<const re2::RE2>> compiled_
      ABSL_GUARDED_BY(mutex_);
};

[[nodiscard]] std::shared_ptr<const re2::RE2> CompileRegex(absl::string_view text);

}  // namespace sallyport::authsvc
