// What the upstream is told about the caller of a request: XFCC, RFC 9440 and named headers, all of
// them from what authsvc verified. Made once per decision and route, then shared by the requests
// of a connection. Immutable, thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dataplane/http/head.h"
#include "dataplane/route/identity_rules.h"

namespace sallyport::dataplane {

struct Identity;
struct PeerCertificate;

class IdentityFields {
 public:
  // `rules` outlives it. `peer`: the certificates of the caller, shown by this connection or told
  // of by a trusted proxy, null for none; their leaf is only used where it is the one that
  // `identity` was decided for.
  IdentityFields(const IdentityRules& rules, const Identity& identity, const PeerCertificate* peer);
  IdentityFields(const IdentityFields&) = delete;
  IdentityFields& operator=(const IdentityFields&) = delete;

  // Our element; empty: there is no verified certificate, or the rules want none.
  [[nodiscard]] const std::string& xfcc() const { return xfcc_; }
  // Beside XFCC.
  [[nodiscard]] absl::Span<const HeaderField> fields() const { return fields_; }
  // Of all of it, names of `fields` included.
  [[nodiscard]] size_t bytes() const { return bytes_; }

 private:
  void Add(absl::string_view name, std::string value);

  std::string xfcc_;
  std::vector<std::string> texts_;  // does not grow beyond what was reserved
  std::vector<HeaderField> fields_;
  size_t bytes_ = 0;
};

// The text of the XFCC fields that a trusted proxy has sent under `name`, in their order; "" for
// none. What its Connection field lists is meant for us alone and does not count. InvalidArgument
// for what could be read in more than one way.
[[nodiscard]] absl::StatusOr<std::string> ForwardedXfcc(const HeaderFields& fields,
                                                        absl::string_view name);

}  // namespace sallyport::dataplane
