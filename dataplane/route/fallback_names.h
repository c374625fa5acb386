// As which server name handshakes count that send none, by listener (v1::Listener,
// fallback_server_name). A listener of this machine's file is meant by what authsvc has for its id,
// and by what it has for a listener at its address and port, as with strictness (strict_table.h).
// Immutable, thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

class FallbackNames {
 public:
  // `address` empty: "::".
  void Add(absl::string_view listener_id, absl::string_view address, uint16_t port,
           const std::string& name);
  [[nodiscard]] bool empty() const { return by_id_.empty(); }

  // Empty: none. `place` is a ListenerPlace. Valid while this lives.
  [[nodiscard]] absl::string_view Find(absl::string_view listener_id,
                                       absl::string_view place) const;

 private:
  absl::flat_hash_map<std::string, std::string> by_id_, by_place_;
};
using FallbackNamesPtr = std::shared_ptr<const FallbackNames>;

}  // namespace sallyport::dataplane
