// What `apply` and `import` share: sending documents and showing what became of each.
#pragma once

#include "authsvc/ctl/args.h"
#include "authsvc/ctl/session.h"
#include "sallyport/v1/admin.pb.h"

namespace sallyport::authsvc::ctl {

// Fills what the flags say beside the documents; sends, prints by --output; the exit code.
[[nodiscard]] int Submit(Session& session, const Args& args, ::sallyport::v1::ApplyRequest request);

}  // namespace sallyport::authsvc::ctl
