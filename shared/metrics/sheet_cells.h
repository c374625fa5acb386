// The inside of a Sheet. The owner looks up without a lock and inserts with it; the scraper reads
// with it. Private to shared/metrics.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "shared/base/mutex.h"
#include "shared/metrics/sheet.h"

namespace sallyport::metrics {

constexpr size_t kMetrics = static_cast<size_t>(Id::kCount);
constexpr char kLabelSeparator = '\x1f';

struct Sheet::Impl {
  template <typename Thing>
  using Series =
      absl::flat_hash_map<std::string, std::unique_ptr<Thing>>;  // by joined label values

  base::Mutex mutex;
  // Changed by the owner under `mutex`; read by the owner without it, by the book with it.
  std::array<Series<Cell>, kMetrics> cells;
  std::array<Series<Histogram>, kMetrics> times;
};

}  // namespace sallyport::metrics
