// The version of this build, the same for all programs.
#pragma once

namespace sallyport::base {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace sallyport::base
