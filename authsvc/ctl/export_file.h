// The file that `sallyctl export` writes: one JSON document a line. The first (kind Export) says of
// what store and to whom it is sealed, the last (ExportEnd) how many lines lie between and their
// SHA-256; each of those is a "Stored" document (authsvc/dialects/stored.h). Its secrets are in
// `sealed`: AES-256-GCM under a key of this file, bound to export, resource and name; that key is
// wrapped for the recipient (shared/crypto/recipient.h). The SHA-256 is sealed by it too, so that
// whoever does not know that key can change, cut off or put together nothing of a sealed export
// unnoticed. It does not say who made one: whoever knows a recipient's public key can seal an
// export of their own to it (a passphrase is known to those who know it alone). One that is not
// sealed has no secrets, and its SHA-256 finds accidents alone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "authsvc/change/stored_secrets.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/base/secret.h"
#include "shared/crypto/sealer.h"

namespace sallyport::authsvc::ctl {

// Whom to seal to, or what to open with: a file in PEM (a public key or certificate; a private
// key), or "passphrase:FILE".

class ExportWriter {
 public:
  // `facts`: members of the first line, JSON without braces. `seal_to` empty: secrets are left out.
  [[nodiscard]] static absl::StatusOr<ExportWriter> Begin(absl::string_view facts,
                                                          const std::string& seal_to);
  [[nodiscard]] absl::Status Add(const v1::Resource& resource, const SecretsByName& secrets);
  // The whole file.
  [[nodiscard]] absl::StatusOr<std::string> Finish() &&;
  [[nodiscard]] bool sealed() const { return sealer_ != nullptr; }
  [[nodiscard]] size_t count() const { return count_; }

 private:
  std::string id_;
  std::unique_ptr<const crypto::Sealer> sealer_;
  std::string text_;
  size_t count_ = 0;
};

struct ExportedDocument {
  int line = 0;
  std::string json;  // with its secrets in clear: cleansed by whoever has it
};

[[nodiscard]] bool IsExport(absl::string_view content);
// One line for people, of an export that ReadExport took: of which store, made when, how many of
// each kind.
[[nodiscard]] std::string ExportSummary(absl::string_view content);
// Why `sallyctl apply` or an authsvc of that grpc.max_admin_bytes may not take what was written.
[[nodiscard]] std::vector<std::string> RestoreDoubts(absl::string_view content,
                                                     uint64_t max_admin_bytes);
// Looks at the whole file first. `open_with` as above; empty is right for an export that is not
// sealed alone. InvalidArgument: another key or passphrase; DataLoss: changed or cut off.
[[nodiscard]] absl::StatusOr<std::vector<ExportedDocument>> ReadExport(
    const std::string& content, const std::string& open_with);

}  // namespace sallyport::authsvc::ctl
