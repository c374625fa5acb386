#include "dataplane/exchange/request_id.h"

#include <cstring>

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

}  // namespace sallyport::dataplane
