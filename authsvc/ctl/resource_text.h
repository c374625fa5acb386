// Resources as people and scripts see them.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc::ctl {

// "certs", "cert", "certificate" -> "Certificate"; nothing: no such kind.
[[nodiscard]] std::optional<std::string> KindOfWord(absl::string_view word);
[[nodiscard]] std::string KindWords();  // for messages

[[nodiscard]] std::vector<std::string> HeadOf(absl::string_view kind);
[[nodiscard]] std::vector<std::string> RowOf(const ::sallyport::v1::Resource& resource);

// `format`: "", "table", "json", "yaml". `one`: a single document instead of a list. `original`:
// what came as a document of a dialect is printed as that, as YAML where no format is named.
void PrintResources(std::ostream& out, absl::string_view kind,
                    const std::vector<::sallyport::v1::Resource>& resources,
                    absl::string_view format, bool one, bool original);

}  // namespace sallyport::authsvc::ctl
