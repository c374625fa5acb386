#include "dataplane/exchange/request_id.h"

#include <cstring>

#include "absl/strings/ascii.h"
#include "shared/crypto/random.h"

namespace sallyport::dataplane {

RequestIds::RequestIds() : prefix_(crypto::RandomHex(10)), counter_(0) {
  const std::string start = crypto::RandomBytes(sizeof(counter_));
  std::memcpy(&counter_, start.data(), sizeof(counter_));
}

void RequestIds::Next(std::string* id) {
  constexpr char kDigits[] = "0123456789abcdef";
  constexpr int kCounterDigits = 12;
  const uint64_t value = counter_++;
  id->assign(prefix_);
  for (int i = kCounterDigits - 1; i >= 0; --i) id->push_back(kDigits[value >> (4 * i) & 0xf]);
}

bool IsRequestId(absl::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  for (const char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_' && c != '.') {
      return false;
    }
  }
  return true;
}

}  // namespace sallyport::dataplane
