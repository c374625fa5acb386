// What each dialect does with the fields of its documents, as the converters read them: for the
// table in README.md, which a test holds against this. Pure.
#pragma once

#include <string>
#include <vector>

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects {

struct ObjectTable {
  absl::string_view dialect;
  absl::string_view object;  // its path; "" is the document
  ObjectRules rules;
};

[[nodiscard]] std::vector<ObjectTable> FieldTables();
// Markdown: one table per dialect, one row per object.
[[nodiscard]] std::string FieldTablesText();

}  // namespace sallyport::authsvc::dialects
