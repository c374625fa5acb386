#include "shared/base/request_id.h"

#include "absl/strings/ascii.h"

namespace sallyport::base {

bool IsRequestId(absl::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  for (const char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_' && c != '.') {
      return false;
    }
  }
  return true;
}

}  // namespace sallyport::base
