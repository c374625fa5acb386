#include "authsvc/change/writer.h"

#include <optional>

#include "authsvc/change/store_writer.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {

absl::string_view OutcomeName(MutationResult::Outcome outcome) {
  switch (outcome) {
    case MutationResult::Outcome::kCreated: return "created";
    case MutationResult::Outcome::kUpdated: return "updated";
    case MutationResult::Outcome::kUnchanged: return "unchanged";
    case MutationResult::Outcome::kDeleted: return "deleted";
    case MutationResult::Outcome::kPruned: return "pruned";
  }
  return "unchanged";
}

std::vector<std::string> WriteResult::AllWarnings() const {
  std::vector<std::string> all;
  for (const auto& result : results) {
    all.insert(all.end(), result.warnings.begin(), result.warnings.end());
  }
  return all;
}

absl::StatusOr<std::unique_ptr<Writer>> Writer::Start(Store* store, const Options& options) {
  auto writer = std::make_unique<StoreWriter>(store, options);
  if (auto status = writer->Begin(); !status.ok()) return status;
  return writer;
}

absl::StatusOr<WriteResult> Writer::Run(Write write) {
  base::Mutex mutex;
  base::CondVar done;
  std::optional<absl::StatusOr<WriteResult>> answer;
  Submit(std::move(write), [&](absl::StatusOr<WriteResult> result) {
    base::MutexLock lock(&mutex);
    answer = std::move(result);
    done.Signal();
  });
  base::MutexLock lock(&mutex);
  while (!answer) done.Wait(&mutex);
  return *std::move(answer);
}

}  // namespace sallyport::authsvc
