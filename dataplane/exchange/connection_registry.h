// The open client connections of one loop, so that revoked clients can be cut off and a drain can end:
// idle ones at once, those with a request in flight after a grace. One loop's thread.
//
// A request in flight that was let in can be put in doubt: its facts are at hand to ask about it again
// (recheck.h).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "dataplane/authorize/authorizer.h"
#include "dataplane/loop/loop.h"
#include "dataplane/loop/stream.h"
#include "dataplane/sync/subscriber.h"

namespace sallyport::dataplane {

class ConnectionRegistry;
class RegisteredConnection;

// A request in flight that was let in by what may not hold any more. Made by ConnectionRegistry::Doubt.
struct DoubtfulRequest {
  RegisteredConnection* connection = nullptr;  // null: that request is over, or the doubt is
  Deadline until;                              // without an answer by then it is severed
  bool asking = false;                         // for who asks
};
using DoubtfulRequestPtr = std::shared_ptr<DoubtfulRequest>;

// The part of a connection that the registry knows. The owner keeps it alive while it is registered.
class RegisteredConnection final : public DeadlineNode {
 public:
  RegisteredConnection() = default;
  ~RegisteredConnection() override;

  // No request is in flight: cut at once.
  bool idle = true;
  // Set by the registry: after the request in flight the connection ends.
  bool last_request = false;
  ConnectionMemo* memo = nullptr;  // for what the last decision rests on

  // A request was let in by these facts; they and what they point to live until Over.
  void LetIn(const AuthFacts* facts) { let_in_by_ = facts; }
  void Over();
  [[nodiscard]] const AuthFacts* let_in_by() const { return let_in_by_; }  // null: no such request

 private:
  friend class ConnectionRegistry;
  void OnDeadline() override;  // the grace ended
  ConnectionRegistry* registry_ = nullptr;
  Deadline end_;  // of the grace; never while none runs
  Stream* stream_ = nullptr;
  const AuthFacts* let_in_by_ = nullptr;
  DoubtfulRequestPtr doubt_;  // null: none
  PeerCertificatePtr peer_;    // what was presented
  RegisteredConnection* next_ = nullptr;  // of all
  RegisteredConnection* previous_ = nullptr;
};

class ConnectionRegistry {
 public:
  explicit ConnectionRegistry(Loop& loop) : loop_(loop) {}
  ConnectionRegistry(const ConnectionRegistry&) = delete;
  ConnectionRegistry& operator=(const ConnectionRegistry&) = delete;

  void Add(RegisteredConnection* connection, Stream* stream);
  // Once the handshake said who it is; null for no certificate.
  void SetPeer(RegisteredConnection* connection, PeerCertificatePtr peer);
  void Remove(RegisteredConnection* connection);

  // Ends connections of these clients, those whose last decision rests on one of the tags, and those on which
  // a denied certificate was presented; returns how many.
  size_t Sever(const SeverList& severed, absl::Duration grace);
  // Ends all of them: idle ones now, the others when their request is done, at the latest after `grace`.
  void Drain(absl::Duration grace);
  // Ends those without a request in flight; returns how many.
  size_t EndIdle();
  // Every request in flight that was let in, each until the deadline; one that was in doubt already keeps the
  // earlier of its deadlines, and its old doubt is over. Then for each of them one of:
  std::vector<DoubtfulRequestPtr> Doubt(Deadline until);
  // It is allowed still, by this decision.
  static void Settle(DoubtfulRequest& doubt, DecisionPtr decision);
  // It is not, or nobody says so. False: it was over, or its connection was ending already.
  bool Sever(DoubtfulRequest& doubt, absl::Duration grace);
  void CutAll();
  [[nodiscard]] size_t size() const { return count_; }

 private:
  size_t SeverLeaves(const SeverList& severed, Deadline deadline);
  // False when it was ending already.
  bool End(RegisteredConnection* connection, Deadline deadline);

  Loop& loop_;
  RegisteredConnection* first_ = nullptr;
  size_t count_ = 0;
  absl::flat_hash_map<std::string, std::vector<RegisteredConnection*>> by_leaf_;
};

}  // namespace sallyport::dataplane
