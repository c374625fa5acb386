// What a session ticket says beside the session: {format, leaf hash, chain hash, time of the full
// handshake}, and the presented issuers where they are small, so that a replica that never saw the
// chain can decide on it. Only ever read from tickets that our keys opened. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/tls/peer.h"

namespace sallyport::dataplane {

struct TicketData {
  std::array<uint8_t, 32> leaf_sha256{};  // zero: no client certificate
  std::array<uint8_t, 32> chain_sha256{};
  absl::Time full_handshake;
  std::vector<std::string>
      issuers_der{};  // as presented behind the leaf; empty: none, or too large

  [[nodiscard]] bool has_certificate() const { return leaf_sha256 != std::array<uint8_t, 32>{}; }
  [[nodiscard]] bool leaf_only() const;
};

// Issuers beyond this make tickets that the client must send with each hello too large: then only
// the replica that saw the chain can resume it.
inline constexpr size_t kMostIssuerBytes = 4096;
inline constexpr size_t kMostIssuers = 7;
// `chain`: leaf first. Nothing when they are too large.
[[nodiscard]] std::vector<std::string> IssuersForTicket(const std::vector<std::string>& chain_der);

[[nodiscard]] std::string EncodeTicketData(const TicketData& data);
[[nodiscard]] bool DecodeTicketData(absl::string_view bytes, TicketData* data);

}  // namespace sallyport::dataplane
