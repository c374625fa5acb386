// Reads the members of one JSON object with their types and their place, and judges the members
// that nobody asked for (DESIGN 6): a security feature that does not exist here is refused by name,
// an unknown member of a security object is refused, one typo away from a security field is refused
// anywhere.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::dialects {

enum class Use : uint8_t {
  kUsed,     // the converter reads it
  kKept,     // kept in the document and read back, no effect and no harm: silent
  kInert,    // like kKept, with a warning when it is set
  kRefused,  // a security feature that does not exist here: refused when it is set
};

struct FieldRule {
  absl::string_view name;
  Use use;
  absl::string_view why = "";  // kRefused, kInert: after "name: "
};

// `sensitive`: an object about authentication, TLS, certificates, pins, access or limits, where an
// unknown member is refused.
struct ObjectRules {
  absl::Span<const FieldRule> fields;
  bool sensitive = false;
};

class Fields {
 public:
  // `node` may be null or JSON null (an object without members); another type than an object is
  // refused.
  Fields(const Node* node, std::string path, Conversion* out);

  // Judges the members by the rules.
  void Check(const ObjectRules& rules) const;

  [[nodiscard]] bool Has(absl::string_view name) const { return Get(name) != nullptr; }
  // Null when it is not there or JSON null.
  [[nodiscard]] const Node* Get(absl::string_view name) const;
  [[nodiscard]] std::string PathOf(absl::string_view name) const;
  [[nodiscard]] Fields Object(absl::string_view name) const;

  // A wrong type is refused and the fallback returned.
  [[nodiscard]] bool Flag(absl::string_view name, bool fallback = false) const;
  [[nodiscard]] std::string Text(absl::string_view name) const;
  [[nodiscard]] int64_t Integer(absl::string_view name, int64_t fallback = 0) const;
  [[nodiscard]] double Number(absl::string_view name, double fallback = 0) const;
  [[nodiscard]] std::vector<std::string> Texts(absl::string_view name) const;
  // Items of a list, or of nothing.
  [[nodiscard]] const std::vector<Node>& List(absl::string_view name) const;

  void Refuse(absl::string_view name, absl::string_view message) const;
  void Warn(absl::string_view name, absl::string_view message) const;

  [[nodiscard]] const Node* node() const { return node_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Conversion* out() const { return out_; }

 private:
  void WrongType(absl::string_view name, const Node& node, absl::string_view wanted) const;
  void CheckUnknown(const std::string& name, const Node& value, const ObjectRules& rules) const;

  const Node* node_;
  std::string path_;
  Conversion* out_;
};

// "a" + "b" -> "a.b".
[[nodiscard]] std::string JoinPath(absl::string_view path, absl::string_view name);
[[nodiscard]] std::string ItemPath(absl::string_view path, size_t index);

// Text of a string, or of a plain YAML number that stands where text belongs; false: neither.
[[nodiscard]] bool AsText(const Node& node, std::string* text);

// Whether a value says anything: not null, false, 0, -1, "", nor a list or object of such; an
// object that says `enabled: false` or `disabled: true` says nothing either.
[[nodiscard]] bool IsSet(const Node& node);

// The names whose misspelling anywhere would weaken security.
[[nodiscard]] absl::Span<const absl::string_view> SecurityFieldNames();

}  // namespace sallyport::authsvc::dialects
