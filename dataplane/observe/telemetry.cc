#include "dataplane/observe/telemetry.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kRecordBytes = 96;  // numbers, and what the wire adds to texts

size_t BytesOf(const RefusalRecord& record) {
  size_t bytes = kRecordBytes + record.request_id.size() + 2 * record.api_id.size() +
                 record.method.size() + record.path.size() + record.host.size() +
                 record.client_address.size() + record.detail.size() +
                 record.question.profile.size() + record.question.proxy.size() +
                 record.question.request_id.size();
  for (const std::string& der : record.question.chain_der) bytes += der.size() + 8;
  return bytes + 64 * record.question.credentials.size();
}
size_t BytesOf(const HandshakeFailureRecord& record) {
  size_t bytes = kRecordBytes + record.sni.size() + record.alert.size() + record.label.size() +
                 record.listener.size() + record.client_address.size();
  if (!record.presented.has_value()) return bytes;
  const CertificateFacts& facts = *record.presented;
  return bytes + facts.fingerprint.size() + facts.subject.size() + facts.issuer.size() +
         facts.serial.size();
}
size_t BytesOf(const PinRecord& record) {
  return kRecordBytes + record.host.size() + record.spki_sha256.size();
}

// What one loop has collected since the last batch.
struct Collected {
  base::Mutex mutex;
  std::vector<RefusalRecord> refusals ABSL_GUARDED_BY(mutex);
  std::vector<HandshakeFailureRecord> handshakes ABSL_GUARDED_BY(mutex);
  absl::flat_hash_map<std::string, UseRecord> uses ABSL_GUARDED_BY(mutex);
  std::vector<PinRecord> pins ABSL_GUARDED_BY(mutex);
  uint64_t lost ABSL_GUARDED_BY(mutex) = 0;
  size_t bytes ABSL_GUARDED_BY(mutex) = 0, use_bytes ABSL_GUARDED_BY(mutex) = 0;
};

}  // namespace

struct TelemetryReporter::Impl {
  Impl(Options opts, TelemetrySink* to, const base::Clock* clk, int loops)
      : options(opts), sink(to), clock(clk), collected(static_cast<size_t>(std::max(loops, 1))) {
    for (auto& one : collected) one = std::make_unique<Collected>();
    half_of_loop = options.max_bytes / 2 / collected.size();
  }

  Collected& Of(int loop) { return *collected[static_cast<size_t>(loop) % collected.size()]; }

  template <typename Record>
  void Keep(Record record, size_t most, std::vector<Record>* records, Collected& one)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(one.mutex) {
    const size_t bytes = BytesOf(record);
    if (records->size() >= most || one.bytes + bytes > half_of_loop) return Lose(one);
    one.bytes += bytes;
    records->push_back(std::move(record));
  }
  void Lose(Collected& one) ABSL_EXCLUSIVE_LOCKS_REQUIRED(one.mutex) {
    ++one.lost;
    lost.fetch_add(1, std::memory_order_relaxed);
  }

  TelemetryBatch Collect() {
    TelemetryBatch batch;
    for (auto& one : collected) {
      base::MutexLock lock(&one->mutex);
      const auto take = [](auto* from, auto* to) {
        std::move(from->begin(), from->end(), std::back_inserter(*to));
        from->clear();
      };
      take(&one->refusals, &batch.refusals);
      take(&one->handshakes, &batch.handshakes);
      take(&one->pins, &batch.pins);
      for (auto& [key, use] : one->uses) batch.uses.push_back(std::move(use));
      one->uses.clear();
      one->bytes = one->use_bytes = 0;
      batch.lost += std::exchange(one->lost, 0);
    }
    return batch;
  }

  static bool Empty(const TelemetryBatch& batch) { return batch.records() == 0 && batch.lost == 0; }

  void Send() {
    const LostTelemetry on_the_way = sink->TakeLost();
    lost.fetch_add(on_the_way.records, std::memory_order_relaxed);
    unreported += on_the_way.records + on_the_way.told;
    TelemetryBatch batch = Collect();
    batch.lost += unreported;
    if (Empty(batch) || sink->Report(batch)) {
      unreported = 0;
      return;
    }
    // Not taken: it is gone, and the next one says how much that was.
    const uint64_t gone = batch.records();
    unreported = batch.lost + gone;
    lost.fetch_add(gone, std::memory_order_relaxed);
  }

  void Run() {
    base::MutexLock lock(&mutex);
    while (!stopping) {
      wake.WaitWithTimeout(&mutex, options.interval);
      mutex.Unlock();
      Send();
      mutex.Lock();
    }
  }

  const Options options;
  TelemetrySink* const sink;
  const base::Clock* const clock;
  std::vector<std::unique_ptr<Collected>> collected;
  size_t half_of_loop = 0;  // bytes
  uint64_t unreported = 0;  // of the sending thread
  std::atomic<uint64_t> lost{0};

  base::Mutex mutex;
  base::CondVar wake;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  std::thread thread;
};

TelemetryReporter::TelemetryReporter(Options options, TelemetrySink* sink, const base::Clock* clock,
                                     int loops, bool start_thread)
    : impl_(std::make_unique<Impl>(options, sink, clock, loops)) {
  if (start_thread) impl_->thread = std::thread([impl = impl_.get()] { impl->Run(); });
}

TelemetryReporter::~TelemetryReporter() {
  {
    base::MutexLock lock(&impl_->mutex);
    impl_->stopping = true;
    impl_->wake.SignalAll();
  }
  if (impl_->thread.joinable()) impl_->thread.join();
}

void TelemetryReporter::Refused(int loop, RefusalRecord record) {
  Collected& one = impl_->Of(loop);
  base::MutexLock lock(&one.mutex);
  impl_->Keep(std::move(record), impl_->options.max_refusals, &one.refusals, one);
}

void TelemetryReporter::HandshakeFailed(int loop, HandshakeFailureRecord record) {
  Collected& one = impl_->Of(loop);
  base::MutexLock lock(&one.mutex);
  impl_->Keep(std::move(record), impl_->options.max_handshakes, &one.handshakes, one);
}

void TelemetryReporter::PinObserved(int loop, PinRecord record) {
  Collected& one = impl_->Of(loop);
  base::MutexLock lock(&one.mutex);
  impl_->Keep(std::move(record), impl_->options.max_pins, &one.pins, one);
}

void TelemetryReporter::Used(int loop, absl::string_view key_id, absl::string_view leaf_sha256,
                             absl::string_view api_id, bool allowed, const UseOfQuota& quota) {
  thread_local std::string key;  // found without allocation: this runs for every request
  key.clear();
  absl::StrAppend(&key, key_id, "\x1f", leaf_sha256, "\x1f", api_id);
  Collected& one = impl_->Of(loop);
  base::MutexLock lock(&one.mutex);
  auto found = one.uses.find(key);
  if (found == one.uses.end()) {
    const size_t bytes = kRecordBytes + key.size();
    if (one.uses.size() >= impl_->options.max_uses || one.use_bytes + bytes > impl_->half_of_loop) {
      return impl_->Lose(one);
    }
    one.use_bytes += bytes;
    UseRecord record{
        std::string(key_id), std::string(leaf_sha256), std::string(api_id), 0, 0, {}, {}};
    found = one.uses.emplace(key, std::move(record)).first;
  }
  ++(allowed ? found->second.allowed : found->second.refused);
  found->second.last = impl_->clock->Now();
  if (quota.used > 0) found->second.quota = quota;
}

void TelemetryReporter::SendNow() { impl_->Send(); }
uint64_t TelemetryReporter::lost() const { return impl_->lost.load(std::memory_order_relaxed); }

}  // namespace sallyport::dataplane
