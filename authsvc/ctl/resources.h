// Showing and deleting, as the commands of every kind do it.
#pragma once

#include <string>
#include <vector>

#include "authsvc/ctl/args.h"
#include "authsvc/ctl/session.h"

namespace sallyport::authsvc::ctl {

// An empty id lists all. Exit code.
int ShowResources(Session& session, const Args& args, const std::string& kind,
                  const std::string& id);
int DeleteResources(Session& session, const std::string& kind, const std::vector<std::string>& ids,
                    bool force);

}  // namespace sallyport::authsvc::ctl
