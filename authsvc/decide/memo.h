// What decisions may remember between calls, because it depends on bytes alone and not on the snapshot:
// parsed presented certificates by the hash of their DER, and path results (with their own time bound).
// One per process, shared by all threads; bounded; never affects an answer, only its cost.
#pragma once

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shared/crypto/certificate.h"

namespace sallyport::authsvc {

class PathMemo;

class DecisionMemo {
 public:
  // `certificates`: parsed ones held at most (about 4 KB each).
  explicit DecisionMemo(size_t certificates = 16384);
  ~DecisionMemo();
  DecisionMemo(const DecisionMemo&) = delete;
  DecisionMemo& operator=(const DecisionMemo&) = delete;

  // Parses `der` or answers what was parsed before for the same bytes.
  [[nodiscard]] absl::StatusOr<crypto::CertificatePtr> Parse(absl::string_view der);
  [[nodiscard]] PathMemo* paths() const { return paths_.get(); }

 private:
  struct Shard;
  std::unique_ptr<Shard[]> shards_;
  std::unique_ptr<PathMemo> paths_;
  size_t per_shard_;
};

}  // namespace sallyport::authsvc
