// RAII over one SQLite connection and its prepared statements, with absl::Status. Not thread-safe.
// Private to this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sallyport::authsvc {

class SqliteStatement {
 public:
  SqliteStatement() = default;
  SqliteStatement& Bind(int index, int64_t value);
  SqliteStatement& BindText(int index, absl::string_view value);
  SqliteStatement& BindBlob(int index, absl::string_view value);
  // True: there is a row. The statement resets itself after the last row and after an error.
  [[nodiscard]] absl::StatusOr<bool> Step();
  // Runs a statement that gives no rows.
  [[nodiscard]] absl::Status Run();
  void Reset();

  [[nodiscard]] int64_t Int(int column) const;
  // Text or blob; valid until the next Step or Reset.
  [[nodiscard]] absl::string_view Bytes(int column) const;

 private:
  friend class SqliteDb;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit SqliteStatement(sqlite3_stmt* statement) : statement_(statement) {}
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class SqliteDb {
 public:
  // `make`: the file, when there is none; else that is an error.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<SqliteDb>> Open(const std::string& path,
                                                                      absl::Duration busy_timeout,
                                                                      bool make = true);
  // How long a statement waits for another handle's lock.
  void SetBusyTimeout(absl::Duration timeout);
  [[nodiscard]] absl::Status Execute(const char* sql);
  [[nodiscard]] absl::StatusOr<SqliteStatement> Prepare(absl::string_view sql);
  // First column of the first row of a query.
  [[nodiscard]] absl::StatusOr<int64_t> QueryInt(absl::string_view sql);
  [[nodiscard]] absl::StatusOr<std::string> QueryText(absl::string_view sql);
  [[nodiscard]] bool in_transaction() const;
  void Rollback();  // when a transaction is open

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  explicit SqliteDb(sqlite3* db) : db_(db) {}
  std::unique_ptr<sqlite3, Close> db_;
};

// The status of an SQLite result code (not OK, ROW or DONE) with the connection's own message.
[[nodiscard]] absl::Status SqliteError(int code, sqlite3* db);

}  // namespace sallyport::authsvc
