#include "authsvc/admin/apply_diff.h"

#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/native.h"

namespace sallyport::authsvc::admin {
namespace {

using DiffJson = nlohmann::json;

constexpr int kMostLines = 100;
constexpr size_t kLongestValue = 200;

// "upstream.targets[0].url" -> value as JSON.
void Flatten(const std::string& path, const DiffJson& value,
             std::map<std::string, std::string>* out) {
  if (value.is_object()) {
    for (const auto& [name, member] : value.items())
      Flatten(path.empty() ? name : absl::StrCat(path, ".", name), member, out);
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i)
      Flatten(absl::StrCat(path, "[", i, "]"), value[i], out);
  } else {
    std::string text = value.dump(-1, ' ', false, DiffJson::error_handler_t::replace);
    if (text.size() > kLongestValue) text = absl::StrCat(text.substr(0, kLongestValue), "...");
    (*out)[path] = std::move(text);
  }
}

std::map<std::string, std::string> FieldsOf(const sallyport::v1::Resource& resource) {
  std::map<std::string, std::string> fields;
  const DiffJson json = DiffJson::parse(dialects::NativeJson(resource), nullptr, false);
  Flatten("", json, &fields);
  return fields;
}

}  // namespace

std::string DiffText(const sallyport::v1::Resource& before, const sallyport::v1::Resource& after) {
  const auto old_fields = FieldsOf(before);
  const auto new_fields = FieldsOf(after);
  std::map<std::string, std::pair<std::string, std::string>> differ;
  for (const auto& [path, value] : old_fields) {
    const auto found = new_fields.find(path);
    if (found == new_fields.end() || found->second != value) differ[path].first = value;
  }
  for (const auto& [path, value] : new_fields) {
    const auto found = old_fields.find(path);
    if (found == old_fields.end() || found->second != value) differ[path].second = value;
  }
  std::string text;
  int lines = 0;
  for (const auto& [path, values] : differ) {
    if (++lines > kMostLines) return absl::StrCat(text, "and more\n");
    if (!values.first.empty()) absl::StrAppend(&text, "- ", path, ": ", values.first, "\n");
    if (!values.second.empty()) absl::StrAppend(&text, "+ ", path, ": ", values.second, "\n");
  }
  return text;
}

}  // namespace sallyport::authsvc::admin
