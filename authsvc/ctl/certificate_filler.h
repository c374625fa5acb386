// Files that a document names where certificates stand (certificate_places.h), and nowhere else:
// their content takes the place of the path, since an id that comes by the network is never a path
// (DESIGN 10). Of `apply` and `import tyk`.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "authsvc/dialects/node.h"

namespace sallyport::authsvc::ctl {

struct FillOptions {
  std::string directory;                // what paths are relative to; read from, with what is below
  std::string as;                       // the dialect that was said, or empty
  std::vector<std::string> files_from;  // more directories that files may be read from
  // Where the file is that a document names; null: at that path. Opens no more directories.
  std::function<std::string(const std::string&)> locate;
  bool others_find_missing = false;  // a path that leads nowhere stays, for authsvc to refuse
};

// True: something was filled in. A private key that is not used at its place stays here; files of
// those that are taken come to `private_keys`. InvalidArgument names the place and the file.
[[nodiscard]] absl::StatusOr<bool> FillCertificates(const FillOptions& options,
                                                    dialects::Node* document,
                                                    std::vector<std::string>* private_keys);

}  // namespace sallyport::authsvc::ctl
