#include "authsvc/store/sqlite_schema.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "authsvc/store/sqlite_store.h"
#include "shared/base/text.h"

namespace sallyport::authsvc {
namespace {

constexpr int64_t kApplicationId = 0x53616c70;  // "Salp"

constexpr char kTables[] = R"(
CREATE TABLE head (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  store_id TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  floor INTEGER NOT NULL
);
CREATE TABLE record (
  number INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  body BLOB NOT NULL,
  UNIQUE (kind, id)
);
CREATE TABLE change (
  revision INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  id TEXT NOT NULL,
  erased INTEGER NOT NULL,
  PRIMARY KEY (revision, kind, id)
) WITHOUT ROWID;
)";

constexpr char kSealedTable[] = R"(
CREATE TABLE sealed (
  name TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  body BLOB NOT NULL
) WITHOUT ROWID;
)";

uint32_t BigEndian32(const char* at) {
  uint32_t number = 0;
  for (int i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(at[i]);
  return number;
}

// Switching to the write-ahead log needs the file alone and does not use the busy handler.
absl::Status UseWriteAheadLog(SqliteDb* db, absl::Duration busy_timeout) {
  constexpr int kStepMs = 10;
  for (int64_t waited = 0;; waited += kStepMs) {
    auto mode = db->QueryText("PRAGMA journal_mode = WAL");
    if (mode.ok()) {
      if (absl::AsciiStrToLower(*mode) == "wal") return absl::OkStatus();
      return absl::FailedPreconditionError(
          "store: the file system of the store cannot hold a write-ahead log");
    }
    if (!absl::IsUnavailable(mode.status())) return mode.status();
    if (waited >= absl::ToInt64Milliseconds(busy_timeout)) return mode.status();
    sqlite3_sleep(kStepMs);
  }
}

absl::StatusOr<std::string> NewStoreId() {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return absl::InternalError("store: no random bytes");
  return base::Hex({reinterpret_cast<const char*>(bytes), sizeof bytes});
}

absl::Status CreateTables(SqliteDb* db) {
  auto store_id = NewStoreId();
  if (!store_id.ok()) return store_id.status();
  for (const char* tables : {kTables, kSealedTable}) {
    if (auto status = db->Execute(tables); !status.ok()) return status;
  }
  const std::string rest = absl::StrCat("INSERT INTO head VALUES (1, '", *store_id,
                                        "', 1, 0, 0); PRAGMA user_version = ", kSqliteSchemaVersion,
                                        "; PRAGMA application_id = ", kApplicationId, ";");
  return db->Execute(rest.c_str());
}

struct FileFacts {
  int64_t version = 0, application = 0, tables = 0;
  [[nodiscard]] bool empty() const { return version == 0 && application == 0 && tables == 0; }
};

absl::StatusOr<FileFacts> FactsOf(SqliteDb* db) {
  FileFacts facts;
  const std::pair<const char*, int64_t*> wanted[] = {
      {"PRAGMA user_version", &facts.version},
      {"PRAGMA application_id", &facts.application},
      {"SELECT count(*) FROM sqlite_schema", &facts.tables}};
  for (const auto& [sql, out] : wanted) {
    const auto value = db->QueryInt(sql);
    if (!value.ok()) return value.status();
    *out = *value;
  }
  return facts;
}

absl::Status CheckFacts(const FileFacts& facts) {
  if (facts.application != kApplicationId) {
    return absl::FailedPreconditionError(
        "store: the file is an SQLite database of another program");
  }
  if (facts.version > kSqliteSchemaVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "store: the file has schema version ", facts.version, ", this program knows up to ",
        kSqliteSchemaVersion, ": it was written by a newer version"));
  }
  if (facts.version < 1) return absl::DataLossError("store: the file has no valid schema version");
  return absl::OkStatus();
}

absl::Status CreateOrUpgrade(SqliteDb* db) {
  const auto facts = FactsOf(db);
  if (!facts.ok()) return facts.status();
  if (facts->empty()) return CreateTables(db);
  if (auto status = CheckFacts(*facts); !status.ok()) return status;
  if (facts->version == kSqliteSchemaVersion) return absl::OkStatus();
  if (auto status = db->Execute(kSealedTable); !status.ok()) return status;
  return db->Execute(absl::StrCat("PRAGMA user_version = ", kSqliteSchemaVersion, ";").c_str());
}

absl::Status InTransaction(SqliteDb* db, absl::Status (*run)(SqliteDb*)) {
  if (auto status = db->Execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  absl::Status status = run(db);
  if (status.ok()) status = db->Execute("COMMIT");
  if (!status.ok()) db->Rollback();
  return status;
}

}  // namespace

absl::Status EnsureStoreFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) {
    close(fd);
    return absl::OkStatus();
  }
  return absl::ErrnoToStatus(errno, absl::StrCat("store: cannot open ", path));
}

absl::Status PrepareStore(SqliteDb* db, absl::Duration busy_timeout) {
  // Before anything is changed in a file that may not be ours.
  const auto facts = FactsOf(db);
  if (!facts.ok()) return facts.status();
  if (facts->tables != 0) {
    if (auto status = CheckFacts(*facts); !status.ok()) return status;
  }
  if (auto status = UseWriteAheadLog(db, busy_timeout); !status.ok()) return status;
  constexpr char kSettings[] =
      "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = FAST;"
      "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;";
  if (auto status = db->Execute(kSettings); !status.ok()) return status;
  return InTransaction(db, &CreateOrUpgrade);
}

absl::Status PrepareToRead(SqliteDb* db) {
  const auto facts = FactsOf(db);
  if (!facts.ok()) return facts.status();
  if (facts->tables == 0) return absl::NotFoundError("store: the file holds none");
  if (auto status = CheckFacts(*facts); !status.ok()) return status;
  if (facts->version != kSqliteSchemaVersion) {
    return absl::FailedPreconditionError(
        "store: the file is of an older version: start this version's authsvc on it once");
  }
  return db->Execute("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;");
}

absl::Status LooksLikeStore(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char header[100];
  file.read(header, sizeof header);
  const bool whole = static_cast<size_t>(file.gcount()) == sizeof header;
  if (!file.is_open() || file.gcount() == 0) return absl::OkStatus();  // it will be made
  if (!whole || std::memcmp(header, "SQLite format 3", 16) != 0) {
    return absl::DataLossError(
        absl::StrCat(path, " is not an SQLite file: name another, or restore it from a backup"));
  }
  const uint32_t version = BigEndian32(header + 60);
  const uint32_t application = BigEndian32(header + 68);
  if (version == 0 && application == 0)
    return absl::OkStatus();  // the tables are still in its write-ahead log
  if (application != kApplicationId) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is an SQLite database of another program: name another"));
  }
  if (version > kSqliteSchemaVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " has schema version ", version,
                     ": it was written by a newer sallyport, start that"));
  }
  return absl::OkStatus();
}

absl::Status LimitSize(SqliteDb* db, int64_t max_bytes) {
  const auto page_size = db->QueryInt("PRAGMA page_size");
  if (!page_size.ok()) return page_size.status();
  const std::string pragma = absl::StrCat("PRAGMA max_page_count = ", max_bytes / *page_size);
  return db->QueryInt(pragma).status();
}

}  // namespace sallyport::authsvc
