// The tree of settings before it has types: read from one YAML (or JSON) file, then overridden by
// the environment, then by `--set`. Every value remembers where it came from, so that an error can
// say it. Plain values, not thread-safe while being changed. No exceptions leave this file.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::config {

struct Node {
  enum class Kind { kNull, kScalar, kMap, kList };
  Kind kind = Kind::kNull;
  std::string scalar;
  struct Field;
  std::vector<Field> fields;  // kMap, in file order
  std::vector<Node> items;    // kList
  std::string origin;         // "authsvc.yaml:12", "--set grpc.port", ...

  [[nodiscard]] const Node* Find(absl::string_view name) const;
};

struct Node::Field {
  std::string name;
  Node value;
};

// `name` is for messages. A name that is set twice, several documents, tags of their own and
// aliases that multiply beyond reason are errors.
[[nodiscard]] absl::StatusOr<Node> ParseYaml(absl::string_view text, absl::string_view name);
[[nodiscard]] absl::StatusOr<Node> ReadYamlFile(const std::string& path);

// Sets `path` ("listeners.0.port"; a list index may be at most one past the end) to a scalar, or to
// a list when `value` is written as "[a, b]". Fails when a part of the path is a value already.
[[nodiscard]] absl::Status SetPath(Node* root, absl::string_view path, absl::string_view value,
                                   absl::string_view origin);

// "SALLYPORT_GRPC__PORT" -> "grpc.port"; empty when the name is not ours. Variables that Kubernetes
// makes for services named sallyport-... (…_SERVICE_HOST, …_PORT_9443_TCP and the like) are not
// ours.
[[nodiscard]] std::string PathOfVariable(absl::string_view name);

}  // namespace sallyport::config
