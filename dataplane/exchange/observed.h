// What is told of a request and of a TCP connection alike: how the client came, by which decision,
// where it went. Views in what is filled show what is given here. One loop's thread.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "dataplane/authorize/verdict.h"
#include "dataplane/exchange/client.h"
#include "dataplane/limit/limiter.h"
#include "dataplane/upstream/connection.h"

namespace sallyport::dataplane {

// The one that refused, where there is one, else the one that let in; null: nothing was decided.
[[nodiscard]] const Decision* DecisionOf(const std::optional<Permit>& permit,
                                         const std::optional<Denial>& denial);
// Hex, of the leaf of a caller's certificates; empty: null.
[[nodiscard]] absl::string_view LeafOf(const PeerCertificate* certificate);

// `certificate`: the caller's.
void DescribeClient(const Client& client, const PeerCertificate* certificate, AccessRecord* record);
void DescribeDecision(const std::optional<Permit>& permit, const std::optional<Denial>& denial,
                      AccessRecord* record);
// Null: there was none.
void DescribeUpstream(const UpstreamFacts* upstream, AccessRecord* record);

// The address where it went; `*room` holds what has to be put together.
void DescribeUpstream(const UpstreamFacts* upstream, std::string* room, AllowedRequest* request);
void DescribeAllowed(const AuthFacts& facts, const Permit& permit, const UpstreamTarget* target,
                     AllowedRequest* request);

// Of a handshake that showed a key.
void ReportPin(LoopServices& services, const UpstreamTarget& target, const UpstreamFacts& upstream);
// Of the identity that was decided on; nothing where nothing was decided.
void ReportUse(LoopServices& services, const PeerCertificate* certificate, absl::string_view api_id,
               const std::optional<Permit>& permit, const std::optional<Denial>& denial,
               const std::optional<QuotaState>& quota = std::nullopt);

}  // namespace sallyport::dataplane
