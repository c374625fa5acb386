// Store in one SQLite file: write-ahead log, full sync, one connection per SqliteStore. Several
// processes on one machine may open the same file.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authsvc/store/store.h"

namespace sallyport::authsvc {

struct SqliteOptions {
  absl::Duration busy_timeout = absl::Seconds(2);  // then UNAVAILABLE
  absl::Duration watch_interval =
      absl::Milliseconds(20);  // how soon other handles' writes are seen
  int history = 100'000;       // revisions held for ChangesAfter
  bool as_it_is = false;  // neither made nor brought to this version's tables: for who reads it
  int64_t max_bytes = 0;  // of the file; then RESOURCE_EXHAUSTED; 0: what the disk has
};

// Makes the file (mode 0600) when there is none, unless `as_it_is` (NotFound). Refuses a file that
// a newer version wrote.
[[nodiscard]] absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(
    const std::string& path, const SqliteOptions& options = {});

// OK: there is no file, an empty one, or a store that this version knows. By the file's header
// alone, so nothing is changed or made, also beside it.
[[nodiscard]] absl::Status LooksLikeStore(const std::string& path);

}  // namespace sallyport::authsvc
