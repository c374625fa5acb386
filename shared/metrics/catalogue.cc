#include "shared/metrics/catalogue.h"

#include <cstddef>

namespace sallyport::metrics {

const Description& Describe(Id id) {
  using enum Kind;
  static constexpr Description kAll[] = {
#define X(enumerator, name, kind, labels, help) {name, kind, labels, help},
      SALLYPORT_METRICS(X)
#undef X
  };
  return kAll[static_cast<size_t>(id)];
}

}  // namespace sallyport::metrics
