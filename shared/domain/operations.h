// Which of the operations that an API lists a request is. Immutable once made, thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "shared/domain/path_template.h"

namespace sallyport::domain {

class Operations {
 public:
  struct Found {
    std::optional<size_t> index;  // of Add, from 0
    std::vector<std::string>
        allowed;  // none: other methods that this path has; empty: no such path
  };

  // `methods` empty: all.
  void Add(PathTemplate path, std::vector<std::string> methods);
  [[nodiscard]] bool empty() const { return list_.empty(); }
  // The most specific path that matches counts, whatever methods it has: a parameter elsewhere does
  // not lend it another one. Of equal paths one that names the method comes before one for all.
  [[nodiscard]] Found Find(absl::string_view method, absl::string_view path) const;

 private:
  struct Item {
    PathTemplate path;
    std::string shape;
    std::vector<std::string> methods;
    size_t index = 0;
  };
  std::vector<Item> list_;  // the more specific first, equal shapes together
};

}  // namespace sallyport::domain
