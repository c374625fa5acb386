// The tables of SqliteStore, and how a file becomes or is recognised as one. Private to this
// folder.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "authsvc/store/sqlite_db.h"

namespace sallyport::authsvc {

// head: one row {store_id, epoch, revision, floor}. Changes after revision `floor` are all held.
// Version 2 added the table sealed: {name, version, body}. A file of version 1 is taken to 2 when
// it is opened; a program that knows only 1 refuses it from then on.
inline constexpr int kSqliteSchemaVersion = 2;

// Makes the file with mode 0600 when there is none.
[[nodiscard]] absl::Status EnsureStoreFile(const std::string& path);
// Sets the connection up, makes the tables in an empty file, refuses what is not ours or is newer.
[[nodiscard]] absl::Status PrepareStore(SqliteDb* db, absl::Duration busy_timeout);
// Only the connection. NotFound: there are no tables; FailedPrecondition: of another version.
[[nodiscard]] absl::Status PrepareToRead(SqliteDb* db);
[[nodiscard]] absl::Status LimitSize(SqliteDb* db, int64_t max_bytes);

}  // namespace sallyport::authsvc
