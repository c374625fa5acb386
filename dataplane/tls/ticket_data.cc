#include "dataplane/tls/ticket_data.h"

#include <cstring>

#include "shared/crypto/digest.h"

namespace sallyport::dataplane {
namespace {

constexpr char kFormat = 1;
constexpr size_t kBytes = 1 + 32 + 32 + 8;

}  // namespace

bool TicketData::leaf_only() const {
  return crypto::Sha256Array(HashView(leaf_sha256)) == chain_sha256;
}

std::string EncodeTicketData(const TicketData& data) {
  std::string bytes(1, kFormat);
  bytes.append(HashView(data.leaf_sha256).data(), 32);
  bytes.append(HashView(data.chain_sha256).data(), 32);
  const auto seconds = static_cast<uint64_t>(absl::ToUnixSeconds(data.full_handshake));
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(seconds >> shift));
  return bytes;
}

bool DecodeTicketData(absl::string_view bytes, TicketData* data) {
  if (bytes.size() != kBytes || bytes[0] != kFormat) return false;
  std::memcpy(data->leaf_sha256.data(), bytes.data() + 1, 32);
  std::memcpy(data->chain_sha256.data(), bytes.data() + 33, 32);
  uint64_t seconds = 0;
  for (size_t i = 65; i < kBytes; ++i) {
    seconds = seconds << 8 | static_cast<unsigned char>(bytes[i]);
  }
  data->full_handshake = absl::FromUnixSeconds(static_cast<int64_t>(seconds));
  return true;
}

}  // namespace sallyport::dataplane
