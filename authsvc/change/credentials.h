// The writes that admin surfaces share: certificates from PEM, keys with and without a token. Each
// returns what to send through Writer::Run, or does it. Blocking, as Writer::Run. The errors' texts
// are those of Tyk's API (reference tyk.md 1.2, 2.1, 2.2).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "authsvc/change/writer.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc {

struct AddedCertificate {
  std::string id;
  bool existed = false;  // with `if_exists_ok`
  uint64_t revision = 0;
  std::vector<std::string> warnings;
};
struct AddCertificateOptions {
  std::string org_id;
  std::string name;  // stable name to give it, or to move to it
  std::string source;
  bool if_exists_ok = false;  // else ALREADY_EXISTS "Certificate with <id> id already exists"
  bool drop_private_key = false;
  bool dry_run = false;
};
// PEM, or DER. A private key or a stable name that is new to a stored certificate is added to it.
[[nodiscard]] absl::StatusOr<AddedCertificate> AddCertificate(Writer& writer,
                                                              absl::string_view content,
                                                              const AddCertificateOptions& options);
// The mutation alone, for writes of several resources. Refuses an expired first certificate.
[[nodiscard]] absl::StatusOr<Mutation> CertificateMutation(crypto::PemBundle bundle,
                                                           const AddCertificateOptions& options,
                                                           absl::Time now);

struct CreatedKey {
  std::string id;
  std::string token;  // shown once; empty: none was asked for
  uint64_t revision = 0;
  std::vector<std::string> warnings;
};
struct CreateKeyOptions {
  bool with_token = false;
  std::string certificate;  // PEM or DER: its public part is stored and becomes the key's
  bool dry_run = false;
};
// An empty key.id() becomes: the id of its first certificate when it has one (as Tyk answers it; it
// names the key and never authenticates), else a random one.
[[nodiscard]] absl::StatusOr<CreatedKey> CreateKey(Writer& writer, v1::Key key,
                                                   const CreateKeyOptions& options, absl::Time now);
// Another token; the old ones stop unless keep_old.
[[nodiscard]] absl::StatusOr<CreatedKey> RotateKey(Writer& writer, absl::string_view id,
                                                   bool keep_old);
// 32 random bytes, URL-safe Base64 without padding.
[[nodiscard]] std::string NewToken();

struct StatusFacts {
  std::map<std::string, uint64_t> counts;  // by kind
  std::vector<std::string> insecure;       // insecure settings in force
  std::vector<std::string> pending;        // references to what is not there
  std::vector<std::string>
      unusable;  // allowlist entries that a write would refuse today: they admit nobody
  std::vector<std::string> expiring;  // within 30 days, soonest first
};
[[nodiscard]] StatusFacts CollectStatus(const Snapshot& snapshot, absl::Time now);

}  // namespace sallyport::authsvc
