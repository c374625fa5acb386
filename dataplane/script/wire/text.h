// Text as it stands in messages (UTF-8) and as the JavaScript engine holds it: CESU-8, where a
// character beyond U+FFFF is a pair of surrogates of three bytes each. Bytes that are neither
// become U+FFFD; among other things the engine would take them for its own symbols. Pure.
#pragma once

#include <string>
#include <string_view>

namespace sallyport::script {

[[nodiscard]] std::string ToEngine(std::string_view utf8);
// A surrogate without its other half becomes U+FFFD.
[[nodiscard]] std::string FromEngine(std::string_view cesu8);

}  // namespace sallyport::script
