// Small conversions that both convert*.cc files need. Private to dataplane/sync.
#pragma once

#include <string>
#include <vector>

namespace sallyport::dataplane {

template <typename Repeated>
std::vector<std::string> List(const Repeated& wire) {
  return std::vector<std::string>(wire.begin(), wire.end());
}

}  // namespace sallyport::dataplane
