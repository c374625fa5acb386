// Adds the sheets up and renders them.
#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/str_split.h"
#include "prometheus/metric_family.h"
#include "prometheus/text_serializer.h"
#include "shared/base/mutex.h"
#include "shared/metrics/sheet_cells.h"

namespace sallyport::metrics {
namespace {

using Labels = std::vector<std::string>;

struct Totals {
  std::array<int64_t, Histogram::kBuckets> buckets{};
  int64_t sum_ns = 0;
};
// One metric over all sheets, by label values.
struct Summed {
  std::map<Labels, double> numbers;
  std::map<Labels, Totals> times;
};

Labels SplitKey(absl::string_view key) {
  Labels labels = absl::StrSplit(key, kLabelSeparator);
  labels.pop_back();  // what follows the last separator
  return labels;
}

std::vector<std::string> LabelNames(const Description& description) {
  if (description.labels.empty()) return {};
  return absl::StrSplit(description.labels, ',');
}

// Position of the label "api", or -1.
int ApiLabel(const Description& description) {
  const std::vector<std::string> names = LabelNames(description);
  const auto at = std::find(names.begin(), names.end(), "api");
  return at == names.end() ? -1 : static_cast<int>(at - names.begin());
}

void FillHistogram(const Totals& totals, prometheus::ClientMetric* metric) {
  uint64_t count = 0;
  for (int i = 0; i < Histogram::kBuckets; ++i) {
    count += static_cast<uint64_t>(totals.buckets[static_cast<size_t>(i)]);
    metric->histogram.bucket.push_back({count, Histogram::kBounds[i]});
  }
  metric->histogram.sample_count = count;
  metric->histogram.sample_sum = static_cast<double>(totals.sum_ns) / 1e9;
}

prometheus::ClientMetric MetricFor(const std::vector<std::string>& names, const Labels& values) {
  prometheus::ClientMetric metric;
  for (size_t i = 0; i < names.size() && i < values.size(); ++i)
    metric.label.push_back({names[i], values[i]});
  return metric;
}

}  // namespace

struct Book::Impl {
  struct Callback {
    Id id;
    std::function<std::vector<Sample>()> read;
  };

  std::array<Summed, kMetrics> Sum() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void ChooseApis(const Summed& requests) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  Summed Bounded(Id id, Summed summed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  base::Mutex mutex;
  std::vector<std::unique_ptr<Sheet>> sheets ABSL_GUARDED_BY(mutex);
  std::vector<Callback> callbacks ABSL_GUARDED_BY(mutex);
  std::unique_ptr<Sheet> shared ABSL_GUARDED_BY(mutex);  // what Add writes
  // APIs that have a name of their own. One that was chosen stays, so that its series goes on,
  // until it is far from busy and others wait.
  std::set<std::string> named ABSL_GUARDED_BY(mutex);
};

std::array<Summed, kMetrics> Book::Impl::Sum() {
  std::array<Summed, kMetrics> out;
  const auto add = [&](Sheet::Impl& sheet) {
    base::MutexLock lock(&sheet.mutex);
    for (size_t id = 0; id < kMetrics; ++id) {
      for (const auto& [key, cell] : sheet.cells[id]) {
        out[id].numbers[SplitKey(key)] += static_cast<double>(cell->Get());
      }
      for (const auto& [key, histogram] : sheet.times[id]) {
        Totals& totals = out[id].times[SplitKey(key)];
        for (int i = 0; i < Histogram::kBuckets; ++i) {
          totals.buckets[static_cast<size_t>(i)] += histogram->Bucket(i);
        }
        totals.sum_ns += histogram->SumNanoseconds();
      }
    }
  };
  for (const auto& sheet : sheets) add(*sheet->impl_);
  add(*shared->impl_);
  return out;
}

void Book::Impl::ChooseApis(const Summed& requests) {
  std::map<std::string, double> totals;
  const int at = ApiLabel(Describe(Id::kRequests));
  for (const auto& [labels, value] : requests.numbers)
    totals[labels[static_cast<size_t>(at)]] += value;
  std::vector<std::pair<double, std::string>> ranked;
  for (const auto& [api, total] : totals) ranked.emplace_back(-total, api);
  std::sort(ranked.begin(), ranked.end());
  if (ranked.size() > 2 * kMaxApis) {
    for (size_t i = 2 * kMaxApis; i < ranked.size(); ++i) named.erase(ranked[i].second);
  }
  for (const auto& [total, api] : ranked) {
    if (named.size() >= kMaxApis) break;
    named.insert(api);
  }
}

Summed Book::Impl::Bounded(Id id, Summed summed) {
  const int at = ApiLabel(Describe(id));
  if (at < 0) return summed;
  Summed out;
  const auto bounded = [&](Labels labels) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::string& api = labels[static_cast<size_t>(at)];
    // An API that never had a request (an insecure setting, say) keeps its name while there is
    // room.
    if (named.count(api) == 0 && named.size() >= kMaxApis) api = "other";
    return labels;
  };
  for (auto& [labels, value] : summed.numbers) out.numbers[bounded(labels)] += value;
  for (auto& [labels, totals] : summed.times) {
    Totals& to = out.times[bounded(labels)];
    for (size_t i = 0; i < to.buckets.size(); ++i) to.buckets[i] += totals.buckets[i];
    to.sum_ns += totals.sum_ns;
  }
  return out;
}

namespace {

prometheus::MetricFamily FamilyFor(Id id, const Summed& summed) {
  const Description& description = Describe(id);
  prometheus::MetricFamily family;
  family.name = std::string(description.name);
  family.help = std::string(description.help);
  const std::vector<std::string> names = LabelNames(description);
  switch (description.kind) {
    case Kind::kCounter: family.type = prometheus::MetricType::Counter; break;
    case Kind::kGauge: family.type = prometheus::MetricType::Gauge; break;
    case Kind::kTimes: family.type = prometheus::MetricType::Histogram; break;
  }
  for (const auto& [labels, value] : summed.numbers) {
    prometheus::ClientMetric metric = MetricFor(names, labels);
    (description.kind == Kind::kCounter ? metric.counter.value : metric.gauge.value) = value;
    family.metric.push_back(std::move(metric));
  }
  for (const auto& [labels, totals] : summed.times) {
    prometheus::ClientMetric metric = MetricFor(names, labels);
    FillHistogram(totals, &metric);
    family.metric.push_back(std::move(metric));
  }
  return family;
}

}  // namespace

Book::Book() : impl_(std::make_unique<Impl>()) {
  base::MutexLock lock(&impl_->mutex);
  impl_->shared.reset(new Sheet);
}
Book::~Book() = default;

Sheet* Book::NewSheet() {
  base::MutexLock lock(&impl_->mutex);
  impl_->sheets.emplace_back(new Sheet);
  return impl_->sheets.back().get();
}

void Book::OnScrape(Id id, std::function<std::vector<Sample>()> read) {
  base::MutexLock lock(&impl_->mutex);
  impl_->callbacks.push_back({id, std::move(read)});
}

void Book::Add(Id id, std::initializer_list<absl::string_view> labels, int64_t n) {
  base::MutexLock lock(&impl_->mutex);
  impl_->shared->Counter(id, labels)->Add(n);
}

std::string Book::Render() {
  std::vector<Impl::Callback> callbacks;
  {
    base::MutexLock lock(&impl_->mutex);
    callbacks = impl_->callbacks;
  }
  // Outside the lock: they may take locks of their own, and may add here.
  std::vector<std::pair<Id, std::vector<Sample>>> read;
  for (const auto& callback : callbacks) read.emplace_back(callback.id, callback.read());

  base::MutexLock lock(&impl_->mutex);
  std::array<Summed, kMetrics> summed = impl_->Sum();
  for (auto& [id, samples] : read) {
    auto& numbers = summed[static_cast<size_t>(id)].numbers;
    for (Sample& sample : samples) numbers[std::move(sample.labels)] += sample.value;
  }
  impl_->ChooseApis(summed[static_cast<size_t>(Id::kRequests)]);
  std::vector<prometheus::MetricFamily> families;
  for (size_t id = 0; id < kMetrics; ++id) {
    Summed& one = summed[id];
    if (one.numbers.empty() && one.times.empty()) continue;
    families.push_back(
        FamilyFor(static_cast<Id>(id), impl_->Bounded(static_cast<Id>(id), std::move(one))));
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return out.str();
}

}  // namespace sallyport::metrics
