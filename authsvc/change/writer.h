// The one way into the store: validates a write against the newest snapshot, seals its secrets,
// stores, applies to the snapshot and tells the observers. One writer thread; writes are done in
// the order in which they were submitted. Changes that another process made come the same way.
//
// Thread-safe. Submit returns at once; Run blocks until the write is done (admin threads only,
// never an event loop or a gRPC callback). Completions and observers run on the writer thread: they
// must be short and must not call Run.
//
// Errors of a write (nothing was written): INVALID_ARGUMENT (the resource is wrong), ALREADY_EXISTS
// (must_create; a certificate or route that another has), NOT_FOUND (delete or update of nothing),
// ABORTED (expected_revision), FAILED_PRECONDITION (delete of what is in use; strict with something
// pending), UNAVAILABLE and RESOURCE_EXHAUSTED (store). UNKNOWN: it may have been written.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "authsvc/snapshot/snapshot.h"
#include "authsvc/snapshot/snapshot_builder.h"
#include "authsvc/store/store.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/base/clock.h"
#include "shared/base/secret.h"
#include "shared/jwt/jwks.h"

namespace sallyport::crypto {
class Sealer;
struct PemBundle;
}  // namespace sallyport::crypto

namespace sallyport::authsvc {

struct Mutation {
  enum class Op : uint8_t { kPut, kDelete };
  Op op = Op::kPut;
  Kind kind = Kind::kApi;  // kDelete; a put has it from its body
  std::string id;          // kDelete; a put has it from its body
  v1::Resource resource;   // kPut
  // A put of a key without token_sha256 keeps the stored ones: reads do not show them.
  // kPut of a certificate: its private key, PKCS#8 DER; sealed before it is stored. Empty: the
  // stored one is kept when there is one (the public key is the same: the id says so).
  base::Secret private_key;
  // SHA-256 of the certificate that the key has been proven to belong to, so that it is not proven
  // once more; empty: not proven.
  std::string private_key_of;
  // kPut of an Api with `forward_proxy`: the password of its user name; sealed before it is stored.
  // Empty: the stored one is kept where proxy and user name are the same.
  base::Secret proxy_password;
  // kPut of a TokenIssuer: its shared secrets, sealed before they are stored. Empty: the stored
  // ones are kept where it signs by them.
  std::vector<base::Secret> shared_secrets;
  // kPut of a Secret: its data other than certificates, by name; of another resource: what
  // secret_names.h lists. Sealed before it is stored.
  std::map<std::string, base::Secret> secret_data;
  uint64_t expected_revision = 0;  // 0: any
  bool must_create = false;        // kPut: fail when it exists
  bool must_exist = false;         // kPut: fail when it does not
  bool missing_ok = false;         // kDelete: deleting nothing is fine
  bool force = false;              // kDelete: also what the system itself uses
};

struct Write {
  std::vector<Mutation> mutations;  // all or nothing, validated together: order does not matter
  bool dry_run = false;             // validate and say what would change
  bool strict = false;              // a reference to what is not there is an error
  // Not 0: ABORTED unless the snapshot that it is decided on has this revision.
  uint64_t expected_snapshot = 0;
  // `apply --prune --set`: also delete what came with this set and is not among the mutations.
  std::string prune_set;
};

struct MutationResult {
  enum class Outcome : uint8_t { kCreated, kUpdated, kUnchanged, kDeleted, kPruned };
  Kind kind = Kind::kApi;
  std::string id;
  Outcome outcome = Outcome::kUnchanged;
  std::vector<std::string> warnings;
};
[[nodiscard]] absl::string_view OutcomeName(MutationResult::Outcome outcome);  // "created", …

struct WriteResult {
  uint64_t revision = 0;  // that holds the write; the current one when nothing changed
  std::vector<MutationResult> results;  // as the mutations, pruned ones behind them
  std::vector<std::string> cut_off;  // "Key k1", "Api a1": left without a certificate by a delete
  SnapshotPtr would_be;              // of a dry run: the snapshot that the write would make
  [[nodiscard]] std::vector<std::string> AllWarnings() const;
};

// The error of a write that concerns one of several mutations says which, in this payload of the
// status; the text is the bare message.
[[nodiscard]] std::optional<size_t> FailedMutation(const absl::Status& status);

// `before` is null or of another store or epoch when everything was loaded anew: then `changes` is
// empty and all must be taken from `after`.
using Observer = std::function<void(const SnapshotPtr& before, const SnapshotPtr& after,
                                    const std::vector<SnapshotChange>& changes)>;

struct WriterStatus {
  bool store_writable = true;
  absl::Status last_error;
  // When the snapshot was last proven to be the store's newest (base::Clock::Monotonic).
  absl::Duration proven_current{};
};

class Writer {
 public:
  struct Options {
    const base::Clock* clock = nullptr;      // outlives the writer
    const crypto::Sealer* sealer = nullptr;  // null: writes with a private key are refused
    // How often the store is asked whether the snapshot is its newest, beside the watch.
    absl::Duration check_interval = absl::Milliseconds(500);
  };

  // Loads everything. The store outlives the writer.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Writer>> Start(Store* store,
                                                                     const Options& options);
  virtual ~Writer() = default;

  // The newest snapshot, with everything that was acknowledged.
  [[nodiscard]] virtual SnapshotPtr snapshot() const = 0;

  using Completion = std::function<void(absl::StatusOr<WriteResult>)>;
  virtual void Submit(Write write, Completion done) = 0;
  [[nodiscard]] absl::StatusOr<WriteResult> Run(Write write);

  // Called in revision order from the writer thread, also for other processes' writes, before the
  // completion of the write. Observers live until the writer is destroyed.
  virtual void Observe(Observer observer) = 0;

  // The stored resource with its original document, without private key, password and token hashes.
  // Blocks.
  [[nodiscard]] virtual absl::StatusOr<v1::Resource> ReadResource(Kind kind,
                                                                  absl::string_view id) = 0;
  // Opens the private key of a certificate (PKCS#8 DER); for ResolveUpstream and ResolveServer
  // only. Does not block on the store.
  [[nodiscard]] virtual absl::StatusOr<base::Secret> OpenPrivateKey(
      const CertificateEntry& certificate) const = 0;

  // Opens the password that an API of a snapshot has for its forward proxy; for ResolveUpstream
  // only. Does not block on the store.
  [[nodiscard]] virtual absl::StatusOr<base::Secret> OpenProxyPassword(
      const v1::Api& api) const = 0;

  // Opens the hash of the password that a key of a snapshot has; for logins only.
  [[nodiscard]] virtual absl::StatusOr<base::Secret> OpenLoginHash(const v1::Key& key) const = 0;
  // Opens the header value for the targets of an API of that snapshot; for ResolveUpstream only.
  [[nodiscard]] virtual absl::StatusOr<base::Secret> OpenUpstreamCredential(
      const Snapshot& at, const v1::Api& api) const = 0;
  // Opens the value of a header that a webhook of an API of a snapshot is sent; for events only.
  // Does not block on the store.
  [[nodiscard]] virtual absl::StatusOr<base::Secret> OpenHandlerHeader(
      const v1::Api& api, const v1::EventHandler& handler, const std::string& name) const = 0;
  // Opens the shared secrets of a token issuer of a snapshot, as keys that verify; null: they
  // cannot be. For Authorize and Explain only. Does not block on the store.
  [[nodiscard]] virtual std::shared_ptr<const jwt::KeySet> OpenSharedSecrets(
      const v1::TokenIssuer& issuer) const = 0;

  [[nodiscard]] virtual WriterStatus status() const = 0;
  [[nodiscard]] virtual const base::Clock& clock() const = 0;
};

}  // namespace sallyport::authsvc
