// The second half of routing: with the API known, what of it is asked for. Version, stripped path,
// path rules, auth profile, IP rules, before anything is authorized (DESIGN 2.4). Pure,
// thread-safe.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/route/route.h"
#include "shared/base/reason.h"

namespace sallyport::dataplane {

class RouteTable;
struct HostMemo;

struct RouteQuestion {
  uint32_t listen_port = 0;          // RoutePlace (route_table.h)
  absl::string_view host;            // lower case, without port
  absl::string_view method;          // upper case
  absl::string_view path;            // normalised, without query
  absl::string_view query;           // without '?'
  absl::string_view client_address;  // text of the client's IP address
  absl::Time now;
  HostMemo* memo = nullptr;  // of who asks, where it asks again and again (route_table.h)
};
// First value of a request header by its lower-case name; nothing when it is absent.
using HeaderLookup = absl::FunctionRef<std::optional<absl::string_view>(absl::string_view)>;

// Everything that later phases need to know of the route; holds what it points to.
struct RouteMatch {
  RoutePtr route;
  const RouteVersion* version = nullptr;  // in `route`; null where the API has no version data
  std::string version_name;               // "" where the API is not versioned
  std::string path;   // to append to the target's path; rules and allowed_urls match this ('/'...)
  std::string query;  // to forward (without a stripped version parameter)
  // "" normal, "ignored": path exempt from tokens and limits, "open": an operation without token
  std::string profile;
  const RouteOperation* operation = nullptr;  // in `route`; null where it lists none
  std::string strip_header;  // lower case; not to be forwarded (versioning in a header with strip)
  EndpointChanges changes;   // in `route`
};
struct RouteRefusal {
  base::Reason reason = base::Reason::kNoRoute;
  RoutePtr route;  // null for kNoRoute; else its style answers
  std::string detail;
  std::string allowed_methods;  // of kMethodNotAllowed, as in Allow (RFC 9110 section 10.2.1)
};

// False: the API does not take anybody from there.
[[nodiscard]] bool AddressAllowed(const IpRuleSet& rules, absl::string_view address);
[[nodiscard]] std::variant<RouteMatch, RouteRefusal> MatchRoute(const RouteTable& table,
                                                                const RouteQuestion& question,
                                                                HeaderLookup header);

}  // namespace sallyport::dataplane
