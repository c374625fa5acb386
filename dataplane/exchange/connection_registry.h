// The open client connections of one loop, so that revoked clients can be cut off and a drain can
// end: idle ones at once, those with a request in flight after a grace. One loop's thread.
//
// A request in flight that was let in is known beside its connection: it can be put in doubt (its
// facts are at hand to ask about it again, recheck.h), and where requests share a connection it can
// be ended alone.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "dataplane/authorize/authorizer.h"
#include "dataplane/exchange/living_stream.h"
#include "dataplane/loop/loop.h"
#include "dataplane/loop/stream.h"
#include "dataplane/sync/subscriber.h"

namespace sallyport::dataplane {

class ConnectionRegistry;
class RegisteredConnection;
class RegisteredRequest;

// A request in flight that was let in by what may not hold any more. Made by
// ConnectionRegistry::Doubt.
struct DoubtfulRequest {
  RegisteredRequest* request = nullptr;  // null: that request is over, or the doubt is
  Deadline until;                        // without an answer by then it is severed
  bool asking = false;                   // for who asks
};
using DoubtfulRequestPtr = std::shared_ptr<DoubtfulRequest>;

// Ends one request and leaves the others of its connection alone.
class RequestCut {
 public:
  virtual void Cut() = 0;

 protected:
  ~RequestCut() = default;
};

// What a connection of several requests is told.
class Multiplexed {
 public:
  // No more requests are to be begun; those in flight go on, and without any the connection ends.
  // Called once.
  virtual void OnLastRequest() = 0;

 protected:
  ~Multiplexed() = default;
};

// A request in flight, from LetIn to Over. The owner keeps it alive meanwhile; used again and
// again.
class RegisteredRequest final : public DeadlineNode {
 public:
  // `alone`: null where the request ends with its connection. Both outlive this.
  RegisteredRequest(RegisteredConnection& connection, RequestCut* alone)
      : connection_(connection), alone_(alone) {}
  ~RegisteredRequest() override { Over(); }

  // By these facts, which live with what they point to until Over, and by this decision.
  void LetIn(const AuthFacts* facts, DecisionPtr decision);
  void Over();
  [[nodiscard]] const AuthFacts* let_in_by() const {
    return let_in_by_;
  }  // null: it was not, or is over

 private:
  friend class ConnectionRegistry;
  friend class RegisteredConnection;
  void OnDeadline() override { alone_->Cut(); }  // the grace ended
  RegisteredConnection& connection_;
  RequestCut* const alone_;
  const AuthFacts* let_in_by_ = nullptr;
  DecisionPtr decision_;
  Deadline end_;                       // of the grace; never while none runs
  DoubtfulRequestPtr doubt_;           // null: none
  RegisteredRequest* next_ = nullptr;  // of the connection's
  RegisteredRequest* previous_ = nullptr;
};

// The part of a connection that the registry knows. The owner keeps it alive while it is
// registered.
class RegisteredConnection final : public DeadlineNode {
 public:
  RegisteredConnection() = default;
  ~RegisteredConnection() override;

  // No request is in flight: cut at once, unless it is multiplexed and can be told.
  bool idle = true;
  bool fresh = true;  // no request has begun on it
  // Set by the registry: after the requests in flight the connection ends.
  bool last_request = false;
  ConnectionMemo* memo = nullptr;      // for what the last decision rests on
  Multiplexed* multiplexed = nullptr;  // null: one request after the other

 private:
  friend class ConnectionRegistry;
  friend class RegisteredRequest;
  void OnDeadline() override;  // the grace ended, or that of an idle one
  ConnectionRegistry* registry_ = nullptr;
  Deadline end_;  // of the grace; never while none runs
  Stream* stream_ = nullptr;
  RegisteredRequest* requests_ = nullptr;  // let in
  PeerCertificatePtr peer_;                // what was presented
  size_t of_leaf_ = 0;                     // its place among those that presented the same
  RegisteredConnection* next_ = nullptr;   // of all
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
  // Of an API of protocol tls or tcp, once that is found: `stream` stays until this is told
  // otherwise; null: to none any more. Only for one that was added.
  void SetLiving(RegisteredConnection* connection, const LivingStream* stream);

  // Ends connections of these clients, those whose last decision rests on one of the tags, and
  // those on which a denied certificate was presented; of a certificate that a proxy told of, the
  // requests that it let in. Where requests of several callers share a
  // connection, those that rest on it end alone. Returns how many ended.
  size_t Sever(const SeverList& severed, absl::Duration grace);
  // Requests in flight that were let in by a certificate that a proxy told of: what they rest on
  // does not hold any more. Returns how many ended.
  size_t SeverAsserted(absl::Duration grace);
  // Ends all of them, also those that are added later: when their request is done, at the latest
  // after `grace`. An idle one may begin another request within `idle`: to a client that has just
  // sent one an end is a failure. One that has not begun any has the time that it always has for
  // that, unless `idle` is zero. Where requests share a connection the client is told instead.
  void Drain(absl::Duration grace, absl::Duration idle = absl::ZeroDuration());
  // Those of APIs of protocol tls or tcp that `is_gone` names: at the latest after `grace`. Asked
  // of `all`, else of those that it was not asked of before. Returns how many ended.
  size_t EndStreams(absl::FunctionRef<bool(const LivingStream&)> is_gone, bool all,
                    absl::Duration grace);
  // Ends those without a request in flight; returns how many.
  size_t EndIdle();
  // Every request in flight that was let in, each until the deadline; one that was in doubt already
  // keeps the earlier of its deadlines, and its old doubt is over. Then for each of them one of:
  std::vector<DoubtfulRequestPtr> Doubt(Deadline until);
  // The same of those whose decision rests on one of these tags.
  std::vector<DoubtfulRequestPtr> Doubt(const absl::flat_hash_set<std::string>& tags,
                                        Deadline until);
  // It is allowed still, by this decision.
  static void Settle(DoubtfulRequest& doubt, DecisionPtr decision);
  // It is not, or nobody says so. False: it was over, or was ending already.
  bool Sever(DoubtfulRequest& doubt, absl::Duration grace);
  void CutAll();
  [[nodiscard]] size_t size() const { return count_; }

 private:
  friend class RegisteredConnection;
  static DoubtfulRequestPtr Doubt(RegisteredRequest* request, Deadline until);
  size_t SeverLeaves(const SeverList& severed, Deadline deadline);
  // False when it was ending already.
  bool End(RegisteredConnection* connection, Deadline deadline);
  void DrainOne(RegisteredConnection* connection);
  bool End(RegisteredRequest* request, Deadline deadline);
  template <typename RestsOnIt>
  static bool Shared(const RegisteredConnection* connection, RestsOnIt rests_on_it);
  // Of a connection that goes on.
  template <typename RestsOnIt>
  size_t EndRequests(RegisteredConnection* connection, Deadline deadline, RestsOnIt rests_on_it);

  Loop& loop_;
  bool draining_ = false;
  Deadline drained_by_;  // while draining: of all, and of idle ones
  Deadline idle_by_;
  RegisteredConnection* first_ = nullptr;
  size_t count_ = 0;
  absl::flat_hash_map<std::string, std::vector<RegisteredConnection*>> by_leaf_;
  struct Living {
    const LivingStream* stream = nullptr;
    bool asked = false;
  };
  absl::flat_hash_map<RegisteredConnection*, Living> living_;
};

}  // namespace sallyport::dataplane
