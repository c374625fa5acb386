// Handshakes that failed: counted, logged and reported. One loop's thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sallyport::dataplane {

struct HandshakeReport;
struct ListenerStyle;
struct LoopServices;

// One line a second for each reason: floods are made up by whoever likes, and those of one kind
// must not hide another.
class HandshakeLogBudget {
 public:
  // `label` is a constant. True: log it, with `*left_out` of the same kind that came before it.
  [[nodiscard]] bool Take(absl::string_view label, absl::Duration now, uint64_t* left_out);

 private:
  struct OfLabel {
    absl::Duration next;
    uint64_t left_out = 0;
  };
  absl::flat_hash_map<absl::string_view, OfLabel> labels_;
};

// `address`: the client's, without port.
void ReportHandshakeFailure(LoopServices& services, const ListenerStyle& listener,
                            const std::string& address, HandshakeReport report);

}  // namespace sallyport::dataplane
