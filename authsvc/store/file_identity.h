// Which file a name meant when it was taken: a process that holds a file open does not notice that
// the file was removed, or that another took its name, and what it then writes no restart would
// find. Immutable.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"

namespace sallyport::authsvc {

class FileIdentity {
 public:
  FileIdentity() = default;
  explicit FileIdentity(std::string path);

  // UNAVAILABLE when the name means nothing now, or another file. One stat.
  [[nodiscard]] absl::Status Check() const;

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t number_ = 0;
};

}  // namespace sallyport::authsvc
