// Asks the targets of the APIs that say so, each in its interval, and tells their states. One per
// process, on one loop; all loops read the states. A check uses the client certificate, trust and
// pins that a request of that API would use for that host and port, asked for anew each time, on a
// connection that serves nothing else.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "absl/container/flat_hash_map.h"
#include "dataplane/authorize/probe_pass.h"
#include "dataplane/loop/loop.h"
#include "dataplane/route/route_table.h"
#include "dataplane/sync/credentials.h"
#include "dataplane/upstream/resolver.h"
#include "dataplane/upstream/target_registry.h"
#include "dataplane/upstream_tls/system_trust.h"
#include "shared/base/clock.h"

namespace sallyport::dataplane {

// What could be had for one target that needs them: credentials; that requests to it are refused,
// and why; or neither, because nobody answers: then nothing is known of the target.
struct CredentialsRefused {
  std::string detail;
};
struct CredentialsUnknown {};
using ProbeCredentials =
    std::variant<UpstreamCredentialsPtr, CredentialsRefused, CredentialsUnknown>;
using ProbeCredentialSource =
    std::function<boost::asio::awaitable<ProbeCredentials>(RoutePtr, UpstreamTargetPtr, ProbePass)>;

class HealthChecker {
 public:
  enum class Result : uint8_t { kGood, kBad, kNone };
  struct Parts {
    Loop& loop;
    Resolver& resolver;
    const SystemTrust& trust;
    TargetRegistry& targets;
    const base::Clock& clock;
    ProbeCredentialSource credentials;
    std::function<void(Result)> count;
  };
  // All of `parts` outlives this, and this every coroutine of the loop.
  explicit HealthChecker(Parts parts);
  ~HealthChecker();
  HealthChecker(const HealthChecker&) = delete;
  HealthChecker& operator=(const HealthChecker&) = delete;

  // The routes in force. Cheap when they are those of the last call.
  void Follow(const RouteTablePtr& routes);
  [[nodiscard]] size_t size() const { return checks_.size(); }
  [[nodiscard]] size_t running() const { return running_; }

 private:
  class Check;
  using CheckPtr = std::shared_ptr<Check>;
  using Checks = absl::flat_hash_map<std::string, CheckPtr>;

  void AddChecksOf(const RoutePtr& route, Checks* now);
  void Begin(const CheckPtr& check);
  [[nodiscard]] boost::asio::awaitable<void> Run(CheckPtr check);
  [[nodiscard]] boost::asio::awaitable<Result> Ask(Check& check, RoutePtr route,
                                                   std::string* detail);
  [[nodiscard]] boost::asio::awaitable<bool> Prepare(Check& check, RoutePtr route, Result* result,
                                                     std::string* detail);
  static void Forget(Check* check);
  void Conclude(const Check& check, const Route& route, Result result, const std::string& detail);

  Parts parts_;
  RouteTablePtr routes_;
  Checks checks_;  // by API, scheme, host, port and forward proxy
  size_t running_ = 0;
};

}  // namespace sallyport::dataplane
