#include "authsvc/store/sqlite_sealed.h"

#include "absl/strings/str_cat.h"

namespace sallyport::authsvc {

absl::Status SqliteSealed::Prepare(SqliteDb* db) {
  auto read = db->Prepare("SELECT version, body FROM sealed WHERE name = ?1");
  if (!read.ok()) return read.status();
  auto put = db->Prepare(
      "INSERT INTO sealed (name, version, body) VALUES (?1, ?2, ?3) "
      "ON CONFLICT (name) DO UPDATE SET version = ?2, body = ?3");
  if (!put.ok()) return put.status();
  read_ = *std::move(read);
  put_ = *std::move(put);
  return absl::OkStatus();
}

absl::StatusOr<SealedRecord> SqliteSealed::Read(absl::string_view name) {
  const auto row = read_.BindText(1, name).Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::NotFoundError(absl::StrCat("sealed record ", name, " not found"));
  SealedRecord record{static_cast<uint64_t>(read_.Int(0)), std::string(read_.Bytes(1))};
  read_.Reset();
  return record;
}

absl::StatusOr<uint64_t> SqliteSealed::Swap(absl::string_view name, uint64_t expected,
                                            absl::string_view body) {
  const auto current = Read(name);
  if (!current.ok() && !absl::IsNotFound(current.status())) return current.status();
  const uint64_t version = current.ok() ? current->version : 0;
  if (version != expected) {
    return absl::AbortedError(
        absl::StrCat("sealed record ", name, " has version ", version, ", not ", expected));
  }
  put_.BindText(1, name).Bind(2, static_cast<int64_t>(version + 1)).BindBlob(3, body);
  if (auto status = put_.Run(); !status.ok()) return status;
  return version + 1;
}

}  // namespace sallyport::authsvc
