// The certificates of one PEM file of a trust directory. Pure but for ReadWholeFile; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

struct PemCertificates {
  std::vector<std::string> der;
  size_t broken = 0;  // blocks that are not base64 or have no end
};

// Blocks CERTIFICATE, X509 CERTIFICATE and TRUSTED CERTIFICATE; text between blocks and other
// blocks are passed over. One broken block does not spoil the others.
[[nodiscard]] PemCertificates ReadPemCertificates(absl::string_view text);

// At most `limit` bytes of a regular file (links are followed); errors name no contents.
// RESOURCE_EXHAUSTED: no descriptor or memory just now; UNAVAILABLE: another error of the system,
// which may pass too; else it is no such file.
[[nodiscard]] absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t limit);

}  // namespace sallyport::dataplane
