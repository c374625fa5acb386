// The dialect's objects of one snapshot, with those of a write that is being made over them.
// Private to this folder; not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "authsvc/dialects/apisix/objects.h"
#include "authsvc/snapshot/snapshot.h"

namespace sallyport::authsvc::apisix {

namespace dialect = dialects::apisix;
using dialect::Json;

class StoredObjects final : public dialect::Objects {
 public:
  explicit StoredObjects(SnapshotPtr snapshot)
      : snapshot_(std::move(snapshot)),
        trusted_(snapshot_->FindTrustBundle(dialect::kTrusted) != nullptr) {}

  [[nodiscard]] dialect::Object Find(absl::string_view collection,
                                     absl::string_view id) const override;
  void ForEachStored(
      absl::string_view collection,
      absl::FunctionRef<void(absl::string_view id, const v1::DialectObject&)> visit) const override;
  void ForEach(
      absl::string_view collection,
      absl::FunctionRef<void(absl::string_view id, const dialect::Object&)> visit) const override;

  [[nodiscard]] bool HasTrusted() const override { return trusted_; }
  void set_trusted(bool trusted) { trusted_ = trusted; }

  void Put(v1::DialectObject object);
  void Remove(absl::string_view collection, absl::string_view id);

 private:
  struct Held {
    std::unique_ptr<v1::DialectObject> own;  // of the write
    const v1::DialectObject* object = nullptr;
    Json document;
  };
  const Held* Hold(const v1::DialectObject& object) const;

  const SnapshotPtr snapshot_;
  bool trusted_;                                        // as it will be once the write is done
  std::map<std::string, std::optional<Held>> written_;  // by stored id; none: removed
  mutable std::map<std::string, Held> read_;
};

}  // namespace sallyport::authsvc::apisix
