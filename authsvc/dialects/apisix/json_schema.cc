// The tables of fields as JSON Schemas, for who asks which fields there are.
#include <vector>

#include "absl/strings/str_split.h"
#include "authsvc/dialects/apisix/schema.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

Json TypeOf(absl::string_view type) {
  if (type == "any") return Json::object();
  if (type == "id")
    return {{"anyOf", Json::array({{{"type", "string"}, {"minLength", 1}, {"maxLength", 64}},
                                   {{"type", "integer"}, {"minimum", 1}}})}};
  return {{"type", std::string(type)}};
}

// Where a member of that path is described; objects in between are there already.
Json& Place(absl::string_view path, Json* schema) {
  Json* at = schema;
  for (const absl::string_view part : absl::StrSplit(path, '.')) {
    Json& holder = *at;
    holder["additionalProperties"] = false;  // only where the table has its members
    at = &holder["properties"][std::string(part)];
  }
  return *at;
}

}  // namespace

Json JsonSchema(absl::Span<const Field> fields) {
  Json schema = {
      {"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
  for (const Field& field : fields) {
    if (field.use == Field::Use::kRefused) continue;  // as what is not there
    Json described = TypeOf(field.type);
    if (!field.note.empty()) described["description"] = std::string(field.note);
    Json& place = Place(field.path, &schema);
    for (auto& [name, value] : described.items()) place[name] = std::move(value);
  }
  return schema;
}

}  // namespace sallyport::authsvc::dialects::apisix
