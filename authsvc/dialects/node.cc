#include "authsvc/dialects/node.h"

#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "shared/base/text.h"

namespace sallyport::authsvc::dialects {
namespace {

void Append(const Node& node, std::string* out);

void AppendNumber(const Node& node, std::string* out) {
  if (node.type == Node::Type::kInteger) {
    absl::StrAppend(out, node.integer);
  } else if (std::isfinite(node.number)) {
    absl::StrAppend(out, absl::StrCat(node.number));
  } else {
    out->append("null");
  }
}

void AppendArray(const Node& node, std::string* out) {
  out->push_back('[');
  for (size_t i = 0; i < node.items.size(); ++i) {
    if (i != 0) out->push_back(',');
    Append(node.items[i], out);
  }
  out->push_back(']');
}

void AppendObject(const Node& node, std::string* out) {
  out->push_back('{');
  for (size_t i = 0; i < node.members.size(); ++i) {
    if (i != 0) out->push_back(',');
    base::AppendJsonQuoted(node.members[i].first, out);
    out->push_back(':');
    Append(node.members[i].second, out);
  }
  out->push_back('}');
}

void Append(const Node& node, std::string* out) {
  switch (node.type) {
    case Node::Type::kNull: out->append("null"); return;
    case Node::Type::kBool: out->append(node.boolean ? "true" : "false"); return;
    case Node::Type::kInteger:
    case Node::Type::kDouble: AppendNumber(node, out); return;
    case Node::Type::kString: base::AppendJsonQuoted(node.text, out); return;
    case Node::Type::kArray: AppendArray(node, out); return;
    case Node::Type::kObject: AppendObject(node, out); return;
  }
}

}  // namespace

Node::Node() = default;
Node::~Node() = default;
Node::Node(const Node&) = default;
Node::Node(Node&&) noexcept = default;
Node& Node::operator=(const Node&) = default;
Node& Node::operator=(Node&&) noexcept = default;

const Node* Node::Find(absl::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

Node* Node::Find(absl::string_view name) {
  for (auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

absl::string_view Node::Text(absl::string_view name) const {
  const Node* member = Find(name);
  return member == nullptr || !member->IsString() ? absl::string_view() : member->text;
}

absl::string_view TypeName(Node::Type type) {
  switch (type) {
    case Node::Type::kNull: return "null";
    case Node::Type::kBool: return "true or false";
    case Node::Type::kInteger: return "a whole number";
    case Node::Type::kDouble: return "a number";
    case Node::Type::kString: return "a string";
    case Node::Type::kArray: return "a list";
    case Node::Type::kObject: return "an object";
  }
  return "unknown";
}

std::string ToJson(const Node& node) {
  std::string out;
  Append(node, &out);
  return out;
}

}  // namespace sallyport::authsvc::dialects
