// Server names in the entries of a listener, as the data plane reads them. Pure; errors are
// INVALID_ARGUMENT with a text for whoever wrote the listener.
#pragma once

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/repeated_ptr_field.h"

namespace sallyport::authsvc {

// One per field of a listener: asked about each of its entries in turn.
class ServerNameChecks {
 public:
  // `field`: its name, for errors; outlives this.
  explicit ServerNameChecks(absl::string_view field) : field_(field) {}
  // Of `count` entries.
  [[nodiscard]] absl::Status CheckCount(int count) const;
  // Of one entry: exact names or one-label wildcards, each once in the listener; none: all, once.
  [[nodiscard]] absl::Status CheckNames(
      const google::protobuf::RepeatedPtrField<std::string>& names);

 private:
  [[nodiscard]] absl::Status CheckName(const std::string& text);

  const absl::string_view field_;
  absl::flat_hash_set<std::string> seen_;
  bool whole_ = false;
};

}  // namespace sallyport::authsvc
