// A document as a tree that remembers where each part stood, so that every complaint can name a
// path and a line. Made from JSON or YAML by ReadDocuments. Plain values; not thread-safe to
// change.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace sallyport::authsvc::dialects {

class Node {
 public:
  enum class Type : uint8_t { kNull, kBool, kInteger, kDouble, kString, kArray, kObject };

  Node();
  ~Node();
  Node(const Node&);
  Node(Node&&) noexcept;
  Node& operator=(const Node&);
  Node& operator=(Node&&) noexcept;

  Type type = Type::kNull;
  bool boolean = false;
  int64_t integer = 0;
  double number = 0;        // of kInteger too
  std::string text;         // kString; of a plain YAML number also its source text
  std::vector<Node> items;  // kArray
  std::vector<std::pair<std::string, Node>> members;  // kObject, in order, names unique
  int line = 0;                                       // from 1

  [[nodiscard]] bool IsObject() const { return type == Type::kObject; }
  [[nodiscard]] bool IsArray() const { return type == Type::kArray; }
  [[nodiscard]] bool IsString() const { return type == Type::kString; }
  [[nodiscard]] bool IsNumber() const { return type == Type::kInteger || type == Type::kDouble; }
  // The member of that name, or null. For a kObject only; others have none.
  [[nodiscard]] const Node* Find(absl::string_view name) const;
  [[nodiscard]] Node* Find(absl::string_view name);
  // The text of a string member; empty where there is none.
  [[nodiscard]] absl::string_view Text(absl::string_view name) const;
};

[[nodiscard]] absl::string_view TypeName(Node::Type type);

// Compact JSON, members in order.
[[nodiscard]] std::string ToJson(const Node& node);

}  // namespace sallyport::authsvc::dialects
