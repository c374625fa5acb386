#include "dataplane/exchange/connection_registry.h"

#include <algorithm>

namespace sallyport::dataplane {

RegisteredConnection::~RegisteredConnection() {
  if (registry_ != nullptr) registry_->Remove(this);
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

void ConnectionRegistry::SetLeaf(RegisteredConnection* connection, const std::string& leaf_hex) {
  if (leaf_hex.empty()) return;
  connection->leaf_hex_ = leaf_hex;
  by_leaf_[leaf_hex].push_back(connection);
}

void ConnectionRegistry::Remove(RegisteredConnection* connection) {
  if (connection->registry_ == nullptr) return;
  if (connection->previous_ != nullptr) connection->previous_->next_ = connection->next_;
  if (connection->next_ != nullptr) connection->next_->previous_ = connection->previous_;
  if (first_ == connection) first_ = connection->next_;
  --count_;
  const auto found = by_leaf_.find(connection->leaf_hex_);
  if (found != by_leaf_.end()) {
    auto& of_leaf = found->second;
    of_leaf.erase(std::remove(of_leaf.begin(), of_leaf.end(), connection), of_leaf.end());
    if (of_leaf.empty()) by_leaf_.erase(found);
  }
  connection->registry_ = nullptr;
  connection->stream_ = nullptr;
  DeadlineWheel::Remove(connection);
}

void ConnectionRegistry::End(RegisteredConnection* connection, Deadline deadline) {
  connection->last_request = true;
  if (connection->idle) {
    connection->stream_->Cancel();
  } else if (!connection->linked()) {
    loop_.AddDeadline(connection, deadline);
  }
}

size_t ConnectionRegistry::Sever(const SeverList& severed, absl::Duration grace) {
  size_t ended = 0;
  const Deadline deadline = loop_.After(grace);
  for (const std::string& leaf : severed.leaf_sha256) {
    const auto found = by_leaf_.find(leaf);
    if (found == by_leaf_.end()) continue;
    for (RegisteredConnection* connection : found->second) End(connection, deadline);
    ended += found->second.size();
  }
  if (severed.key_ids.empty()) return ended;
  for (RegisteredConnection* connection = first_; connection != nullptr; connection = connection->next_) {
    if (connection->memo == nullptr || connection->memo->decision == nullptr) continue;
    const std::string& key = connection->memo->decision->identity.key_id;
    if (key.empty() || connection->last_request ||
        std::find(severed.key_ids.begin(), severed.key_ids.end(), key) == severed.key_ids.end()) {
      continue;
    }
    End(connection, deadline);
    ++ended;
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

void ConnectionRegistry::CutAll() {
  for (RegisteredConnection* connection = first_; connection != nullptr; connection = connection->next_) {
    connection->stream_->Cancel();
  }
}

}  // namespace sallyport::dataplane
