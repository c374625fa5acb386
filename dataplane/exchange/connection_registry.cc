#include "dataplane/exchange/connection_registry.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "shared/crypto/denied_certificates.h"

namespace sallyport::dataplane {
namespace {

using Names = absl::flat_hash_set<std::string>;

bool RestsOn(const DecisionPtr& decision, const Names& keys, const Names& tags) {
  if (decision == nullptr) return false;
  const std::string& key = decision->identity.key_id;
  if (!key.empty() && keys.contains(key)) return true;
  return std::any_of(decision->tags.begin(), decision->tags.end(),
                     [&](const std::string& tag) { return tags.contains(tag); });
}

// What a proxy told of; null: nothing, or the certificate is that of the connection.
const PeerCertificate* AssertedTo(const AuthFacts* facts) {
  return facts != nullptr && facts->proof == Proof::kHeader ? facts->peer : nullptr;
}

bool Presented(const PeerCertificate* peer, const std::vector<DeniedCertificatesPtr>& lists) {
  if (peer == nullptr) return false;
  for (const DeniedCertificatesPtr& denied : lists) {
    for (const std::string& der : peer->chain_der) {
      if (denied->Names(der)) return true;
    }
  }
  return false;
}

}  // namespace

void RegisteredRequest::LetIn(const AuthFacts* facts, DecisionPtr decision) {
  Over();
  let_in_by_ = facts;
  decision_ = std::move(decision);
  next_ = connection_.requests_;
  if (next_ != nullptr) next_->previous_ = this;
  connection_.requests_ = this;
}

void RegisteredRequest::Over() {
  if (let_in_by_ == nullptr) return;
  let_in_by_ = nullptr;
  decision_ = nullptr;
  end_ = Deadline::Never();
  if (linked()) DeadlineWheel::Remove(this);
  if (previous_ != nullptr) previous_->next_ = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  if (connection_.requests_ == this) connection_.requests_ = next_;
  next_ = previous_ = nullptr;
  if (doubt_ == nullptr) return;
  doubt_->request = nullptr;
  doubt_ = nullptr;
}

RegisteredConnection::~RegisteredConnection() {
  while (requests_ != nullptr) requests_->Over();
  if (registry_ != nullptr) registry_->Remove(this);
}

void RegisteredConnection::OnDeadline() {
  if (stream_ == nullptr) return;
  const bool between_requests = idle && multiplexed == nullptr;
  if (between_requests || registry_->loop_.Passed(end_)) return stream_->Cancel();
  registry_->loop_.AddDeadline(this, end_);
}

void ConnectionRegistry::Add(RegisteredConnection* connection, Stream* stream) {
  connection->registry_ = this;
  connection->stream_ = stream;
  connection->next_ = first_;
  connection->previous_ = nullptr;
  if (first_ != nullptr) first_->previous_ = connection;
  first_ = connection;
  ++count_;
  if (draining_) DrainOne(connection);
}

void ConnectionRegistry::SetPeer(RegisteredConnection* connection, PeerCertificatePtr peer) {
  if (peer == nullptr) return;
  auto& of_leaf = by_leaf_[peer->leaf_hex];
  connection->of_leaf_ = of_leaf.size();
  of_leaf.push_back(connection);
  connection->peer_ = std::move(peer);
}

void ConnectionRegistry::SetLiving(RegisteredConnection* connection, const LivingStream* stream) {
  if (stream == nullptr) {
    living_.erase(connection);
  } else {
    living_[connection] = {stream};
  }
}

void ConnectionRegistry::Remove(RegisteredConnection* connection) {
  if (connection->registry_ == nullptr) return;
  if (connection->previous_ != nullptr) connection->previous_->next_ = connection->next_;
  if (connection->next_ != nullptr) connection->next_->previous_ = connection->previous_;
  if (first_ == connection) first_ = connection->next_;
  --count_;
  const auto found =
      connection->peer_ == nullptr ? by_leaf_.end() : by_leaf_.find(connection->peer_->leaf_hex);
  if (found != by_leaf_.end()) {
    auto& of_leaf = found->second;  // the last one takes the place: very many may share a leaf
    of_leaf[connection->of_leaf_] = of_leaf.back();
    of_leaf[connection->of_leaf_]->of_leaf_ = connection->of_leaf_;
    of_leaf.pop_back();
    if (of_leaf.empty()) by_leaf_.erase(found);
  }
  living_.erase(connection);
  connection->registry_ = nullptr;
  connection->stream_ = nullptr;
  DeadlineWheel::Remove(connection);
}

bool ConnectionRegistry::End(RegisteredConnection* connection, Deadline deadline) {
  const bool newly = !std::exchange(connection->last_request, true);
  if (connection->idle && connection->multiplexed == nullptr) {
    connection->stream_->Cancel();
    return newly;
  }
  if (deadline.millis() < connection->end_.millis()) {  // a sever may come while a drain waits
    connection->end_ = deadline;
    loop_.AddDeadline(connection, deadline);
  }
  if (newly && connection->multiplexed != nullptr) connection->multiplexed->OnLastRequest();
  return newly;
}

bool ConnectionRegistry::End(RegisteredRequest* request, Deadline deadline) {
  if (request->alone_ == nullptr) return End(&request->connection_, deadline);
  const bool newly = request->end_.is_never();
  if (deadline.millis() >= request->end_.millis()) return newly;
  request->end_ = deadline;
  loop_.AddDeadline(request, deadline);
  return newly;
}

// Requests of others are in flight on it.
template <typename RestsOnIt>
bool ConnectionRegistry::Shared(const RegisteredConnection* connection, RestsOnIt rests_on_it) {
  if (connection->multiplexed == nullptr) return false;
  for (const RegisteredRequest* request = connection->requests_; request != nullptr;
       request = request->next_) {
    if (!rests_on_it(*request)) return true;
  }
  return false;
}

template <typename RestsOnIt>
size_t ConnectionRegistry::EndRequests(RegisteredConnection* connection, Deadline deadline,
                                       RestsOnIt rests_on_it) {
  size_t ended = 0;
  for (RegisteredRequest* request = connection->requests_; request != nullptr;
       request = request->next_) {
    if (rests_on_it(*request)) ended += End(request, deadline) ? 1 : 0;
  }
  return ended;
}

size_t ConnectionRegistry::SeverLeaves(const SeverList& severed, Deadline deadline) {
  size_t ended = 0;
  for (const std::string& leaf : severed.leaf_sha256) {
    const auto found = by_leaf_.find(leaf);
    if (found == by_leaf_.end()) continue;
    for (RegisteredConnection* connection : found->second)
      ended += End(connection, deadline) ? 1 : 0;
  }
  return ended;
}

size_t ConnectionRegistry::Sever(const SeverList& severed, absl::Duration grace) {
  const Deadline deadline = loop_.After(grace);
  size_t ended = SeverLeaves(severed, deadline);
  const Names leaves(severed.leaf_sha256.begin(), severed.leaf_sha256.end());
  const Names keys(severed.key_ids.begin(), severed.key_ids.end());
  const Names tags(severed.tags.begin(), severed.tags.end());
  const auto rests_on_it = [&](const RegisteredRequest& request) {
    const PeerCertificate* const asserted = AssertedTo(request.let_in_by_);
    return RestsOn(request.decision_, keys, tags) || Presented(asserted, severed.denied) ||
           (asserted != nullptr && leaves.contains(asserted->leaf_hex));
  };
  for (RegisteredConnection* connection = first_; connection != nullptr;
       connection = connection->next_) {
    const bool last =
        connection->memo != nullptr && RestsOn(connection->memo->decision, keys, tags);
    if (Presented(connection->peer_.get(), severed.denied) ||
        (last && !Shared(connection, rests_on_it))) {
      ended += End(connection, deadline) ? 1 : 0;
    } else {
      ended += EndRequests(connection, deadline, rests_on_it);
    }
  }
  return ended;
}

size_t ConnectionRegistry::SeverAsserted(absl::Duration grace) {
  const Deadline deadline = loop_.After(grace);
  size_t ended = 0;
  for (RegisteredConnection* connection = first_; connection != nullptr;
       connection = connection->next_) {
    ended += EndRequests(connection, deadline, [](const RegisteredRequest& request) {
      return AssertedTo(request.let_in_by_) != nullptr;
    });
  }
  return ended;
}

void ConnectionRegistry::Drain(absl::Duration grace, absl::Duration idle) {
  draining_ = true;
  drained_by_ = loop_.After(grace);
  idle_by_ =
      idle > absl::ZeroDuration() ? loop_.After(std::min(idle, grace)) : Deadline::AtMillis(0);
  for (RegisteredConnection* connection = first_; connection != nullptr;
       connection = connection->next_) {
    DrainOne(connection);
  }
}

size_t ConnectionRegistry::EndStreams(absl::FunctionRef<bool(const LivingStream&)> is_gone,
                                      bool all, absl::Duration grace) {
  const Deadline deadline = loop_.After(grace);
  size_t ended = 0;
  for (auto& [connection, living] : living_) {
    if (std::exchange(living.asked, true) && !all) continue;
    if (connection->last_request || !is_gone(*living.stream)) continue;
    ended += End(connection, deadline) ? 1 : 0;
  }
  return ended;
}

void ConnectionRegistry::DrainOne(RegisteredConnection* connection) {
  const bool between_requests = connection->idle && connection->multiplexed == nullptr;
  if (!between_requests || connection->last_request || loop_.Passed(idle_by_)) {
    End(connection, drained_by_);
    return;
  }
  connection->last_request = true;
  connection->end_ = drained_by_;
  loop_.AddDeadline(connection, connection->fresh ? drained_by_ : idle_by_);
}

size_t ConnectionRegistry::EndIdle() {
  size_t ended = 0;
  for (RegisteredConnection* connection = first_; connection != nullptr;
       connection = connection->next_) {
    if (!connection->idle) continue;
    End(connection, {});
    ++ended;
  }
  return ended;
}

std::vector<DoubtfulRequestPtr> ConnectionRegistry::Doubt(Deadline until) {
  std::vector<DoubtfulRequestPtr> doubts;
  for (RegisteredConnection* connection = first_; connection != nullptr;
       connection = connection->next_) {
    for (RegisteredRequest* request = connection->requests_; request != nullptr;
         request = request->next_) {
      doubts.push_back(Doubt(request, until));
    }
  }
  return doubts;
}

std::vector<DoubtfulRequestPtr> ConnectionRegistry::Doubt(const Names& tags, Deadline until) {
  std::vector<DoubtfulRequestPtr> doubts;
  for (RegisteredConnection* connection = first_; connection != nullptr;
       connection = connection->next_) {
    for (RegisteredRequest* request = connection->requests_; request != nullptr;
         request = request->next_) {
      if (RestsOn(request->decision_, {}, tags)) doubts.push_back(Doubt(request, until));
    }
  }
  return doubts;
}

DoubtfulRequestPtr ConnectionRegistry::Doubt(RegisteredRequest* request, Deadline until) {
  auto doubt = std::make_shared<DoubtfulRequest>();
  doubt->request = request;
  doubt->until = until;
  if (request->doubt_ != nullptr) {
    doubt->until = request->doubt_->until.Earlier(until);
    request->doubt_->request = nullptr;
  }
  request->doubt_ = doubt;
  return doubt;
}

void ConnectionRegistry::Settle(DoubtfulRequest& doubt, DecisionPtr decision) {
  RegisteredRequest* const request = std::exchange(doubt.request, nullptr);
  if (request == nullptr) return;
  request->doubt_ = nullptr;
  request->decision_ = decision;
  ConnectionMemo* const memo = request->connection_.memo;
  if (memo != nullptr) memo->RestOn(std::move(decision));
}

bool ConnectionRegistry::Sever(DoubtfulRequest& doubt, absl::Duration grace) {
  RegisteredRequest* const request = std::exchange(doubt.request, nullptr);
  if (request == nullptr) return false;
  request->doubt_ = nullptr;
  return End(request, loop_.After(grace));
}

void ConnectionRegistry::CutAll() {
  for (RegisteredConnection* connection = first_; connection != nullptr;
       connection = connection->next_) {
    connection->stream_->Cancel();
  }
}

}  // namespace sallyport::dataplane
