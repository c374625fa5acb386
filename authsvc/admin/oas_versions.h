// Tyk OAS definitions that name other APIs as their versions: what a write of one of them changes
// of the others. Private to this folder; one per write, not thread-safe.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "authsvc/admin/answers.h"
#include "authsvc/admin/api_write.h"
#include "authsvc/admin/call.h"
#include "authsvc/change/writer.h"
#include "authsvc/dialects/conversion.h"
#include "authsvc/dialects/tyk_oas_versions.h"

namespace sallyport::authsvc::admin {

// The documents of the stored definitions that have versions. Blocks for the store; its errors: a
// base that cannot be read is not one that is not there.
[[nodiscard]] absl::StatusOr<std::vector<dialects::Node>> StoredOasBases(Writer& writer);

class OasFamily {
 public:
  // `call` outlives it. Where it is not ok, the call has to fail.
  explicit OasFamily(const Call& call);
  [[nodiscard]] const absl::Status& status() const { return status_; }

  // The revision of the snapshot that everything was read at, or later. A write is put onto that
  // alone, also where no versions play a part: a base may come in between.
  [[nodiscard]] uint64_t revision() const { return revision_; }
  // The stored definition of a base, or of an API that may become one.
  [[nodiscard]] absl::StatusOr<dialects::Node> Document(const std::string& id) const;
  // The definition that names the API as its version; null: none.
  [[nodiscard]] const dialects::Node* BaseOf(const std::string& id) const;

  // The write puts this definition, or deletes that API.
  void Put(const dialects::Node& document);
  void Remove(const std::string& id);
  // For conversions, once all that the write puts and deletes is told.
  [[nodiscard]] dialects::ConvertOptions Options() const;
  // A stored API that the write changes beside its own, as it is now; it stays in its set. Errors:
  // the store's.
  [[nodiscard]] absl::StatusOr<dialects::Conversion> OfStored(const dialects::Node& document) const;
  // Stored APIs that are versions of another one now, of another place or of none, and that the
  // write does not put or delete itself: made again. Errors: the store's.
  [[nodiscard]] absl::StatusOr<std::vector<dialects::Conversion>> Again() const;
  // Takes an API that the write deletes out of its base, which is left in `base`; none: it has
  // none.
  void Leave(const std::string& id, std::optional<dialects::Node>* base);
  // The base that the write changes, if any, and the versions that it concerns. Errors: the
  // store's.
  [[nodiscard]] absl::Status FillBeside(const std::optional<dialects::Node>& base,
                                        WrittenBeside* beside) const;

 private:
  void Touch(const dialects::Node& base);
  void Forget(const std::string& id);
  [[nodiscard]] dialects::Conversion Made(const dialects::Node& document,
                                          const std::string& set) const;

  const Call& call_;
  const uint64_t revision_;
  absl::Status status_;
  dialects::OasBases bases_;
  std::set<std::string> written_;  // ids
  std::set<std::string> touched_;  // versions of what was written
};

// Of a call for which the store could not be read.
[[nodiscard]] Response StoreFailure(const absl::Status& status);
// The API and those that stand beside it as versions of one base; for others it is alone.
[[nodiscard]] Response OasVersionList(const Call& call, const std::string& id);

// Of any dialect. A version is taken out of its base; those of a base stand alone from then on.
[[nodiscard]] Response DeleteTykApi(const Call& call, const std::string& id);

}  // namespace sallyport::authsvc::admin
