// The fields that we add to a request: X-Forwarded-For, -Proto, -Host, X-Request-Id and the
// identity header. Owns their text; the span of fields() is valid while it lives and is not moved.
// Not thread-safe.
#pragma once

#include <array>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dataplane/http/head.h"

namespace sallyport::dataplane {

struct ForwardedFacts {
  absl::string_view client_address;  // without port
  bool tls = false;
  absl::string_view host;  // the caller's Host
  absl::string_view request_id;
  absl::string_view identity_header;  // empty: none is sent (and every known one is removed)
  absl::string_view identity;         // its text; empty: only removed
  bool from_trusted_proxy = false;  // then X-Forwarded-For is continued and -Proto, -Host are kept
};

class ForwardedFields {
 public:
  // `received`: the request's fields. Views of both are kept.
  ForwardedFields(const ForwardedFacts& facts, const HeaderFields& received);
  ForwardedFields(const ForwardedFields&) = delete;
  ForwardedFields& operator=(const ForwardedFields&) = delete;

  [[nodiscard]] absl::Span<const HeaderField> fields() const { return {fields_.data(), count_}; }

 private:
  void Add(absl::string_view name, absl::string_view value) { fields_[count_++] = {name, value}; }

  std::string forwarded_for_;
  std::array<HeaderField, 5> fields_;
  size_t count_ = 0;
};

}  // namespace sallyport::dataplane
