#include "authsvc/admin/apk_stored.h"

#include "authsvc/change/writer.h"

namespace sallyport::authsvc::admin {
namespace {

constexpr absl::string_view kObjects = "apk/";

std::vector<v1::Resource> StoredObjects(const Writer& writer, absl::string_view org_id) {
  std::vector<v1::Resource> objects;
  const SnapshotPtr snapshot = writer.snapshot();
  snapshot->ForEachDialectObject(org_id, kObjects, [&](const DialectObjectEntry& entry) {
    v1::Resource& resource = objects.emplace_back();
    if (!snapshot->ToResource(Kind::kDialectObject, entry.object.id(), &resource))
      objects.pop_back();
    return true;
  });
  return objects;
}

}  // namespace

void ReadApkFrom(Writer* writer, dialects::ConvertOptions* options) {
  options->apk_stored = [writer, org_id = options->org_id] {
    return StoredObjects(*writer, org_id);
  };
  options->stored_api = [writer](const std::string& id) -> std::optional<v1::Resource> {
    auto resource = writer->ReadResource(Kind::kApi, id);
    if (!resource.ok()) return std::nullopt;
    return *std::move(resource);
  };
}

}  // namespace sallyport::authsvc::admin
