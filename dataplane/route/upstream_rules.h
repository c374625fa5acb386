// How an API's requests find a target among several and what happens when one fails: values with
// their defaults, made from the wire by dataplane/sync, followed by dataplane/upstream.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace sallyport::dataplane {

// How a target is spoken to. HTTP/2: by ALPN on TLS, with prior knowledge without it.
enum class UpstreamProtocol : uint8_t {
  kHttp1,
  kHttp2,
  kAuto,  // TLS only: what the target chooses
};

// Zero: the data plane's default.
struct RouteTimeouts {
  absl::Duration connect, first_byte, idle, total;
};

struct BalancingRules {
  enum class Policy : uint8_t { kRoundRobin, kLeastRequests, kConsistentHash };
  enum class HashOn : uint8_t { kHeader, kCookie, kIdentity, kClientAddress };
  Policy policy = Policy::kRoundRobin;
  HashOn hash_on = HashOn::kClientAddress;
  std::string hash_name;      // header in lower case, cookie exact
  uint32_t load_percent = 0;  // of the average that a target takes at most; 0: no bound
  uint32_t panic_percent = 10;
  absl::Duration slow_start = absl::Seconds(10);
};

struct RetryRules {
  bool enabled = true;
  uint32_t max_targets = 3;  // tried for one request
  uint32_t budget_percent = 20;
};

struct EjectionRules {
  bool enabled = true;
  uint32_t failures = 5;  // in a row
  absl::Duration base = absl::Seconds(5);
  absl::Duration max = absl::Minutes(1);
};

struct HealthCheckRules {
  bool enabled = false;
  std::string path = "/";  // with query
  bool head = false;       // HEAD in place of GET
  absl::Duration interval = absl::Seconds(10);
  absl::Duration timeout = absl::Seconds(2);
  uint32_t unhealthy_after = 3, healthy_after = 2;  // in a row
  std::vector<uint32_t> statuses;                   // empty: 200 to 399
};

// Of each target at this process; zero: none.
struct TargetLimits {
  uint32_t max_requests = 0;     // under way, those that wait included
  uint32_t max_connections = 0;  // in use; further requests wait
  uint32_t max_pending = 0;      // that wait at once
  friend bool operator==(const TargetLimits&, const TargetLimits&) = default;
};

}  // namespace sallyport::dataplane
