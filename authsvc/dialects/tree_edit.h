// Changes of a document that is already read. Pure.
#pragma once

#include "absl/strings/string_view.h"
#include "authsvc/dialects/node.h"

namespace sallyport::authsvc::dialects {

[[nodiscard]] Node TextNode(absl::string_view text);
[[nodiscard]] Node FlagNode(bool value);
// The member of an object, made an object where it is none. Valid until the object is changed.
[[nodiscard]] Node* ObjectAt(Node* object, absl::string_view name);
// In place of the member of that name, or behind the others.
void PutMember(Node* object, absl::string_view name, Node value);

}  // namespace sallyport::authsvc::dialects
