#include "authsvc/change/settings_check.h"

#include <utility>

#include "authsvc/change/checks.h"
#include "authsvc/snapshot/resource.h"
#include "authsvc/snapshot/snapshot_builder.h"

namespace sallyport::authsvc {

absl::Status CheckSettingsAlone(v1::GatewaySettings settings, absl::Time now) {
  if (settings.id().empty()) settings.set_id(kSettingsId);
  const SnapshotPtr nothing = Snapshot::Empty();
  v1::Resource resource;
  resource.set_id(settings.id());
  *resource.mutable_settings() = settings;
  SnapshotBuilder builder(nothing);
  if (absl::Status status = builder.Put(std::move(resource)); !status.ok()) return status;
  const SnapshotPtr with_them = builder.Finish({}, nullptr);
  Warnings warnings;
  return CheckSettings({*nothing, *with_them, now}, settings, &warnings);
}

}  // namespace sallyport::authsvc
