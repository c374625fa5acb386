#include "authsvc/change/store_writer.h"

#include "absl/strings/str_cat.h"
#include "authsvc/change/certificate_record.h"
#include "authsvc/change/handler_headers.h"
#include "authsvc/change/login.h"
#include "authsvc/change/plan_checks.h"
#include "authsvc/change/proxy_password.h"
#include "authsvc/change/upstream_credential.h"
#include "authsvc/snapshot/resource.h"
#include "shared/base/log.h"

namespace sallyport::authsvc {
namespace {

// Another process may win that many times before a write gives up.
constexpr int kMostAttempts = 16;

absl::StatusOr<SnapshotPtr> Build(const SnapshotPtr& before, const Plan& plan, uint64_t revision,
                                  std::vector<SnapshotChange>* changes) {
  SnapshotBuilder builder(before);
  for (const auto& change : plan.changes) {
    if (change.erase) {
      builder.Erase(change.kind, change.id);
      continue;
    }
    v1::Resource resource = change.resource;
    resource.set_revision(revision);
    if (auto status = builder.Put(std::move(resource)); !status.ok()) {
      return AtMutation(status, change.mutation);
    }
  }
  StoreState state = before->state();
  state.revision = revision;
  return builder.Finish(state, changes);
}

}  // namespace

StoreWriter::StoreWriter(Store* store, const Options& options)
    : store_(store), options_(options), snapshot_(Snapshot::Empty()) {}

StoreWriter::~StoreWriter() {
  watch_.reset();
  std::deque<Job> left;
  {
    base::MutexLock lock(&mutex_);
    stop_ = true;
    left.swap(queue_);
    wake_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
  for (Job& job : left) job.done(absl::UnavailableError("shutting down"));
}

absl::Status StoreWriter::Begin() {
  if (auto status = Reload(); !status.ok()) return status;
  thread_ = std::thread([this] { Work(); });
  watch_ = store_->Watch([this] {
    base::MutexLock lock(&mutex_);
    store_changed_ = true;
    wake_.SignalAll();
  });
  return absl::OkStatus();
}

SnapshotPtr StoreWriter::snapshot() const {
  base::MutexLock lock(&mutex_);
  return snapshot_;
}

void StoreWriter::Submit(Write write, Completion done) {
  const SnapshotPtr before = snapshot();
  if (auto status = HashPasswords({options_.sealer, before->store_id()}, *before, &write);
      !status.ok()) {
    return done(status);
  }
  {
    base::MutexLock lock(&mutex_);
    if (!stop_) {
      queue_.push_back({std::move(write), std::move(done)});
      wake_.SignalAll();
      return;
    }
  }
  done(absl::UnavailableError("shutting down"));
}

void StoreWriter::Observe(Observer observer) {
  base::MutexLock lock(&mutex_);
  observers_.push_back(std::move(observer));
}

absl::StatusOr<v1::Resource> StoreWriter::ReadResource(Kind kind, absl::string_view id) {
  const auto record = store_->Read(kind, id);
  if (!record.ok()) return record.status();
  v1::Resource resource;
  if (!resource.ParseFromString(record->body)) {
    return absl::DataLossError(absl::StrCat("stored ", KindName(kind), " ", id, " is damaged"));
  }
  resource.set_revision(record->revision);
  RemoveSecrets(&resource);
  return resource;
}

absl::StatusOr<base::Secret> StoreWriter::OpenPrivateKey(
    const CertificateEntry& certificate) const {
  if (!certificate.has_private_key()) {
    return absl::NotFoundError(absl::StrCat("certificate ", certificate.id, " has no private key"));
  }
  const SnapshotPtr now = snapshot();
  return OpenSealedKey({options_.sealer, now->store_id()}, certificate.id,
                       *certificate.private_key);
}

absl::StatusOr<base::Secret> StoreWriter::OpenProxyPassword(const v1::Api& api) const {
  const SnapshotPtr now = snapshot();
  return authsvc::OpenProxyPassword({options_.sealer, now->store_id()}, api);
}

absl::StatusOr<base::Secret> StoreWriter::OpenLoginHash(const v1::Key& key) const {
  const SnapshotPtr now = snapshot();
  return authsvc::OpenLoginHash({options_.sealer, now->store_id()}, key);
}

absl::StatusOr<base::Secret> StoreWriter::OpenUpstreamCredential(const Snapshot& at,
                                                                 const v1::Api& api) const {
  return authsvc::OpenUpstreamCredential({options_.sealer, at.store_id()}, at, api);
}

absl::StatusOr<base::Secret> StoreWriter::OpenHandlerHeader(const v1::Api& api,
                                                            const v1::EventHandler& handler,
                                                            const std::string& name) const {
  const SnapshotPtr now = snapshot();
  return authsvc::OpenHandlerHeader({options_.sealer, now->store_id()}, api, handler, name);
}

std::shared_ptr<const jwt::KeySet> StoreWriter::OpenSharedSecrets(
    const v1::TokenIssuer& issuer) const {
  const SnapshotPtr now = snapshot();
  return secret_keys_.Open({options_.sealer, now->store_id()}, issuer);
}

WriterStatus StoreWriter::status() const {
  base::MutexLock lock(&mutex_);
  return status_;
}

// --- writer thread

bool StoreWriter::NextJob(Job* job, bool* has_job) {
  base::MutexLock lock(&mutex_);
  const bool timed_out = !stop_ && queue_.empty() && !store_changed_ &&
                         wake_.WaitWithTimeout(&mutex_, options_.check_interval);
  static_cast<void>(timed_out);
  if (stop_) return false;
  store_changed_ = false;
  *has_job = !queue_.empty();
  if (*has_job) {
    *job = std::move(queue_.front());
    queue_.pop_front();
  }
  return true;
}

void StoreWriter::Work() {
  Job job;
  bool has_job = false;
  while (NextJob(&job, &has_job)) {
    CheckStore(!has_job);
    if (!has_job) continue;
    auto result = Do(job.write);
    job.done(std::move(result));
    job = Job();
  }
}

void StoreWriter::CheckStore(bool idle) {
  const auto state = store_->State();
  absl::Status read = state.status();
  if (read.ok() && *state != snapshot()->state()) read = CatchUp();
  NoteRead(read);
  if (idle && read.ok() && !status().store_writable) NoteWrite(store_->CheckWritable());
}

absl::StatusOr<WriteResult> StoreWriter::Do(const Write& write) {
  for (int attempt = 1;; ++attempt) {
    const StoreState decided_on = snapshot()->state();
    auto result = TryOnce(write);
    if (result.ok()) return result;
    // UNKNOWN: what was stored, if it was, is taken up before anybody is told.
    if (absl::IsUnknown(result.status())) {
      if (auto status = CatchUp(); !status.ok()) NoteRead(status);
      return result;
    }
    if (!absl::IsAborted(result.status()) || attempt == kMostAttempts) return result;
    if (auto status = CatchUp(); !status.ok()) return status;
    // Aborted by a condition of the write itself, not by another writer.
    if (snapshot()->state() == decided_on) return result;
  }
}

absl::StatusOr<WriteResult> StoreWriter::TryOnce(const Write& write) {
  const SnapshotPtr before = snapshot();
  if (write.expected_snapshot != 0 && write.expected_snapshot != before->revision()) {
    return absl::AbortedError("something was written in between");
  }
  const absl::Time now = options_.clock->Now();
  auto plan = MakePlan({store_, options_.sealer, *before, now}, write);
  if (!plan.ok()) return plan.status();

  const uint64_t revision = before->revision() + 1;
  std::vector<SnapshotChange> changes;
  auto after = Build(before, *plan, revision, &changes);
  if (!after.ok()) return after.status();

  WriteResult result;
  const CheckContext context{*before, **after, now, write.strict};
  if (auto status = CheckPlan(context, changes, &*plan, &result.cut_off); !status.ok())
    return status;
  result.results = std::move(plan->results);
  result.revision = before->revision();
  if (write.dry_run) result.would_be = *after;
  if (write.dry_run || plan->changes.empty()) return result;

  const auto committed = CommitPlan(before, *plan);
  NoteWrite(committed.status());
  if (!committed.ok()) return committed.status();
  result.revision = *committed;
  if (*committed != revision) {  // a store may number its transactions otherwise
    after = Build(before, *plan, *committed, &changes);
    if (!after.ok()) return absl::UnknownError(after.status().message());
  }
  Publish(before, *after, changes);
  return result;
}

absl::StatusOr<uint64_t> StoreWriter::CommitPlan(const SnapshotPtr& before, const Plan& plan) {
  Transaction transaction;
  transaction.expected_state = before->state();
  for (const auto& change : plan.changes) {
    StoreMutation mutation{change.kind, change.id, change.erase, "",
                           before->RevisionOf(change.kind, change.id)};
    if (!change.erase) mutation.body = SerializeDeterministic(change.resource);
    transaction.mutations.push_back(std::move(mutation));
  }
  return store_->Commit(transaction);
}

absl::Status StoreWriter::CatchUp() {
  const SnapshotPtr before = snapshot();
  const auto batch = store_->ChangesAfter(before->state());
  if (absl::IsOutOfRange(batch.status())) return Reload();
  if (!batch.ok()) return batch.status();
  if (batch->state == before->state()) return absl::OkStatus();
  SnapshotBuilder builder(before);
  for (const auto& change : batch->changes) {
    if (change.erased) {
      builder.Erase(change.kind, change.id);
    } else if (auto status = builder.PutSerialized(change.body, change.revision); !status.ok()) {
      base::Log(base::Level::kError, "snapshot.bad_record",
                {{"kind", KindName(change.kind)}, {"id", change.id}, {"error", status}});
      return status;
    }
  }
  std::vector<SnapshotChange> changes;
  const SnapshotPtr after = builder.Finish(batch->state, &changes);
  Publish(before, after, changes);
  return absl::OkStatus();
}

absl::Status StoreWriter::Reload() {
  SnapshotBuilder builder(Snapshot::Empty());
  const auto state = store_->Load(
      [&](const Record& record) { return builder.PutSerialized(record.body, record.revision); });
  if (!state.ok()) return state.status();
  Publish(nullptr, builder.Finish(*state, nullptr), {});
  NoteRead(absl::OkStatus());
  return absl::OkStatus();
}

void StoreWriter::Publish(const SnapshotPtr& before, const SnapshotPtr& after,
                          const std::vector<SnapshotChange>& changes) {
  std::vector<Observer> observers;
  SnapshotPtr old;  // may be the last owner of much: destroyed after the lock
  {
    base::MutexLock lock(&mutex_);
    old = std::move(snapshot_);
    snapshot_ = after;
    status_.proven_current = options_.clock->Monotonic();
    observers = observers_;
  }
  for (const Observer& observer : observers) observer(before, after, changes);
}

void StoreWriter::NoteRead(const absl::Status& status) {
  base::MutexLock lock(&mutex_);
  if (status.ok()) {
    status_.proven_current = options_.clock->Monotonic();
    return;  // which does not prove that a locked store or a full disk takes writes again
  }
  status_.store_writable = false;
  status_.last_error = status;
}

void StoreWriter::NoteWrite(const absl::Status& status) {
  if (absl::IsAborted(status)) return;  // the store works, another writer was first
  base::MutexLock lock(&mutex_);
  if (status.ok()) status_.proven_current = options_.clock->Monotonic();
  status_.store_writable = status.ok();
  status_.last_error = status;
}

}  // namespace sallyport::authsvc
