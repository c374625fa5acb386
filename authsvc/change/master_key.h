// The master key file: what seals private keys in the store.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::crypto {
class Sealer;
}

namespace sallyport::authsvc {

// NotFound: it cannot be read; FailedPrecondition: others can read it; InvalidArgument: it holds no
// keys. Each says what to do, and never what the file holds.
[[nodiscard]] absl::StatusOr<std::unique_ptr<const crypto::Sealer>> ReadMasterKey(
    const std::string& path);

// A whole file; `setting` is for the error.
[[nodiscard]] absl::StatusOr<std::string> ReadSettingFile(const std::string& path,
                                                          absl::string_view setting);

}  // namespace sallyport::authsvc
