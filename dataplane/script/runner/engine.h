// One script, run once, in an engine of its own: nothing of it is left for the next. One thread.
#pragma once

#include "dataplane/script/wire/message.h"

namespace sallyport::script {

// Returns an Answer or a Failure, once the engine is gone. What the script asks for meanwhile goes
// over the channel (channel.h).
[[nodiscard]] FromScript RunOnce(Run run);

}  // namespace sallyport::script
