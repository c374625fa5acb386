// The sealed records of SqliteStore: two statements over the table sealed. Not thread-safe; the
// caller holds the transaction. Private to this folder.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "authsvc/store/sqlite_db.h"
#include "authsvc/store/store.h"

namespace sallyport::authsvc {

class SqliteSealed {
 public:
  [[nodiscard]] absl::Status Prepare(SqliteDb* db);
  // NOT_FOUND when there is none.
  [[nodiscard]] absl::StatusOr<SealedRecord> Read(absl::string_view name);
  // The new version, when the transaction commits. ABORTED: the record is not at `expected`.
  [[nodiscard]] absl::StatusOr<uint64_t> Swap(absl::string_view name, uint64_t expected,
                                              absl::string_view body);

 private:
  SqliteStatement read_, put_;
};

}  // namespace sallyport::authsvc
