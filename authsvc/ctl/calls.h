// Calls that several commands make.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "authsvc/ctl/client.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc::ctl {

// All pages.
[[nodiscard]] absl::StatusOr<std::vector<::sallyport::v1::Resource>> ListAll(
    Client& client, const std::string& kind, const std::string& org);
[[nodiscard]] absl::StatusOr<::sallyport::v1::Resource> GetOne(Client& client,
                                                               const std::string& kind,
                                                               const std::string& id,
                                                               bool with_document = false);

}  // namespace sallyport::authsvc::ctl
