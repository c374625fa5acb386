#include "authsvc/dialects/tree_edit.h"

namespace sallyport::authsvc::dialects {

Node TextNode(absl::string_view text) {
  Node node;
  node.type = Node::Type::kString;
  node.text = std::string(text);
  return node;
}

Node FlagNode(bool value) {
  Node node;
  node.type = Node::Type::kBool;
  node.boolean = value;
  return node;
}

Node* ObjectAt(Node* object, absl::string_view name) {
  Node* member = object->Find(name);
  if (member == nullptr) {
    object->members.emplace_back(std::string(name), Node());
    member = &object->members.back().second;
  }
  if (!member->IsObject()) {
    *member = Node();
    member->type = Node::Type::kObject;
  }
  return member;
}

void PutMember(Node* object, absl::string_view name, Node value) {
  if (Node* member = object->Find(name); member != nullptr)
    *member = std::move(value);
  else
    object->members.emplace_back(std::string(name), std::move(value));
}

}  // namespace sallyport::authsvc::dialects
