#include "authsvc/rpc/recent_callers.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc {

namespace wire = ::sallyport::v1;

namespace {

constexpr size_t kCallerOverhead = 256;
constexpr absl::Duration kMostTime = absl::Seconds(2);

// A hash of all that says who asks for what.
std::string KeyOf(const wire::AuthorizeRequest& question) {
  std::string text = absl::StrCat(question.api_id(), "\n", question.profile(), "\n",
                                  static_cast<int>(question.proof()), question.tls(), "\n");
  if (!question.chain_der().empty()) text += crypto::Sha256(question.chain_der(0));
  for (const wire::Credential& credential : question.credentials())
    absl::StrAppend(&text, credential.place(), ":", credential.sha256());
  return crypto::Sha256(text);
}

}  // namespace

void RecentCallers::Note(const wire::AuthorizeRequest& question, const wire::Decision& decision) {
  if (decision.reason() != 0) return;
  if (absl::c_any_of(question.credentials(), [](const wire::Credential& credential) {
        return credential.mechanism() != "token";
      })) {
    return;
  }
  std::string key = KeyOf(question);
  const absl::Time now = clock_->Now();
  {
    const base::MutexLock lock(&mutex_);
    const auto found = by_key_.find(key);
    if (found != by_key_.end()) {
      found->second->seen = now;
      callers_.splice(callers_.begin(), callers_, found->second);
      return;
    }
  }
  Caller caller;
  caller.packed = std::make_shared<const std::string>(question.SerializeAsString());
  caller.identity = decision.identity().name();
  caller.key_id = decision.identity().key_id();
  caller.leaf = decision.identity().certificate().fingerprint();
  caller.seen = now;
  caller.key = std::move(key);
  const base::MutexLock lock(&mutex_);
  if (by_key_.contains(caller.key)) return;
  bytes_ += caller.packed->size() + kCallerOverhead;
  callers_.push_front(std::move(caller));
  by_key_[callers_.front().key] = callers_.begin();
  Trim();
}

void RecentCallers::Trim() {
  const absl::Time oldest = clock_->Now() - options_.kept;
  while (!callers_.empty() && (callers_.size() > options_.most || bytes_ > options_.bytes ||
                               callers_.back().seen < oldest)) {
    bytes_ -= callers_.back().packed->size() + kCallerOverhead;
    by_key_.erase(callers_.back().key);
    callers_.pop_back();
  }
}

std::vector<wire::AffectedCaller> RecentCallers::Refused(const Snapshot& before,
                                                         const Snapshot& after,
                                                         size_t limit) const {
  std::vector<Caller> callers;
  {
    const base::MutexLock lock(&mutex_);
    callers.assign(callers_.begin(), callers_.end());
  }
  const absl::Time now = clock_->Now();
  const absl::Duration started = clock_->Monotonic();
  std::vector<wire::AffectedCaller> refused;
  for (const Caller& caller : callers) {
    wire::AuthorizeRequest question;
    if (refused.size() >= limit || clock_->Monotonic() - started > kMostTime) break;
    if (caller.seen < now - options_.kept || !question.ParseFromString(*caller.packed)) continue;
    const wire::Decision then = Decide(after, {question}, now);
    if (then.reason() == 0 || Decide(before, {question}, now).reason() != 0) continue;
    wire::AffectedCaller& one = refused.emplace_back();
    one.set_identity(caller.identity);
    one.set_key_id(caller.key_id);
    one.set_leaf_sha256(caller.leaf);
    one.set_api_id(question.api_id());
    one.set_reason(then.reason());
    one.set_detail(then.detail());
    one.set_last_unix_ms(absl::ToUnixMillis(caller.seen));
  }
  return refused;
}

size_t RecentCallers::size() const {
  const base::MutexLock lock(&mutex_);
  return callers_.size();
}

}  // namespace sallyport::authsvc
