#include "authsvc/store/sqlite_store.h"

#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "authsvc/store/file_identity.h"
#include "authsvc/store/polling_watch.h"
#include "authsvc/store/sqlite_db.h"
#include "authsvc/store/sqlite_schema.h"
#include "authsvc/store/sqlite_sealed.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {
namespace {

struct Head {
  StoreState state;
  uint64_t floor = 0;
};

int64_t Signed(uint64_t value) { return static_cast<int64_t>(value); }
uint64_t Unsigned(int64_t value) { return static_cast<uint64_t>(value); }

absl::StatusOr<Kind> KindOf(int64_t number) {
  const auto kind = KindFromNumber(static_cast<int>(number));
  if (kind) return *kind;
  return absl::FailedPreconditionError(
      absl::StrCat("store: holds a resource of kind ", number, ", written by a newer version"));
}

class SqliteStore final : public Store {
 public:
  SqliteStore(std::unique_ptr<SqliteDb> db, const SqliteOptions& options)
      : options_(options), db_(std::move(db)) {}

  absl::Status PrepareStatements();
  // The files that are open now are those of this store: after the first read.
  void RememberFiles(const std::string& path) {
    files_ = {FileIdentity(path), FileIdentity(path + "-wal")};
  }

  absl::StatusOr<StoreState> Load(Visitor visitor) override;
  absl::StatusOr<Record> Read(Kind kind, absl::string_view id) override;
  absl::StatusOr<uint64_t> Commit(const Transaction& transaction) override;
  absl::StatusOr<ChangeBatch> ChangesAfter(const StoreState& after) override;
  absl::StatusOr<StoreState> State() override;
  absl::StatusOr<SealedRecord> ReadSealed(absl::string_view name) override;
  absl::StatusOr<uint64_t> SwapSealed(absl::string_view name, uint64_t expected,
                                      absl::string_view body) override;
  absl::Status CheckWritable() override;
  absl::StatusOr<StoreState> StartEpoch() override;
  std::unique_ptr<StoreWatch> Watch(std::function<void()> changed) override;

  // Differs from the last answer when another connection committed since.
  absl::StatusOr<int64_t> DataVersion();

 private:
  absl::StatusOr<Head> ReadHead() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status WriteHead(const Head& head) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<uint64_t> RevisionOf(const StoreMutation& mutation)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status VisitRecords(Visitor visitor) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // True: something changed.
  absl::StatusOr<bool> Apply(const StoreMutation& mutation, uint64_t revision)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<uint64_t> CommitLocked(const Transaction& transaction)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status FinishCommit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status WriteNothing() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckFiles() const;
  absl::StatusOr<ChangeBatch> ReadChanges(const StoreState& after)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const SqliteOptions options_;
  std::vector<FileIdentity> files_;  // since OpenSqliteStore
  base::Mutex mutex_;
  // Statements are destroyed before the connection.
  std::unique_ptr<SqliteDb> db_ ABSL_GUARDED_BY(mutex_);
  SqliteStatement read_head_ ABSL_GUARDED_BY(mutex_);
  SqliteStatement write_head_ ABSL_GUARDED_BY(mutex_);
  SqliteStatement read_all_ ABSL_GUARDED_BY(mutex_);
  SqliteStatement read_one_ ABSL_GUARDED_BY(mutex_);
  SqliteStatement revision_of_ ABSL_GUARDED_BY(mutex_);
  SqliteStatement put_ ABSL_GUARDED_BY(mutex_);
  SqliteStatement erase_ ABSL_GUARDED_BY(mutex_);
  SqliteStatement add_change_ ABSL_GUARDED_BY(mutex_);
  SqliteStatement trim_changes_ ABSL_GUARDED_BY(mutex_);
  SqliteStatement changes_ ABSL_GUARDED_BY(mutex_);
  SqliteStatement data_version_ ABSL_GUARDED_BY(mutex_);
  SqliteSealed sealed_ ABSL_GUARDED_BY(mutex_);
};

absl::Status SqliteStore::PrepareStatements() {
  base::MutexLock lock(&mutex_);
  const std::pair<SqliteStatement*, const char*> wanted[] = {
      {&read_head_, "SELECT store_id, epoch, revision, floor FROM head"},
      {&write_head_, "UPDATE head SET epoch = ?1, revision = ?2, floor = ?3"},
      {&read_all_, "SELECT kind, id, revision, body FROM record ORDER BY number"},
      {&read_one_, "SELECT revision, body FROM record WHERE kind = ?1 AND id = ?2"},
      {&revision_of_, "SELECT revision FROM record WHERE kind = ?1 AND id = ?2"},
      {&put_,
       "INSERT INTO record (kind, id, revision, body) VALUES (?1, ?2, ?3, ?4) "
       "ON CONFLICT (kind, id) DO UPDATE SET revision = ?3, body = ?4"},
      {&erase_, "DELETE FROM record WHERE kind = ?1 AND id = ?2"},
      {&add_change_, "INSERT INTO change (revision, kind, id, erased) VALUES (?1, ?2, ?3, ?4)"},
      {&trim_changes_, "DELETE FROM change WHERE revision <= ?1"},
      // Only the last change of each record, with the record as it is now.
      {&changes_,
       "SELECT max(c.revision) AS last, c.kind, c.id, r.body FROM change c "
       "LEFT JOIN record r ON r.kind = c.kind AND r.id = c.id "
       "WHERE c.revision > ?1 GROUP BY c.kind, c.id ORDER BY last"},
      {&data_version_, "PRAGMA data_version"},
  };
  for (const auto& [statement, sql] : wanted) {
    auto prepared = db_->Prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  return sealed_.Prepare(db_.get());
}

absl::StatusOr<Head> SqliteStore::ReadHead() {
  const auto row = read_head_.Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::DataLossError("store: the head row is missing");
  Head head;
  head.state.store_id = std::string(read_head_.Bytes(0));
  head.state.epoch = Unsigned(read_head_.Int(1));
  head.state.revision = Unsigned(read_head_.Int(2));
  head.floor = Unsigned(read_head_.Int(3));
  read_head_.Reset();
  return head;
}

absl::Status SqliteStore::WriteHead(const Head& head) {
  write_head_.Bind(1, Signed(head.state.epoch));
  write_head_.Bind(2, Signed(head.state.revision));
  write_head_.Bind(3, Signed(head.floor));
  return write_head_.Run();
}

absl::Status SqliteStore::VisitRecords(Visitor visitor) {
  while (true) {
    const auto row = read_all_.Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    const auto kind = KindOf(read_all_.Int(0));
    absl::Status status = kind.status();
    if (kind.ok()) {
      status = visitor(Record{*kind, std::string(read_all_.Bytes(1)), Unsigned(read_all_.Int(2)),
                              std::string(read_all_.Bytes(3))});
    }
    if (!status.ok()) {
      read_all_.Reset();
      return status;
    }
  }
}

absl::StatusOr<StoreState> SqliteStore::Load(Visitor visitor) {
  base::MutexLock lock(&mutex_);
  if (auto status = db_->Execute("BEGIN"); !status.ok()) return status;
  auto head = ReadHead();
  absl::Status status = head.status();
  if (status.ok()) status = VisitRecords(visitor);
  db_->Rollback();
  if (!status.ok()) return status;
  return head->state;
}

absl::StatusOr<Record> SqliteStore::Read(Kind kind, absl::string_view id) {
  base::MutexLock lock(&mutex_);
  read_one_.Bind(1, static_cast<int>(kind)).BindText(2, id);
  const auto row = read_one_.Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::NotFoundError(absl::StrCat(KindName(kind), " ", id, " not found"));
  Record record{kind, std::string(id), Unsigned(read_one_.Int(0)), std::string(read_one_.Bytes(1))};
  read_one_.Reset();
  return record;
}

absl::StatusOr<uint64_t> SqliteStore::RevisionOf(const StoreMutation& mutation) {
  revision_of_.Bind(1, static_cast<int>(mutation.kind)).BindText(2, mutation.id);
  const auto row = revision_of_.Step();
  if (!row.ok()) return row.status();
  const uint64_t revision = *row ? Unsigned(revision_of_.Int(0)) : 0;
  revision_of_.Reset();
  return revision;
}

absl::StatusOr<bool> SqliteStore::Apply(const StoreMutation& mutation, uint64_t revision) {
  const auto current = RevisionOf(mutation);
  if (!current.ok()) return current.status();
  if (mutation.expected && *mutation.expected != *current) {
    return absl::AbortedError(absl::StrCat(KindName(mutation.kind), " ", mutation.id,
                                           " has revision ", *current, ", not ",
                                           *mutation.expected));
  }
  const int kind = static_cast<int>(mutation.kind);
  if (mutation.erase) {
    if (*current == 0) return false;
    erase_.Bind(1, kind).BindText(2, mutation.id);
    if (auto status = erase_.Run(); !status.ok()) return status;
  } else {
    put_.Bind(1, kind).BindText(2, mutation.id).Bind(3, Signed(revision));
    put_.BindBlob(4, mutation.body);
    if (auto status = put_.Run(); !status.ok()) return status;
  }
  add_change_.Bind(1, Signed(revision)).Bind(2, kind).BindText(3, mutation.id);
  add_change_.Bind(4, mutation.erase ? 1 : 0);
  if (auto status = add_change_.Run(); !status.ok()) return status;
  return true;
}

absl::Status SqliteStore::CheckFiles() const {
  for (const FileIdentity& file : files_) {
    if (auto status = file.Check(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status SqliteStore::FinishCommit() {
  if (auto status = CheckFiles(); !status.ok()) return status;
  absl::Status status = db_->Execute("COMMIT");
  if (status.ok()) return status;
  const bool still_open = db_->in_transaction();
  db_->Rollback();
  if (still_open || absl::IsResourceExhausted(status)) return status;
  // A commit whose sync failed may or may not be found after a restart.
  return absl::UnknownError(status.message());
}

absl::StatusOr<uint64_t> SqliteStore::CommitLocked(const Transaction& transaction) {
  auto head = ReadHead();
  if (!head.ok()) return head.status();
  if (transaction.expected_state && *transaction.expected_state != head->state) {
    return absl::AbortedError(absl::StrCat("store is at revision ", head->state.revision, ", not ",
                                           transaction.expected_state->revision));
  }
  const uint64_t revision = head->state.revision + 1;
  bool changed = false;
  for (const auto& mutation : transaction.mutations) {
    const auto applied = Apply(mutation, revision);
    if (!applied.ok()) return applied.status();
    changed = changed || *applied;
  }
  if (!changed) {
    db_->Rollback();
    return head->state.revision;
  }
  head->state.revision = revision;
  const uint64_t history = Unsigned(options_.history);
  if (revision > history && revision - history > head->floor) {
    head->floor = revision - history;
    if (auto status = trim_changes_.Bind(1, Signed(head->floor)).Run(); !status.ok()) return status;
  }
  if (auto status = WriteHead(*head); !status.ok()) return status;
  if (auto status = FinishCommit(); !status.ok()) return status;
  return revision;
}

absl::StatusOr<uint64_t> SqliteStore::Commit(const Transaction& transaction) {
  base::MutexLock lock(&mutex_);
  if (auto status = db_->Execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  auto revision = CommitLocked(transaction);
  db_->Rollback();  // where it did not commit
  return revision;
}

absl::StatusOr<SealedRecord> SqliteStore::ReadSealed(absl::string_view name) {
  base::MutexLock lock(&mutex_);
  return sealed_.Read(name);
}

absl::StatusOr<uint64_t> SqliteStore::SwapSealed(absl::string_view name, uint64_t expected,
                                                 absl::string_view body) {
  base::MutexLock lock(&mutex_);
  if (auto status = db_->Execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  auto version = sealed_.Swap(name, expected, body);
  if (version.ok()) {
    if (auto status = FinishCommit(); !status.ok()) version = status;
  }
  db_->Rollback();  // where it did not commit
  return version;
}

absl::StatusOr<ChangeBatch> SqliteStore::ReadChanges(const StoreState& after) {
  auto head = ReadHead();
  if (!head.ok()) return head.status();
  if (after.store_id != head->state.store_id || after.epoch != head->state.epoch) {
    return absl::OutOfRangeError("another store or epoch");
  }
  if (after.revision > head->state.revision || after.revision < head->floor) {
    return absl::OutOfRangeError(absl::StrCat("revision ", after.revision, " is not held: ",
                                              head->floor, " to ", head->state.revision, " are"));
  }
  ChangeBatch batch;
  batch.state = head->state;
  changes_.Bind(1, Signed(after.revision));
  while (true) {
    const auto row = changes_.Step();
    if (!row.ok()) return row.status();
    if (!*row) return batch;
    const auto kind = KindOf(changes_.Int(1));
    if (!kind.ok()) {
      changes_.Reset();
      return kind.status();
    }
    const absl::string_view body = changes_.Bytes(3);
    // Bodies are never empty, so an empty one means that there is no such record now.
    batch.changes.push_back({*kind, std::string(changes_.Bytes(2)), Unsigned(changes_.Int(0)),
                             body.empty(), std::string(body)});
  }
}

absl::StatusOr<ChangeBatch> SqliteStore::ChangesAfter(const StoreState& after) {
  base::MutexLock lock(&mutex_);
  if (auto status = db_->Execute("BEGIN"); !status.ok()) return status;
  auto batch = ReadChanges(after);
  db_->Rollback();
  return batch;
}

absl::StatusOr<StoreState> SqliteStore::State() {
  if (auto status = CheckFiles(); !status.ok()) return status;
  base::MutexLock lock(&mutex_);
  auto head = ReadHead();
  if (!head.ok()) return head.status();
  return head->state;
}

// A change of revision 0 is before all history: no reader sees it, and trimming takes it away if a
// crash leaves it. It is as large as most writes, because SQLite writes no page that stays as it
// is, and what a write that failed has left of the log would hold a small one.
absl::Status SqliteStore::WriteNothing() {
  constexpr int64_t kBeforeHistory = 0;
  constexpr size_t kBytes = 64 * 1024;
  if (auto status = db_->Execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  add_change_.Bind(1, kBeforeHistory).Bind(2, 0).BindText(3, std::string(kBytes, '.')).Bind(4, 1);
  if (auto status = add_change_.Run(); !status.ok()) return status;
  if (auto status = FinishCommit(); !status.ok()) return status;
  if (auto status = db_->Execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  if (auto status = trim_changes_.Bind(1, kBeforeHistory).Run(); !status.ok()) return status;
  return FinishCommit();
}

absl::Status SqliteStore::CheckWritable() {
  base::MutexLock lock(&mutex_);
  db_->SetBusyTimeout(absl::ZeroDuration());
  (void)trim_changes_.Bind(1, 0).Run();  // what a crash left
  const absl::Status status = WriteNothing();
  db_->Rollback();  // where it did not commit
  db_->SetBusyTimeout(options_.busy_timeout);
  return status;
}

absl::StatusOr<StoreState> SqliteStore::StartEpoch() {
  base::MutexLock lock(&mutex_);
  if (auto status = db_->Execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  auto head = ReadHead();
  absl::Status status = head.status();
  if (status.ok()) {
    ++head->state.epoch;
    head->floor = head->state.revision;
    status = trim_changes_.Bind(1, Signed(head->floor)).Run();
  }
  if (status.ok()) status = WriteHead(*head);
  if (status.ok()) status = FinishCommit();
  db_->Rollback();
  if (!status.ok()) return status;
  return head->state;
}

absl::StatusOr<int64_t> SqliteStore::DataVersion() {
  base::MutexLock lock(&mutex_);
  const auto row = data_version_.Step();
  if (!row.ok()) return row.status();
  const int64_t version = data_version_.Int(0);
  data_version_.Reset();
  return version;
}

std::unique_ptr<StoreWatch> SqliteStore::Watch(std::function<void()> changed) {
  return std::make_unique<PollingWatch>([this] { return DataVersion(); }, options_.watch_interval,
                                        std::move(changed));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path,
                                                       const SqliteOptions& options) {
  if (options.as_it_is && access(path.c_str(), F_OK) != 0)
    return absl::NotFoundError(absl::StrCat("there is no store ", path));
  if (!options.as_it_is) {
    if (auto status = EnsureStoreFile(path); !status.ok()) return status;
  }
  auto db = SqliteDb::Open(path, options.busy_timeout, !options.as_it_is);
  if (!db.ok()) return db.status();
  const absl::Status prepared =
      options.as_it_is ? PrepareToRead(db->get()) : PrepareStore(db->get(), options.busy_timeout);
  if (!prepared.ok()) return prepared;
  if (options.max_bytes > 0) {
    const auto limited = LimitSize(db->get(), options.max_bytes);
    if (!limited.ok()) return limited;
  }
  auto store = std::make_unique<SqliteStore>(*std::move(db), options);
  if (auto status = store->PrepareStatements(); !status.ok()) return status;
  if (auto state = store->State(); !state.ok()) return state.status();
  store->RememberFiles(path);
  return store;
}

}  // namespace sallyport::authsvc
