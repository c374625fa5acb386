#include "authsvc/dialects/apisix/schema.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/apisix/tables.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

absl::string_view JsonType(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return "null";
    case Json::value_t::boolean: return "boolean";
    case Json::value_t::string: return "string";
    case Json::value_t::array:
    case Json::value_t::object: return "table";
    default: return "number";
  }
}

bool HasType(const Json& value, absl::string_view type) {
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "id") return value.is_string() || value.is_number_unsigned();
  return type == "any";
}

const Field* FindField(absl::Span<const Field> fields, absl::string_view path) {
  for (const Field& field : fields) {
    if (field.path == path) return &field;
  }
  return nullptr;
}

bool HasMembers(absl::Span<const Field> fields, absl::string_view path) {
  const std::string prefix = absl::StrCat(path, ".");
  for (const Field& field : fields) {
    if (absl::StartsWith(field.path, prefix)) return true;
  }
  return false;
}

constexpr size_t kMostText = 256;  // characters of a name or description; 3.7 has 100 for names

std::string WrongLength(absl::string_view name, const std::string& text) {
  if (text.size() > kMostText)
    return absl::StrCat("string too long, expected at most ", kMostText, ", got ", text.size());
  return name == "name" && text.empty() ? "string too short, expected at least 1, got 0" : "";
}

std::string WrongLabels(const Json& labels) {
  for (const auto& [label, value] : labels.items()) {
    std::string wrong;
    if (!value.is_string()) {
      wrong = absl::StrCat("wrong type: expected string, got ", JsonType(value));
    } else {
      const auto& text = value.get_ref<const std::string&>();
      wrong = WrongLength("name", text);
      if (wrong.empty() && text.find_first_of(" \t\r\n\v\f") != std::string::npos)
        wrong = "failed to match pattern \"^\\\\S+$\"";
    }
    if (!wrong.empty()) return absl::StrCat("failed to validate ", label, ": ", wrong);
  }
  return "";
}

// What every object may have, of the right type (reference apisix.md A1.1).
std::string WrongCommon(absl::string_view name, const Json& value) {
  if ((name == "name" || name == "desc") && value.is_string())
    return WrongLength(name, value.get_ref<const std::string&>());
  if (name == "labels") return WrongLabels(value);
  return name == "id" && value == 0 ? "expected 0 to be at least 1" : "";
}

// Empty: nothing is wrong.
std::string Wrong(absl::Span<const Field> fields, const std::string& prefix, const Json& object);

std::string WrongMember(absl::Span<const Field> fields, const std::string& path,
                        const std::string& name, const Json& value) {
  const Field* const field = FindField(fields, path);
  if (field == nullptr) return absl::StrCat("additional properties forbidden, found ", name);
  if (value.is_null()) return "";
  if (field->use == Field::Use::kRefused) return absl::StrCat(path, " is refused: ", field->note);
  std::string wrong;
  if (!HasType(value, field->type)) {
    wrong = absl::StrCat("wrong type: expected ", field->type, ", got ", JsonType(value));
  } else if (value.is_object() && HasMembers(fields, path)) {
    wrong = Wrong(fields, path + ".", value);
  } else {
    wrong = WrongCommon(name, value);
  }
  return wrong.empty() ? wrong : absl::StrCat("property \"", name, "\" validation failed: ", wrong);
}

std::string Wrong(absl::Span<const Field> fields, const std::string& prefix, const Json& object) {
  for (const auto& [name, value] : object.items()) {
    std::string wrong = WrongMember(fields, prefix + name, name, value);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

absl::string_view UseText(Field::Use use) {
  switch (use) {
    case Field::Use::kTaken: return "accepted";
    case Field::Use::kKept: return "ignored";
    case Field::Use::kRefused: return "refused";
  }
  return "";
}

void AddRows(absl::string_view of, absl::Span<const Field> fields, std::string* out) {
  for (const Field& field : fields) {
    absl::StrAppend(out, "| ", of, " | `", field.path, "` | ", UseText(field.use), " | ",
                    field.note, " |\n");
  }
}

}  // namespace

absl::Span<const Collection> Collections() { return kCollections; }
absl::Span<const Plugin> Plugins() { return kPlugins; }

const Collection* FindCollection(absl::string_view name) {
  for (const Collection& collection : kCollections) {
    if (collection.name == name) return &collection;
  }
  return nullptr;
}

absl::Status CheckFields(const Collection& collection, const Json& document) {
  if (!document.is_object())
    return absl::InvalidArgumentError("wrong type: expected object, got " +
                                      std::string(JsonType(document)));
  const std::string wrong = Wrong(collection.fields, "", document);
  return wrong.empty() ? absl::OkStatus() : absl::InvalidArgumentError(wrong);
}

absl::Status CheckPlugins(const Json& plugins, bool on_consumer) {
  for (const auto& [name, conf] : plugins.items()) {
    const Plugin* found = nullptr;
    for (const Plugin& plugin : kPlugins) {
      if (plugin.name == name && plugin.on_consumer == on_consumer) found = &plugin;
    }
    if (found == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("unknown plugin [", name,
                                                     "]: this gateway does not have it",
                                                     on_consumer ? " for consumers" : ""));
    }
    const std::string wrong = conf.is_object() ? Wrong(found->fields, "", conf)
                                               : std::string("wrong type: expected object");
    if (!wrong.empty())
      return absl::InvalidArgumentError(
          absl::StrCat("failed to check the configuration of plugin ", name, " err: ", wrong));
  }
  return absl::OkStatus();
}

bool IsId(absl::string_view id) {
  if (id.empty() || id.size() > 64) return false;
  for (const char c : id) {
    const bool good = absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                      absl::string_view("-_.").find(c) != absl::string_view::npos;
    if (!good) return false;
  }
  return true;
}

std::string FieldTable() {
  std::string out = "| object | field | here | note |\n|---|---|---|---|\n";
  for (const Collection& collection : kCollections)
    AddRows(collection.name, collection.fields, &out);
  for (const Plugin& plugin : kPlugins) {
    AddRows(absl::StrCat(plugin.name, plugin.on_consumer ? " (consumer)" : ""), plugin.fields,
            &out);
  }
  return out;
}

}  // namespace sallyport::authsvc::dialects::apisix
