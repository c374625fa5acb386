#include "dataplane/tls/ticket_data.h"

#include <cstring>

#include "shared/crypto/digest.h"

namespace sallyport::dataplane {
namespace {

constexpr char kFormat = 2;
constexpr size_t kFixedBytes = 1 + 32 + 32 + 8;
constexpr size_t kLengthBytes = 2;

bool DecodeIssuers(absl::string_view bytes, std::vector<std::string>* issuers) {
  if (bytes.size() > kMostIssuerBytes + kMostIssuers * kLengthBytes) return false;
  while (!bytes.empty()) {
    if (bytes.size() < kLengthBytes || issuers->size() == kMostIssuers) return false;
    const size_t size = static_cast<size_t>(static_cast<unsigned char>(bytes[0])) << 8 |
                        static_cast<unsigned char>(bytes[1]);
    bytes.remove_prefix(kLengthBytes);
    if (size == 0 || size > bytes.size()) return false;
    issuers->emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return true;
}

}  // namespace

bool TicketData::leaf_only() const {
  return crypto::Sha256Array(DigestView(leaf_sha256)) == chain_sha256;
}

std::vector<std::string> IssuersForTicket(const std::vector<std::string>& chain_der) {
  size_t bytes = 0;
  for (size_t i = 1; i < chain_der.size(); ++i) bytes += chain_der[i].size();
  if (chain_der.size() < 2 || chain_der.size() - 1 > kMostIssuers || bytes > kMostIssuerBytes)
    return {};
  return {chain_der.begin() + 1, chain_der.end()};
}

std::string EncodeTicketData(const TicketData& data) {
  std::string bytes(1, kFormat);
  bytes.append(DigestView(data.leaf_sha256).data(), 32);
  bytes.append(DigestView(data.chain_sha256).data(), 32);
  const auto seconds = static_cast<uint64_t>(absl::ToUnixSeconds(data.full_handshake));
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(seconds >> shift));
  for (const std::string& issuer : data.issuers_der) {
    bytes.push_back(static_cast<char>(issuer.size() >> 8));
    bytes.push_back(static_cast<char>(issuer.size() & 0xff));
    bytes.append(issuer);
  }
  return bytes;
}

bool DecodeTicketData(absl::string_view bytes, TicketData* data) {
  if (bytes.size() < kFixedBytes || bytes[0] != kFormat) return false;
  std::memcpy(data->leaf_sha256.data(), bytes.data() + 1, 32);
  std::memcpy(data->chain_sha256.data(), bytes.data() + 33, 32);
  uint64_t seconds = 0;
  for (size_t i = 65; i < kFixedBytes; ++i) {
    seconds = seconds << 8 | static_cast<unsigned char>(bytes[i]);
  }
  data->full_handshake = absl::FromUnixSeconds(static_cast<int64_t>(seconds));
  data->issuers_der.clear();
  return DecodeIssuers(bytes.substr(kFixedBytes), &data->issuers_der);
}

}  // namespace sallyport::dataplane
