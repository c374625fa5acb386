// The open client connections of one loop, so that revoked clients can be cut off and a drain can end:
// idle ones at once, those with a request in flight after a grace. One loop's thread.
#pragma once

#include <cstddef>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "dataplane/authorize/authorizer.h"
#include "dataplane/loop/loop.h"
#include "dataplane/loop/stream.h"
#include "dataplane/sync/subscriber.h"

namespace sallyport::dataplane {

class ConnectionRegistry;

// The part of a connection that the registry knows. The owner keeps it alive while it is registered.
class RegisteredConnection final : public DeadlineNode {
 public:
  RegisteredConnection() = default;
  ~RegisteredConnection() override;

  // No request is in flight: cut at once.
  bool idle = true;
  // Set by the registry: after the request in flight the connection ends.
  bool last_request = false;
  const ConnectionMemo* memo = nullptr;  // for the key of the last decision

 private:
  friend class ConnectionRegistry;
  void OnDeadline() override;  // the grace ended
  ConnectionRegistry* registry_ = nullptr;
  Deadline end_;  // of the grace; never while none runs
  Stream* stream_ = nullptr;
  std::string leaf_hex_;
  RegisteredConnection* next_ = nullptr;  // of all
  RegisteredConnection* previous_ = nullptr;
};

class ConnectionRegistry {
 public:
  explicit ConnectionRegistry(Loop& loop) : loop_(loop) {}
  ConnectionRegistry(const ConnectionRegistry&) = delete;
  ConnectionRegistry& operator=(const ConnectionRegistry&) = delete;

  void Add(RegisteredConnection* connection, Stream* stream);
  // Once the handshake said who it is; "" for no certificate.
  void SetLeaf(RegisteredConnection* connection, const std::string& leaf_hex);
  void Remove(RegisteredConnection* connection);

  // Ends connections of these clients, and those whose last decision rests on one of the tags; returns how
  // many.
  size_t Sever(const SeverList& severed, absl::Duration grace);
  // Ends all of them: idle ones now, the others when their request is done, at the latest after `grace`.
  void Drain(absl::Duration grace);
  // Ends those without a request in flight; returns how many.
  size_t EndIdle();
  void CutAll();
  [[nodiscard]] size_t size() const { return count_; }

 private:
  // False when it was ending already.
  bool End(RegisteredConnection* connection, Deadline deadline);

  Loop& loop_;
  RegisteredConnection* first_ = nullptr;
  size_t count_ = 0;
  absl::flat_hash_map<std::string, std::vector<RegisteredConnection*>> by_leaf_;
};

}  // namespace sallyport::dataplane
