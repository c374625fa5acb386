#include "authsvc/store/file_identity.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::authsvc {

FileIdentity::FileIdentity(std::string path) : path_(std::move(path)) {
  struct stat facts{};
  if (stat(path_.c_str(), &facts) != 0) return;  // then nothing is it
  device_ = facts.st_dev;
  number_ = facts.st_ino;
}

absl::Status FileIdentity::Check() const {
  struct stat facts{};
  if (stat(path_.c_str(), &facts) == 0 && facts.st_dev == device_ && facts.st_ino == number_)
    return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "store: ", path_,
      " was removed or replaced; put it back, or restart authsvc to use what is there"));
}

}  // namespace sallyport::authsvc
