// Parts of --check-config: whether certificate files of a service can be used. Each answer is a
// sentence that names setting and file and says what to do, never what a file holds. Files are only
// read. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sallyport::crypto {

// A chain, leaf first, and its leaf's private key: there, readable, belonging together, in their
// time.
[[nodiscard]] std::vector<std::string> PairProblems(absl::string_view setting,
                                                    const std::string& certificate_file,
                                                    const std::string& key_file, absl::Time now);
// Certificates of CAs, one of them at least in its time.
[[nodiscard]] std::vector<std::string> AuthorityProblems(absl::string_view setting,
                                                         const std::string& file, absl::Time now);

}  // namespace sallyport::crypto
