#include "shared/domain/operations.h"

#include <algorithm>
#include <utility>

namespace sallyport::domain {

void Operations::Add(PathTemplate path, std::vector<std::string> methods) {
  Item item{std::move(path), "", std::move(methods), list_.size()};
  item.shape = item.path.Shape();
  const auto place =
      std::upper_bound(list_.begin(), list_.end(), item, [](const Item& a, const Item& b) {
        if (a.path.ComesBefore(b.path) != b.path.ComesBefore(a.path))
          return a.path.ComesBefore(b.path);
        if (a.shape != b.shape) return a.shape < b.shape;
        return a.methods.empty() < b.methods.empty();  // as the gateway API has it
      });
  list_.insert(place, std::move(item));
}

Operations::Found Operations::Find(absl::string_view method, absl::string_view path) const {
  Found found;
  const std::string* shape = nullptr;
  for (const Item& item : list_) {
    if (shape != nullptr ? item.shape != *shape : !item.path.Matches(path)) continue;
    shape = &item.shape;
    if (item.methods.empty() ||
        std::find(item.methods.begin(), item.methods.end(), method) != item.methods.end()) {
      found.index = item.index;
      found.allowed.clear();
      return found;
    }
    found.allowed.insert(found.allowed.end(), item.methods.begin(), item.methods.end());
  }
  return found;
}

}  // namespace sallyport::domain
