// JSON from a caller or an issuer, read whole within bounds. Stricter than RFC 8259 where readers
// differ: a name may stand once in an object (RFC 7515 section 4 lets a reader refuse more), no
// U+0000 anywhere, no byte order mark, nothing after the value. A plain value; not thread-safe to
// change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::jwt {

struct Json {
  enum class Type : uint8_t { kNull, kBool, kInteger, kDouble, kString, kArray, kObject };

  Type type = Type::kNull;
  bool boolean = false;
  int64_t integer = 0;             // kInteger
  double number = 0;               // kInteger and kDouble; finite
  std::string text;                // kString, valid UTF-8
  std::vector<std::string> names;  // kObject: names[i] is that of items[i]; no two are the same
  std::vector<Json> items;         // kArray and kObject

  [[nodiscard]] bool IsString() const { return type == Type::kString; }
  [[nodiscard]] bool IsArray() const { return type == Type::kArray; }
  [[nodiscard]] bool IsObject() const { return type == Type::kObject; }
  // The member of that name; null where there is none or this is no object.
  [[nodiscard]] const Json* Find(absl::string_view name) const;
  // The text of a member; empty where there is none or it is no text. Valid while this lives.
  [[nodiscard]] absl::string_view Text(absl::string_view name) const;
};

struct JsonLimits {
  size_t max_bytes = 16 * 1024;
  size_t max_depth = 16;     // of arrays and objects
  size_t max_values = 2048;  // all of them together
  size_t max_members = 256;  // of one object
};

// One object. Errors are InvalidArgument and never quote the text.
[[nodiscard]] absl::StatusOr<Json> ReadJsonObject(absl::string_view text, const JsonLimits& limits);

}  // namespace sallyport::jwt
