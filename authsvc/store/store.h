// Where resources outlive the process: records with revisions, transactions with compare-and-swap,
// and a watch that also sees the writes of other processes. Several processes may share one store,
// so nothing that was read stays true without a condition in the transaction that relies on it.
//
// A revision numbers a transaction; it only grows. A store has a random id for life and an epoch
// that a restore or migration moves on: revisions of different epochs cannot be compared.
//
// Thread-safe. Calls block on disk or network: never call from an event loop or a gRPC callback.
// Errors: ABORTED (a condition did not hold: read again and decide again), UNAVAILABLE (busy,
// locked, read-only, taken away: nothing was written, try again), RESOURCE_EXHAUSTED (disk full),
// DATA_LOSS (damaged), FAILED_PRECONDITION (made by a newer version). After an error of Commit
// other than UNKNOWN nothing was written; after UNKNOWN read again to learn whether it was.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "authsvc/store/kind.h"

namespace sallyport::authsvc {

struct Record {
  Kind kind = Kind::kCertificate;
  std::string id;
  uint64_t revision = 0;  // of the transaction that wrote it last
  std::string body;       // serialized v1::Resource; the store does not look inside
};

struct StoreState {
  std::string store_id;
  uint64_t epoch = 0;
  uint64_t revision = 0;
  bool operator==(const StoreState&) const = default;
};

struct StoreMutation {
  Kind kind = Kind::kCertificate;
  std::string id;
  bool erase = false;
  std::string body;                  // unless erase
  std::optional<uint64_t> expected;  // revision that the record must have; 0: it must not exist
};

struct Transaction {
  std::vector<StoreMutation> mutations;  // at most one per (kind, id)
  // The store must still be at this state: what was decided on all of it (uniqueness, references)
  // then still holds. Without it only the records' own conditions are checked.
  std::optional<StoreState> expected_state;
};

struct StoreChange {
  Kind kind = Kind::kCertificate;
  std::string id;
  uint64_t revision = 0;
  bool erased = false;
  std::string body;  // unless erased: as it is now
};

// What services keep for themselves, beside the resources: sealed before it comes here.
struct SealedRecord {
  uint64_t version = 0;  // grows with every swap of this record
  std::string body;
};

// What brings a reader from one revision to `state`: the last change of each record, in revision
// order.
struct ChangeBatch {
  StoreState state;
  std::vector<StoreChange> changes;
};

// Ends the watch when destroyed; no call comes after that. Not from inside the callback.
class StoreWatch {
 public:
  virtual ~StoreWatch() = default;
};

class Store {
 public:
  virtual ~Store() = default;

  using Visitor = absl::FunctionRef<absl::Status(Record record)>;
  // Every record, of one moment; an error of the visitor ends it and is returned.
  [[nodiscard]] virtual absl::StatusOr<StoreState> Load(Visitor visitor) = 0;
  // NOT_FOUND when there is none.
  [[nodiscard]] virtual absl::StatusOr<Record> Read(Kind kind, absl::string_view id) = 0;
  // All or nothing, on disk when it returns. Answers the new revision.
  [[nodiscard]] virtual absl::StatusOr<uint64_t> Commit(const Transaction& transaction) = 0;
  // OUT_OF_RANGE: `after` is of another store or epoch, in the future, or no longer held: Load
  // again.
  [[nodiscard]] virtual absl::StatusOr<ChangeBatch> ChangesAfter(const StoreState& after) = 0;
  [[nodiscard]] virtual absl::StatusOr<StoreState> State() = 0;
  // Sealed records have names of their own, take no revision and are in no Load, Read or
  // ChangesAfter: whatever lists or hands out resources never meets them. NOT_FOUND.
  [[nodiscard]] virtual absl::StatusOr<SealedRecord> ReadSealed(absl::string_view name) = 0;
  // ABORTED unless the record is at version `expected` (0: there is none). On disk when it returns;
  // answers the new version. UNKNOWN as with Commit.
  [[nodiscard]] virtual absl::StatusOr<uint64_t> SwapSealed(absl::string_view name,
                                                            uint64_t expected,
                                                            absl::string_view body) = 0;
  // What Commit would say to a write now. Writes 64 KB, syncs and takes them back: changes nothing,
  // takes no revision, waits for no other writer.
  [[nodiscard]] virtual absl::Status CheckWritable() = 0;
  // Another epoch, after a restore or a migration.
  [[nodiscard]] virtual absl::StatusOr<StoreState> StartEpoch() = 0;
  // `changed` runs on a thread of the store soon after any other handle or process wrote (it may
  // also run without need): then read State or ChangesAfter. It must not call the store itself.
  [[nodiscard]] virtual std::unique_ptr<StoreWatch> Watch(std::function<void()> changed) = 0;
};

}  // namespace sallyport::authsvc
