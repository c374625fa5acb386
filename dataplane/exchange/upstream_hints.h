// The setting of its dialect that lets an upstream's TLS succeed, said by each loop once for each
// API and reason: whoever comes from a gateway that verified nothing meets refusals that it never
// had. One loop's thread.
#pragma once

#include <cstddef>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "dataplane/route/route.h"
#include "shared/base/reason.h"

namespace sallyport::dataplane {

// What to do, in the words of that dialect's documents; empty: nothing to say.
[[nodiscard]] absl::string_view UpstreamTlsHint(ErrorStyle style, base::Reason reason);

class UpstreamHints {
 public:
  // Logs "upstream_tls.setting" where there is a hint that was not given before. Bounded: of more
  // than kMost it says nothing.
  void Refused(const Route& route, absl::string_view host, base::Reason reason,
               absl::string_view detail);

  static constexpr size_t kMost = 1000;

 private:
  absl::flat_hash_set<std::string> given_;
};

}  // namespace sallyport::dataplane
