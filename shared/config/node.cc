#include "shared/config/node.h"

#include <yaml-cpp/yaml.h>

#include <array>
#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "shared/base/text.h"

namespace sallyport::config {
namespace {

constexpr int kMaxDepth = 32;
constexpr int kMaxNodes = 100'000;  // aliases can multiply a small file
constexpr size_t kMaxListIndex = 10'000;

class Converter {
 public:
  explicit Converter(absl::string_view name) : name_(name) {}

  absl::StatusOr<Node> Convert(const YAML::Node& yaml, int depth) {
    Node node;
    node.origin = absl::StrCat(name_, ":", yaml.Mark().line + 1);
    if (depth > kMaxDepth || ++count_ > kMaxNodes)
      return Fail(node, "nested too deep or too large");
    const std::string& tag = yaml.Tag();
    if (tag.size() > 1 && !absl::StartsWith(tag, "tag:yaml.org,2002:")) {
      return Fail(node, absl::StrCat("tag ", tag, " is not supported"));
    }
    if (yaml.IsScalar()) {
      node.kind = Node::Kind::kScalar;
      node.scalar = yaml.Scalar();
    } else if (yaml.IsMap()) {
      return Map(yaml, std::move(node), depth);
    } else if (yaml.IsSequence()) {
      return List(yaml, std::move(node), depth);
    }
    return node;
  }

 private:
  absl::StatusOr<Node> Map(const YAML::Node& yaml, Node node, int depth) {
    node.kind = Node::Kind::kMap;
    for (const auto& entry : yaml) {
      if (!entry.first.IsScalar()) return Fail(node, "a name must be plain text");
      auto value = Convert(entry.second, depth + 1);
      if (!value.ok()) return value.status();
      // The place of the name tells more than the place of its value.
      value->origin = absl::StrCat(name_, ":", entry.first.Mark().line + 1);
      if (node.Find(entry.first.Scalar()) != nullptr) {
        return Fail(*value, absl::StrCat("'", entry.first.Scalar(), "' is set twice"));
      }
      node.fields.push_back({entry.first.Scalar(), *std::move(value)});
    }
    return node;
  }

  absl::StatusOr<Node> List(const YAML::Node& yaml, Node node, int depth) {
    node.kind = Node::Kind::kList;
    for (const auto& item : yaml) {
      auto value = Convert(item, depth + 1);
      if (!value.ok()) return value.status();
      node.items.push_back(*std::move(value));
    }
    return node;
  }

  static absl::Status Fail(const Node& node, absl::string_view message) {
    return absl::InvalidArgumentError(absl::StrCat(node.origin, ": ", message));
  }

  const std::string name_;
  int count_ = 0;
};

Node* FindMutable(Node* node, absl::string_view name) {
  for (auto& [key, value] : node->fields) {
    if (key == name) return &value;
  }
  return nullptr;
}

bool IsIndex(absl::string_view part) {
  return !part.empty() && part.find_first_not_of("0123456789") == absl::string_view::npos;
}

absl::StatusOr<Node*> Step(Node* node, absl::string_view part, absl::string_view origin,
                           absl::string_view path) {
  const auto fail = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat(origin, ": ", path, ": ", why));
  };
  if (node->kind == Node::Kind::kScalar) return fail("a part of this path is a plain value");
  if (node->kind == Node::Kind::kNull) {
    node->kind = IsIndex(part) ? Node::Kind::kList : Node::Kind::kMap;
    node->origin = std::string(origin);
  }
  if (node->kind == Node::Kind::kMap) {
    if (Node* found = FindMutable(node, part)) return found;
    node->fields.push_back({std::string(part), Node{}});
    return &node->fields.back().value;
  }
  size_t index = 0;
  if (!IsIndex(part) || !absl::SimpleAtoi(part, &index) || index > kMaxListIndex) {
    return fail(absl::StrCat("'", part, "' must be the index of a list"));
  }
  if (index > node->items.size()) {
    return fail(absl::StrCat("the list has ", node->items.size(), " items, index ", index,
                             " would leave a gap"));
  }
  if (index == node->items.size()) node->items.emplace_back();
  return &node->items[index];
}

void SetValue(Node* node, absl::string_view value, absl::string_view origin) {
  *node = Node{};
  node->origin = std::string(origin);
  const absl::string_view trimmed = absl::StripAsciiWhitespace(value);
  if (!absl::StartsWith(trimmed, "[") || !absl::EndsWith(trimmed, "]")) {
    node->kind = Node::Kind::kScalar;
    node->scalar = std::string(value);
    return;
  }
  node->kind = Node::Kind::kList;
  const absl::string_view inside = trimmed.substr(1, trimmed.size() - 2);
  for (absl::string_view item : absl::StrSplit(inside, ',', absl::SkipWhitespace())) {
    Node child;
    child.kind = Node::Kind::kScalar;
    child.scalar = std::string(absl::StripAsciiWhitespace(item));
    child.origin = std::string(origin);
    node->items.push_back(std::move(child));
  }
}

// What Kubernetes adds for a Service called sallyport or sallyport-something.
bool IsServiceLink(absl::string_view name) {
  constexpr std::array<absl::string_view, 4> kParts = {"_SERVICE_HOST", "_SERVICE_PORT", "_TCP",
                                                       "_UDP"};
  for (absl::string_view part : kParts) {
    if (absl::EndsWith(name, part) || absl::StrContains(name, absl::StrCat(part, "_"))) return true;
  }
  return absl::EndsWith(name, "_PORT") && !absl::StrContains(name, "__");
}

}  // namespace

const Node* Node::Find(absl::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (key == name) return &value;
  }
  return nullptr;
}

absl::StatusOr<Node> ParseYaml(absl::string_view text, absl::string_view name) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.empty()) return Node{};
    if (documents.size() > 1) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": more than one document"));
    }
    return Converter(name).Convert(documents.front(), 0);
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ":", error.mark.line + 1, ": not valid YAML: ", error.msg));
  }
}

absl::StatusOr<Node> ReadYamlFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file.is_open() || file.bad()) {
    return absl::NotFoundError(absl::StrCat("cannot read configuration file ", path));
  }
  return ParseYaml(text.str(), path);
}

absl::Status SetPath(Node* root, absl::string_view path, absl::string_view value,
                     absl::string_view origin) {
  Node* node = root;
  for (absl::string_view part : absl::StrSplit(path, '.')) {
    if (part.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(origin, ": '", path, "' is not a path such as grpc.port"));
    }
    auto next = Step(node, part, origin, path);
    if (!next.ok()) return next.status();
    node = *next;
  }
  SetValue(node, value, origin);
  return absl::OkStatus();
}

std::string PathOfVariable(absl::string_view name) {
  constexpr absl::string_view kPrefix = "SALLYPORT_";
  if (!absl::StartsWith(name, kPrefix) || IsServiceLink(name)) return "";
  const absl::string_view rest = name.substr(kPrefix.size());
  if (rest.empty() || rest == "CONTEXT") return "";  // sallyctl's
  return absl::StrReplaceAll(absl::AsciiStrToLower(rest), {{"__", "."}});
}

}  // namespace sallyport::config
