// What APISIX has in etcd, as people get it out: `etcdctl get --prefix /apisix -w json`, the same
// as plain lines, or answers of the Admin API. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::authsvc::ctl {

struct DumpedObject {
  std::string name;  // "routes/1", what stands behind the prefix
  std::string json;  // of an object
};

// Objects in the order of the dump; markers of directories are passed over. `prefix` as
// deployment.etcd.prefix, "/apisix" by default; answers of the Admin API always have that one.
// INVALID_ARGUMENT names the place, never a value.
[[nodiscard]] absl::StatusOr<std::vector<DumpedObject>> ReadApisixDump(absl::string_view text,
                                                                       absl::string_view prefix);

}  // namespace sallyport::authsvc::ctl
