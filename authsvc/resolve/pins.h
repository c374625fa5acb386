// Pins as SHA-256 of SubjectPublicKeyInfo, whatever they were given as: a digest, a bare public
// key, or a certificate (then its key; reference tyk.md Q14). Blanks are trimmed, comma lists are
// split.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

class Snapshot;

struct ResolvedPins {
  std::vector<std::string> spki_sha256;      // 32 raw bytes each, sorted, no two equal
  std::vector<std::string> certificate_ids;  // that they depend on, also those that are not there
  std::vector<std::string> unusable;         // not there or not a digest; never dropped in silence
};

[[nodiscard]] ResolvedPins ResolvePins(const Snapshot& snapshot, absl::string_view org,
                                       const v1::PinList& list);

}  // namespace sallyport::authsvc
