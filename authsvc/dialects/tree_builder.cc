#include "authsvc/dialects/tree_builder.h"

#include "absl/strings/str_cat.h"
#include "shared/base/text.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr size_t kMaxNameInMessage = 60;

}  // namespace

bool TreeBuilder::Fail(int line, absl::string_view what) {
  if (error_.empty()) error_ = absl::StrCat("line ", line, ": ", what);
  return false;
}

bool TreeBuilder::Count(size_t bytes, int line) {
  bytes_ += bytes;
  if (++values_ > limits_.max_values) {
    return Fail(line, absl::StrCat("more than ", limits_.max_values, " values"));
  }
  if (bytes_ > 2 * limits_.max_bytes) return Fail(line, "too much text once aliases are expanded");
  return true;
}

bool TreeBuilder::Charge(const Node& node) {
  if (!Count(node.text.size(), node.line)) return false;
  for (const Node& item : node.items) {
    if (!Charge(item)) return false;
  }
  for (const auto& [name, value] : node.members) {
    if (!Count(name.size(), value.line) || !Charge(value)) return false;
  }
  return true;
}

bool TreeBuilder::WantsKey() const {
  return !stack_.empty() && stack_.back().node.IsObject() && !stack_.back().has_key;
}

bool TreeBuilder::Begin(Node::Type type, int line) {
  if (failed() || !Count(0, line)) return false;
  if (stack_.size() >= static_cast<size_t>(limits_.max_depth)) {
    return Fail(line, absl::StrCat("nested deeper than ", limits_.max_depth, " levels"));
  }
  stack_.emplace_back();
  stack_.back().node.type = type;
  stack_.back().node.line = line;
  return true;
}

bool TreeBuilder::Key(std::string name, int line) {
  if (failed() || !Count(name.size(), line)) return false;
  Frame& frame = stack_.back();
  if (!frame.names.insert(name).second) {
    return Fail(line, absl::StrCat(base::JsonQuote(name.substr(0, kMaxNameInMessage)),
                                   " stands twice in one object"));
  }
  frame.key = std::move(name);
  frame.has_key = true;
  return true;
}

bool TreeBuilder::Add(Node value) {
  if (failed() || !Charge(value)) return false;
  return Place(std::move(value));
}

bool TreeBuilder::Place(Node value) {
  if (stack_.empty()) {
    root_ = std::move(value);
    has_root_ = true;
    return true;
  }
  Frame& frame = stack_.back();
  if (frame.node.IsArray()) {
    frame.node.items.push_back(std::move(value));
    return true;
  }
  frame.node.members.emplace_back(std::move(frame.key), std::move(value));
  frame.key.clear();
  frame.has_key = false;
  return true;
}

bool TreeBuilder::End() {
  if (failed()) return false;
  Node node = std::move(stack_.back().node);
  stack_.pop_back();
  return Place(std::move(node));
}

Node TreeBuilder::Take() {
  has_root_ = false;
  Node root = std::move(root_);
  root_ = Node();
  return root;
}

}  // namespace sallyport::authsvc::dialects
