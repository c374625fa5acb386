#include "shared/crypto/random.h"

#include <openssl/rand.h>

#include <cstdlib>

#include "shared/base/secret.h"
#include "shared/base/text.h"

namespace sallyport::crypto {

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  if (count > 0 &&
      RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    std::abort();
  }
  return bytes;
}

std::string RandomHex(size_t count) {
  std::string bytes = RandomBytes(count);
  std::string hex = base::Hex(bytes);
  base::Cleanse(&bytes);
  return hex;
}

}  // namespace sallyport::crypto
