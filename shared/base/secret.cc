#include "shared/base/secret.h"

#include <string.h>

namespace sallyport::base {

void Cleanse(std::string* bytes) {
  bytes->resize(bytes->capacity());
  explicit_bzero(bytes->data(), bytes->size());
  bytes->clear();
}

}  // namespace sallyport::base
