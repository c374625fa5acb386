// Builds a Node tree from parser events within ReadLimits. Used by the JSON and the YAML reader;
// not thread-safe. Every call returns false once there is an error; then stop.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "authsvc/dialects/node.h"
#include "authsvc/dialects/reader.h"

namespace sallyport::authsvc::dialects {

class TreeBuilder {
 public:
  explicit TreeBuilder(const ReadLimits& limits) : limits_(limits) {}

  bool Begin(Node::Type type, int line);  // kArray or kObject
  bool Key(std::string name, int line);
  bool Add(Node value);  // a scalar, or a whole tree (an alias)
  bool End();
  // Counts `node` and everything below it against the limits.
  bool Charge(const Node& node);
  bool Fail(int line, absl::string_view what);

  // Inside an object, where the next thing must be a name.
  [[nodiscard]] bool WantsKey() const;
  // The container that End would finish.
  [[nodiscard]] const Node& open() const { return stack_.back().node; }
  [[nodiscard]] bool done() const { return has_root_ && stack_.empty(); }
  [[nodiscard]] bool failed() const { return !error_.empty(); }
  [[nodiscard]] const std::string& error() const { return error_; }
  // The finished tree; the builder starts anew, what was counted stays counted.
  Node Take();

 private:
  struct Frame {
    Node node;
    std::string key;
    bool has_key = false;
    absl::flat_hash_set<std::string> names;
  };
  bool Count(size_t bytes, int line);
  bool Place(Node value);

  ReadLimits limits_;
  std::vector<Frame> stack_;
  Node root_;
  bool has_root_ = false;
  size_t values_ = 0;
  size_t bytes_ = 0;
  std::string error_;
};

}  // namespace sallyport::authsvc::dialects
