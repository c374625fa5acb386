// Counters, gauges and histograms that cost an addition on the caller's own memory. Each thread
// that counts has a Sheet; a Book owns the sheets, adds them up when it is scraped and renders
// Prometheus text.
//
//   metrics::Book book;                       // one per process
//   metrics::Sheet* sheet = book.NewSheet();  // one per thread
//   sheet->Counter(metrics::Id::kRequests, {api, "ALLOWED", "none"})->Add(1);
//
// A Cell may be kept: it lives as long as the Book. Sheet functions and Cell writes: owner thread
// only; the book's functions: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "shared/metrics/catalogue.h"

namespace sallyport::metrics {

// One number, written by one thread.
class Cell {
 public:
  void Add(int64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void Set(int64_t n) { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] int64_t Get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// Times, in buckets from 50 µs to 10 s.
class Histogram {
 public:
  static constexpr int kBuckets = 18;
  // Upper bounds in seconds; the last is +Inf.
  static const double kBounds[kBuckets];
  void Observe(absl::Duration time);
  [[nodiscard]] int64_t Bucket(int i) const { return buckets_[i].Get(); }  // not cumulated
  [[nodiscard]] int64_t SumNanoseconds() const { return sum_.Get(); }

 private:
  Cell buckets_[kBuckets];
  Cell sum_;
};

class Sheet {
 public:
  ~Sheet();
  // Label values in the order of the catalogue. Never null: past `kMaxSeries` of one metric the
  // values are counted under "other".
  [[nodiscard]] Cell* Counter(Id id, std::initializer_list<absl::string_view> labels = {});
  [[nodiscard]] Cell* Gauge(Id id, std::initializer_list<absl::string_view> labels = {});
  [[nodiscard]] Histogram* Times(Id id, std::initializer_list<absl::string_view> labels = {});

  static constexpr size_t kMaxSeries = 20'000;

 private:
  friend class Book;
  Sheet();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One number that a callback gives at scrape time.
struct Sample {
  std::vector<std::string> labels;
  double value = 0;
};

class Book {
 public:
  Book();
  ~Book();
  Book(const Book&) = delete;
  Book& operator=(const Book&) = delete;

  [[nodiscard]] Sheet* NewSheet();
  // For numbers that live elsewhere (queue lengths, certificate dates). `read` runs on the
  // scraper's thread.
  void OnScrape(Id id, std::function<std::vector<Sample>()> read);
  // For places without a sheet of their own (any thread, one lock): never on a request path.
  void Add(Id id, std::initializer_list<absl::string_view> labels, int64_t n);

  // Prometheus text format 0.0.4. Series with an `api` label: the busiest 1,000 APIs by their own
  // name, the rest added up as "other".
  [[nodiscard]] std::string Render();

  static constexpr size_t kMaxApis = 1'000;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::metrics
