#include "authsvc/rpc/lookups.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sallyport/v1/distribution.pb.h"
#include "sallyport/v1/telemetry.pb.h"
#include "shared/crypto/random.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kIdBytes = 16;
constexpr size_t kMostAnswer = 128 << 10;  // certificates of 16 KB and some text: more was made up

std::string Label(const std::string& name, const Peer& peer) {
  return absl::StrCat(name, " (group ", peer.group, ")");
}

bool Same(const Peer& a, const Peer& b) {
  return a.role == b.role && a.group == b.group && a.name == b.name;
}

std::shared_ptr<const v1::Update> Message(const std::string& lookup_id,
                                          const std::string& request_id) {
  auto update = std::make_shared<v1::Update>();
  update->mutable_lookup()->set_lookup_id(lookup_id);
  update->mutable_lookup()->set_request_id(request_id);
  return update;
}

}  // namespace

uint64_t Lookups::Join(Peer peer, std::string name, bool keeps_allowed,
                       std::function<void()> wake) {
  const base::MutexLock lock(&mutex_);
  const uint64_t id = next_++;
  streams_[id] = {std::move(peer), std::move(name), keeps_allowed, std::move(wake), {}};
  return id;
}

void Lookups::Leave(uint64_t stream) {
  const base::MutexLock lock(&mutex_);
  for (auto entry = open_.begin(); entry != open_.end();) {
    const auto here = entry++;
    if (here->second.stream != stream) continue;
    GiveUp(here->second);
    open_.erase(here);
  }
  streams_.erase(stream);
  changed_.SignalAll();
}

std::shared_ptr<const v1::Update> Lookups::Take(uint64_t stream) {
  const base::MutexLock lock(&mutex_);
  const auto found = streams_.find(stream);
  if (found == streams_.end() || found->second.waiting.empty()) return nullptr;
  auto update = std::move(found->second.waiting.front().second);
  found->second.waiting.pop_front();
  return update;
}

LookupResult Lookups::Ask(const std::string& request_id, absl::Duration limit) {
  Question question{request_id, {}, 0};
  std::vector<std::function<void()>> wakes;
  {
    const base::MutexLock lock(&mutex_);
    wakes = Put(&question);
  }
  for (const auto& wake : wakes) wake();
  const absl::Duration end = clock_->Monotonic() + limit;
  const base::MutexLock lock(&mutex_);
  while (question.open > 0 && question.result.allowed == nullptr && !closed_) {
    const absl::Duration left = end - clock_->Monotonic();
    if (left <= absl::ZeroDuration()) break;
    changed_.WaitWithTimeout(&mutex_, left);
  }
  End(&question);
  std::sort(question.result.unanswered.begin(), question.result.unanswered.end());
  return std::move(question.result);
}

std::vector<std::function<void()>> Lookups::Put(Question* question) {
  std::vector<std::function<void()>> wakes;
  for (auto& [id, stream] : streams_) {
    if (!stream.keeps_allowed) {
      question->result.not_asked.push_back(Label(stream.name, stream.peer));
      continue;
    }
    std::string lookup_id = crypto::RandomBytes(kIdBytes);
    stream.waiting.emplace_back(lookup_id, Message(lookup_id, question->request_id));
    open_[std::move(lookup_id)] = {question, id};
    ++question->open;
    ++question->result.asked;
    wakes.push_back(stream.wake);
  }
  return wakes;
}

// Nothing refers to the question after this. What a stream has not been told yet it need not be
// told.
void Lookups::End(Question* question) {
  for (auto entry = open_.begin(); entry != open_.end();) {
    const auto here = entry++;
    if (here->second.question != question) continue;
    auto& waiting = streams_.at(here->second.stream).waiting;
    std::erase_if(waiting, [&here](const auto& one) { return one.first == here->first; });
    GiveUp(here->second);
    open_.erase(here);
  }
}

void Lookups::GiveUp(const Open& open) {
  const Stream& stream = streams_.at(open.stream);
  open.question->result.unanswered.push_back(Label(stream.name, stream.peer));
  --open.question->open;
}

void Lookups::Answered(const Peer& peer, const v1::LookupAnswer& answer) {
  const base::MutexLock lock(&mutex_);
  const auto found = open_.find(answer.lookup_id());
  if (found == open_.end()) return;
  const Open open = found->second;
  const Stream& stream = streams_.at(open.stream);
  if (!Same(stream.peer, peer)) return;
  const bool usable =
      !answer.has_allowed() || (answer.allowed().request_id() == open.question->request_id &&
                                answer.ByteSizeLong() <= kMostAnswer);
  LookupResult& result = open.question->result;
  if (!usable) {
    GiveUp(open);
  } else {
    --open.question->open;
    if (answer.has_allowed() && result.allowed == nullptr) {
      result.allowed = std::make_shared<const v1::AllowedRequest>(answer.allowed());
      result.replica = stream.name;
      result.group = stream.peer.group;
    }
  }
  open_.erase(found);
  changed_.SignalAll();
}

void Lookups::Close() {
  const base::MutexLock lock(&mutex_);
  closed_ = true;
  changed_.SignalAll();
}

}  // namespace sallyport::authsvc
