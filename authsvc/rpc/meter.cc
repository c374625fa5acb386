#include "authsvc/rpc/meter.h"

#include <functional>
#include <thread>

#include "absl/container/flat_hash_map.h"
#include "shared/metrics/sheet.h"

namespace sallyport::authsvc {
namespace {

constexpr std::array<absl::string_view, 17> kCodes = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

absl::string_view CodeName(int code) {
  return code >= 0 && code < static_cast<int>(kCodes.size()) ? kCodes[static_cast<size_t>(code)]
                                                             : "UNKNOWN";
}

}  // namespace

struct RpcMeter::Slot {
  struct Method {
    metrics::Histogram* seconds = nullptr;
    std::array<metrics::Cell*, kCodes.size()> codes{};
  };
  base::Mutex mutex;
  metrics::Sheet* sheet ABSL_GUARDED_BY(mutex) = nullptr;
  absl::flat_hash_map<std::string, Method> methods ABSL_GUARDED_BY(mutex);
};

RpcMeter::RpcMeter(metrics::Book* book) {
  for (auto& slot : slots_) {
    slot = std::make_unique<Slot>();
    const base::MutexLock lock(&slot->mutex);
    slot->sheet = book->NewSheet();
  }
}

RpcMeter::~RpcMeter() = default;

RpcMeter::Slot& RpcMeter::Mine() {
  thread_local const size_t mine = std::hash<std::thread::id>{}(std::this_thread::get_id());
  return *slots_[mine % slots_.size()];
}

void RpcMeter::Call(absl::string_view method, int code, absl::Duration took) {
  Slot& slot = Mine();
  const base::MutexLock lock(&slot.mutex);
  Slot::Method& entry = slot.methods[method];
  if (entry.seconds == nullptr)
    entry.seconds = slot.sheet->Times(metrics::Id::kRpcSeconds, {method});
  metrics::Cell*& cell =
      entry.codes[code >= 0 && code < static_cast<int>(kCodes.size()) ? static_cast<size_t>(code)
                                                                      : 2];
  if (cell == nullptr) cell = slot.sheet->Counter(metrics::Id::kRpcs, {method, CodeName(code)});
  cell->Add(1);
  entry.seconds->Observe(took);
}

void RpcMeter::Decision(absl::string_view api_id, absl::string_view reason) {
  Slot& slot = Mine();
  const base::MutexLock lock(&slot.mutex);
  slot.sheet->Counter(metrics::Id::kDecisions, {api_id, reason})->Add(1);
}

}  // namespace sallyport::authsvc
