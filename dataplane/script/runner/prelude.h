// What a script finds beside the language itself, written in JavaScript over the engine's few
// native functions (engine.cc). Nothing here is a defence: whatever a script makes of it, it is in
// a process that has nothing.
#pragma once

namespace sallyport::script {

// An expression: function (native) -> function (f, request, session, config, file) that calls f
// and hands over its answer.
extern const char kPrelude[];

}  // namespace sallyport::script
