#include "dataplane/exchange/connection_registry.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "shared/crypto/denied_certificates.h"

namespace sallyport::dataplane {
namespace {

using Names = absl::flat_hash_set<std::string>;

bool RestsOn(const ConnectionMemo* memo, const Names& keys, const Names& tags) {
  if (memo == nullptr || memo->decision == nullptr) return false;
  const Decision& decision = *memo->decision;
  const std::string& key = decision.identity.key_id;
  if (!key.empty() && keys.contains(key)) return true;
  return std::any_of(decision.tags.begin(), decision.tags.end(),
                     [&](const std::string& tag) { return tags.contains(tag); });
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

RegisteredConnection::~RegisteredConnection() {
  Over();
  if (registry_ != nullptr) registry_->Remove(this);
}

void RegisteredConnection::Over() {
  let_in_by_ = nullptr;
  if (doubt_ == nullptr) return;
  doubt_->connection = nullptr;
  doubt_ = nullptr;
}

void RegisteredConnection::OnDeadline() {
  if (stream_ != nullptr) stream_->Cancel();
}

void ConnectionRegistry::Add(RegisteredConnection* connection, Stream* stream) {
  connection->registry_ = this;
  connection->stream_ = stream;
  connection->next_ = first_;
  connection->previous_ = nullptr;
  if (first_ != nullptr) first_->previous_ = connection;
  first_ = connection;
  ++count_;
}

void ConnectionRegistry::SetPeer(RegisteredConnection* connection, PeerCertificatePtr peer) {
  if (peer == nullptr) return;
  by_leaf_[peer->leaf_hex].push_back(connection);
  connection->peer_ = std::move(peer);
}

void ConnectionRegistry::Remove(RegisteredConnection* connection) {
  if (connection->registry_ == nullptr) return;
  if (connection->previous_ != nullptr) connection->previous_->next_ = connection->next_;
  if (connection->next_ != nullptr) connection->next_->previous_ = connection->previous_;
  if (first_ == connection) first_ = connection->next_;
  --count_;
  const auto found = connection->peer_ == nullptr ? by_leaf_.end() : by_leaf_.find(connection->peer_->leaf_hex);
  if (found != by_leaf_.end()) {
    auto& of_leaf = found->second;
    of_leaf.erase(std::remove(of_leaf.begin(), of_leaf.end(), connection), of_leaf.end());
    if (of_leaf.empty()) by_leaf_.erase(found);
  }
  connection->registry_ = nullptr;
  connection->stream_ = nullptr;
  DeadlineWheel::Remove(connection);
}

bool ConnectionRegistry::End(RegisteredConnection* connection, Deadline deadline) {
  const bool newly = !std::exchange(connection->last_request, true);
  if (connection->idle) {
    connection->stream_->Cancel();
  } else if (deadline.millis() < connection->end_.millis()) {  // a sever may come while a drain waits
    connection->end_ = deadline;
    loop_.AddDeadline(connection, deadline);
  }
  return newly;
}

size_t ConnectionRegistry::SeverLeaves(const SeverList& severed, Deadline deadline) {
  size_t ended = 0;
  for (const std::string& leaf : severed.leaf_sha256) {
    const auto found = by_leaf_.find(leaf);
    if (found == by_leaf_.end()) continue;
    for (RegisteredConnection* connection : found->second) ended += End(connection, deadline) ? 1 : 0;
  }
  return ended;
}

size_t ConnectionRegistry::Sever(const SeverList& severed, absl::Duration grace) {
  const Deadline deadline = loop_.After(grace);
  size_t ended = SeverLeaves(severed, deadline);
  if (severed.key_ids.empty() && severed.tags.empty() && severed.denied.empty()) return ended;
  const Names keys(severed.key_ids.begin(), severed.key_ids.end());
  const Names tags(severed.tags.begin(), severed.tags.end());
  for (RegisteredConnection* connection = first_; connection != nullptr; connection = connection->next_) {
    if (RestsOn(connection->memo, keys, tags) || Presented(connection->peer_.get(), severed.denied)) {
      ended += End(connection, deadline) ? 1 : 0;
    }
  }
  return ended;
}

void ConnectionRegistry::Drain(absl::Duration grace) {
  const Deadline deadline = loop_.After(grace);
  for (RegisteredConnection* connection = first_; connection != nullptr; connection = connection->next_) {
    End(connection, deadline);
  }
}

size_t ConnectionRegistry::EndIdle() {
  size_t ended = 0;
  for (RegisteredConnection* connection = first_; connection != nullptr; connection = connection->next_) {
    if (!connection->idle) continue;
    End(connection, {});
    ++ended;
  }
  return ended;
}

std::vector<DoubtfulRequestPtr> ConnectionRegistry::Doubt(Deadline until) {
  std::vector<DoubtfulRequestPtr> doubts;
  for (RegisteredConnection* connection = first_; connection != nullptr; connection = connection->next_) {
    if (connection->let_in_by_ == nullptr) continue;
    auto doubt = std::make_shared<DoubtfulRequest>();
    doubt->connection = connection;
    doubt->until = until;
    if (connection->doubt_ != nullptr) {
      doubt->until = connection->doubt_->until.Earlier(until);
      connection->doubt_->connection = nullptr;
    }
    connection->doubt_ = doubt;
    doubts.push_back(std::move(doubt));
  }
  return doubts;
}

void ConnectionRegistry::Settle(DoubtfulRequest& doubt, DecisionPtr decision) {
  RegisteredConnection* const connection = std::exchange(doubt.connection, nullptr);
  if (connection == nullptr) return;
  connection->doubt_ = nullptr;
  if (connection->memo != nullptr) connection->memo->RestOn(std::move(decision));
}

bool ConnectionRegistry::Sever(DoubtfulRequest& doubt, absl::Duration grace) {
  RegisteredConnection* const connection = std::exchange(doubt.connection, nullptr);
  if (connection == nullptr) return false;
  connection->doubt_ = nullptr;
  return End(connection, loop_.After(grace));
}

void ConnectionRegistry::CutAll() {
  for (RegisteredConnection* connection = first_; connection != nullptr; connection = connection->next_) {
    connection->stream_->Cancel();
  }
}

}  // namespace sallyport::dataplane
