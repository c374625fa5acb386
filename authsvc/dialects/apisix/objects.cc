#include "authsvc/dialects/apisix/objects.h"

#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::dialects::apisix {

std::string StoredId(absl::string_view collection, absl::string_view id) {
  return absl::StrCat("apisix/", collection, "/", id);
}
std::string MadeId(absl::string_view collection, absl::string_view id) {
  return absl::StrCat("apisix.", collection, ".", id);
}

absl::Status Wrong(absl::string_view message) { return absl::InvalidArgumentError(message); }
absl::Status Plain(absl::string_view message) { return absl::FailedPreconditionError(message); }

const Json* Get(const Json& object, absl::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto at = object.find(std::string(name));
  return at == object.end() || at->is_null() ? nullptr : &*at;
}

std::string Text(const Json& object, absl::string_view name) {
  const Json* const value = Get(object, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

int64_t Integer(const Json& object, absl::string_view name, int64_t otherwise) {
  const Json* const value = Get(object, name);
  return value != nullptr && value->is_number_integer() ? value->get<int64_t>() : otherwise;
}

double Number(const Json& object, absl::string_view name, double otherwise) {
  const Json* const value = Get(object, name);
  return value != nullptr && value->is_number() ? value->get<double>() : otherwise;
}

bool Flag(const Json& object, absl::string_view name, bool otherwise) {
  const Json* const value = Get(object, name);
  return value != nullptr && value->is_boolean() ? value->get<bool>() : otherwise;
}

std::string Id(const Json& object, absl::string_view name) {
  const Json* const value = Get(object, name);
  if (value == nullptr) return "";
  if (value->is_string()) return value->get<std::string>();
  return value->is_number_unsigned() ? absl::StrCat(value->get<uint64_t>()) : std::string();
}

absl::Status Texts(const Json& object, absl::string_view name, std::vector<std::string>* out) {
  const Json* const list = Get(object, name);
  if (list == nullptr) return absl::OkStatus();
  if (!list->is_array() || list->empty()) {
    return Wrong(absl::StrCat("property \"", name,
                              "\" validation failed: expect array to have at least 1 items"));
  }
  for (const Json& item : *list) {
    if (!item.is_string()) {
      return Wrong(absl::StrCat("property \"", name,
                                "\" validation failed: failed to validate item ", out->size() + 1,
                                ": wrong type: expected string"));
    }
    out->push_back(item.get<std::string>());
  }
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc::dialects::apisix
