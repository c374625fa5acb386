// Writer over a Store: one thread takes writes from a queue. Only for this folder.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "authsvc/change/plan.h"
#include "authsvc/change/shared_secrets.h"
#include "authsvc/change/writer.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {

class StoreWriter final : public Writer {
 public:
  StoreWriter(Store* store, const Options& options);
  ~StoreWriter() override;

  [[nodiscard]] absl::Status Begin();

  [[nodiscard]] SnapshotPtr snapshot() const override;
  void Submit(Write write, Completion done) override;
  void Observe(Observer observer) override;
  [[nodiscard]] absl::StatusOr<v1::Resource> ReadResource(Kind kind, absl::string_view id) override;
  [[nodiscard]] absl::StatusOr<base::Secret> OpenProxyPassword(const v1::Api& api) const override;
  [[nodiscard]] absl::StatusOr<base::Secret> OpenLoginHash(const v1::Key& key) const override;
  [[nodiscard]] absl::StatusOr<base::Secret> OpenUpstreamCredential(
      const Snapshot& at, const v1::Api& api) const override;
  [[nodiscard]] absl::StatusOr<base::Secret> OpenHandlerHeader(
      const v1::Api& api, const v1::EventHandler& handler, const std::string& name) const override;
  [[nodiscard]] std::shared_ptr<const jwt::KeySet> OpenSharedSecrets(
      const v1::TokenIssuer& issuer) const override;
  [[nodiscard]] absl::StatusOr<base::Secret> OpenPrivateKey(
      const CertificateEntry& certificate) const override;
  [[nodiscard]] WriterStatus status() const override;
  [[nodiscard]] const base::Clock& clock() const override { return *options_.clock; }

 private:
  struct Job {
    Write write;
    Completion done;
  };

  // --- writer thread
  void Work();
  bool NextJob(Job* job, bool* has_job);  // false: stop
  [[nodiscard]] absl::StatusOr<WriteResult> Do(const Write& write);
  [[nodiscard]] absl::StatusOr<WriteResult> TryOnce(const Write& write);
  [[nodiscard]] absl::StatusOr<uint64_t> CommitPlan(const SnapshotPtr& before, const Plan& plan);
  // Takes up what other processes wrote; reloads all when the history does not reach.
  absl::Status CatchUp();
  absl::Status Reload();
  // Idle: nothing waits for this thread, so that it may find out whether writes work again.
  void CheckStore(bool idle);
  void Publish(const SnapshotPtr& before, const SnapshotPtr& after,
               const std::vector<SnapshotChange>& changes);
  void NoteRead(const absl::Status& status);
  void NoteWrite(const absl::Status& status);

  Store* const store_;
  const Options options_;

  mutable SecretKeys secret_keys_;
  mutable base::Mutex mutex_;
  base::CondVar wake_;
  std::deque<Job> queue_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  bool store_changed_ ABSL_GUARDED_BY(mutex_) = false;
  SnapshotPtr snapshot_ ABSL_GUARDED_BY(mutex_);
  std::vector<Observer> observers_ ABSL_GUARDED_BY(mutex_);
  WriterStatus status_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;
  std::unique_ptr<StoreWatch> watch_;  // destroyed before what it calls into
};

}  // namespace sallyport::authsvc
