// Threads that serve nobody, as writers of logs. Linux.
#pragma once

namespace sallyport::base {

// The calling thread goes on only while no other wants its core, or has a tenth of it (nice 10, of
// the thread alone): on one core with a loop it does not make requests wait for its slice of
// milliseconds. Not for a thread that takes locks which those who serve wait for. Never fails; where
// the system refuses, nothing changes.
void GiveWayToOthers();

}  // namespace sallyport::base
