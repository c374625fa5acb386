// What an apply would change, for people. Private to this folder.
#pragma once

#include <string>

#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc::admin {

// Lines "- field: value" of what goes and "+ field: value" of what comes, at most a hundred; empty
// where nothing that may be shown differs.
[[nodiscard]] std::string DiffText(const sallyport::v1::Resource& before,
                                   const sallyport::v1::Resource& after);

}  // namespace sallyport::authsvc::admin
