#include "shared/metrics/sheet.h"

#include <limits>

#include "shared/metrics/sheet_cells.h"

namespace sallyport::metrics {
namespace {

std::string Join(std::initializer_list<absl::string_view> labels) {
  std::string key;
  for (absl::string_view label : labels) {
    key.append(label.data(), label.size());
    key.push_back(kLabelSeparator);
  }
  return key;
}

std::string JoinOthers(size_t labels) {
  std::string key;
  for (size_t i = 0; i < labels; ++i) {
    key.append("other");
    key.push_back(kLabelSeparator);
  }
  return key;
}

template <typename Series>
auto* Find(base::Mutex* mutex, Series* series, std::string key, size_t labels) {
  auto found = series->find(key);
  if (found != series->end()) return found->second.get();
  base::MutexLock lock(mutex);
  if (series->size() >= Sheet::kMaxSeries) key = JoinOthers(labels);
  auto& slot = (*series)[key];
  if (slot == nullptr) slot = std::make_unique<typename std::remove_reference_t<decltype(*slot)>>();
  return slot.get();
}

}  // namespace

const double Histogram::kBounds[Histogram::kBuckets] = {
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
    0.005,   0.01,   0.025,   0.05,   0.1,   0.25,
    0.5,     1,      2.5,     5,      10,    std::numeric_limits<double>::infinity()};

void Histogram::Observe(absl::Duration time) {
  const int64_t ns = absl::ToInt64Nanoseconds(time);
  const double seconds = static_cast<double>(ns) / 1e9;
  int bucket = 0;
  while (bucket < kBuckets - 1 && seconds > kBounds[bucket]) ++bucket;
  buckets_[bucket].Add(1);
  sum_.Add(ns);
}

Sheet::Sheet() : impl_(std::make_unique<Impl>()) {}
Sheet::~Sheet() = default;

Cell* Sheet::Counter(Id id, std::initializer_list<absl::string_view> labels) {
  return Find(&impl_->mutex, &impl_->cells[static_cast<size_t>(id)], Join(labels), labels.size());
}

Cell* Sheet::Gauge(Id id, std::initializer_list<absl::string_view> labels) {
  return Counter(id, labels);
}

Histogram* Sheet::Times(Id id, std::initializer_list<absl::string_view> labels) {
  return Find(&impl_->mutex, &impl_->times[static_cast<size_t>(id)], Join(labels), labels.size());
}

}  // namespace sallyport::metrics
