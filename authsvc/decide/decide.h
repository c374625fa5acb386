// The decision: may the holder of these credentials call this API, as whom, with which rights, for
// how long. A pure function of (snapshot, question, time): no network, no clock, no lock except the
// memo's.
//
// Order (DESIGN 6): API there and deployed to the caller → TLS where the API can ask for a
// certificate → the chain as presented → static allowlist on the proven leaf → dynamic (leaf → key)
// → token (and its certificate bindings), login, signed tokens → keyless → the key's own state,
// policies and access rights → grants.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "authsvc/decide/key_sets.h"
#include "authsvc/decide/trace.h"
#include "sallyport/v1/decision.pb.h"

namespace sallyport::authsvc {

class DecisionMemo;
class KeySets;
class Logins;
struct DecisionNeeds;
class Snapshot;
namespace v1 = ::sallyport::v1;

struct AuthorizeQuestion {
  const v1::AuthorizeRequest& request;
  // The caller has role `decision`: the facts are asserted by it, and version, method and path are
  // evaluated here. The answer is marked so.
  bool asserted = false;
  // Data-plane group of the caller: APIs that are deployed elsewhere do not exist for it. Not set:
  // any.
  std::optional<absl::string_view> group;
  const KeySets* key_sets = nullptr;  // null: none was fetched
  const Logins* logins = nullptr;     // null: no login was checked
  DecisionNeeds* needs = nullptr;     // filled with what the decision lacked; may be null
  SecretKeysOpener open_secrets;      // empty: no token that a shared secret signed passes
};

struct DecisionBounds {
  absl::Duration ttl = absl::Seconds(60);
  absl::Duration negative_ttl = absl::Seconds(5);
  uint32_t stale_if_error_seconds = 300;  // where the API names none
};

// `memo` and `trace` may be null. Never fails: what cannot be decided is a refusal with its reason.
[[nodiscard]] v1::Decision Decide(const Snapshot& snapshot, const AuthorizeQuestion& question,
                                  absl::Time now, DecisionMemo* memo = nullptr,
                                  Trace* trace = nullptr, const DecisionBounds& bounds = {});

}  // namespace sallyport::authsvc
