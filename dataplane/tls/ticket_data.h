// What a session ticket says beside the session: {format, leaf hash, chain hash, time of the full
// handshake}. Only ever read from tickets that our keys opened. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/tls/peer.h"

namespace sallyport::dataplane {

struct TicketData {
  std::array<uint8_t, 32> leaf_sha256{};  // zero: no client certificate
  std::array<uint8_t, 32> chain_sha256{};
  absl::Time full_handshake;

  [[nodiscard]] bool has_certificate() const { return leaf_sha256 != std::array<uint8_t, 32>{}; }
  [[nodiscard]] bool leaf_only() const;
};

[[nodiscard]] std::string EncodeTicketData(const TicketData& data);
[[nodiscard]] bool DecodeTicketData(absl::string_view bytes, TicketData* data);

}  // namespace sallyport::dataplane
