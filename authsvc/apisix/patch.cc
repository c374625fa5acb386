#include "authsvc/apisix/patch.h"

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sallyport::authsvc::apisix {

void Merge(const Json& patch, Json* document) {
  if (!document->is_object()) *document = Json::object();
  for (const auto& [name, value] : patch.items()) {
    if (value.is_null()) {
      document->erase(name);
    } else if (value.is_object()) {
      Merge(value, &(*document)[name]);
    } else {
      (*document)[name] = value;
    }
  }
}

absl::Status SetAt(absl::string_view path, Json value, Json* document) {
  const std::vector<std::string> names = absl::StrSplit(path, '/');
  Json* at = document;
  for (size_t i = 0; i < names.size(); ++i) {
    const bool last = i + 1 == names.size();
    size_t index = 0;
    if (at->is_array() && absl::SimpleAtoi(names[i], &index) && index < at->size()) {
      at = &(*at)[index];
    } else if (at->is_object() && !names[i].empty() && (last || at->contains(names[i]))) {
      at = &(*at)[names[i]];
    } else {
      return absl::InvalidArgumentError(absl::StrCat("invalid sub-path: /", path));
    }
  }
  *at = std::move(value);
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc::apisix
