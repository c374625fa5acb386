// The objects of APISIX's Admin API: which collections there are, which fields they have, and what
// becomes of each field here (reference apisix.md A1.4 to A1.7). One table, which checks documents
// and is the field table of this folder's README. Pure, thread-safe.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace sallyport::authsvc::dialects::apisix {

using Json = nlohmann::ordered_json;

// Of all that this dialect makes, so that its keys never open another dialect's APIs.
inline constexpr absl::string_view kOrg = "apisix";
inline constexpr absl::string_view kDialect = "apisix";

struct Field {
  enum class Use : uint8_t { kTaken, kKept, kRefused };
  absl::string_view path;  // "client.ca"
  absl::string_view
      type;  // string, integer, number, boolean, object, array, id (string or integer)
  Use use = Use::kTaken;
  absl::string_view note = "";  // kRefused: why; else how it differs
};

struct Collection {
  absl::string_view name;      // "routes", as in paths
  absl::string_view singular;  // "route", as in messages
  absl::Span<const Field> fields;
  bool posts = true;
  bool patches = true;
};
[[nodiscard]] absl::Span<const Collection> Collections();
[[nodiscard]] const Collection* FindCollection(absl::string_view name);

// The fields of a plugin where it stands on a route and the like, or on a consumer; null: there is
// no such plugin there.
struct Plugin {
  absl::string_view name;
  bool on_consumer = false;
  absl::Span<const Field> fields;
};
[[nodiscard]] absl::Span<const Plugin> Plugins();

// INVALID_ARGUMENT with APISIX's words: a wrong type, a field that is not known or that this
// gateway cannot follow.
[[nodiscard]] absl::Status CheckFields(const Collection& collection, const Json& document);
// Every plugin of a "plugins" object.
[[nodiscard]] absl::Status CheckPlugins(const Json& plugins, bool on_consumer);

// As JSON Schema (draft 4), without what is refused.
[[nodiscard]] Json JsonSchema(absl::Span<const Field> fields);

// An id: 1 to 64 of letters, digits, "-", "_" and ".".
[[nodiscard]] bool IsId(absl::string_view id);

// The Markdown table of all fields, for the README.
[[nodiscard]] std::string FieldTable();

}  // namespace sallyport::authsvc::dialects::apisix
