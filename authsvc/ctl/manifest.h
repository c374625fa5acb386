// What `sallyctl apply` does to a file before it is sent: file paths that stand where Tyk takes the
// id of a certificate are read here, relative to the file that names them, since an id that comes
// by the network is never a path (DESIGN 10); and objects of APISIX, as `get` prints them, are told
// from other documents.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::authsvc::ctl {

struct ApisixObject {
  std::string name;  // "routes/1"
  std::string json;
};

struct Manifest {
  std::string content;  // as it was unless it named files
  std::vector<ApisixObject> apisix;
  bool others = false;                    // documents that are no objects of APISIX
  std::vector<std::string> private_keys;  // files whose private key is in `content`
};

struct ManifestOptions {
  std::string as;                       // the dialect that was said, or empty
  std::vector<std::string> files_from;  // more directories that files may be read from
};

// `path`: of the file, "-" is standard input and relative to the working directory. What cannot be
// read as documents is left to authsvc to complain of. Files are read from the
// directory of the manifest and below, or `files_from`.
// Where a certificate alone is wanted, a private key in its file stays here. InvalidArgument names
// the place and the file.
[[nodiscard]] absl::StatusOr<Manifest> ReadManifest(const std::string& path, std::string content,
                                                    const ManifestOptions& options = {});

}  // namespace sallyport::authsvc::ctl
