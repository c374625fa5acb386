#include "authsvc/decide/presented.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "authsvc/verify/path_memo.h"
#include "shared/base/text.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

absl::StatusOr<crypto::CertificatePtr> Parse(absl::string_view der, PathMemo* memo) {
  return memo != nullptr ? memo->Parse(der) : crypto::ParseCertificate(der);
}

std::optional<Refusal> CheckProof(const v1::AuthorizeRequest& request,
                                  const v1::GatewaySettings& settings) {
  switch (request.proof()) {
    case v1::PROOF_NONE:
      return Refusal{Reason::kCertMalformed, "certificates without proof of possession", nullptr};
    case v1::PROOF_TLS:
      if (request.tls()) return std::nullopt;
      return Refusal{Reason::kTlsRequired, "TLS proof on a request that did not come by TLS",
                     nullptr};
    case v1::PROOF_HEADER:
      if (!request.proxy().empty() && !settings.trusted_proxies().empty()) return std::nullopt;
      return Refusal{Reason::kCertHeaderInvalid, "certificate header, but no trusted proxy",
                     nullptr};
    default: return Refusal{Reason::kCertMalformed, "unknown kind of proof", nullptr};
  }
}

}  // namespace

Digest DigestOf(absl::string_view raw) {
  Digest digest{};
  if (raw.size() == digest.size()) std::memcpy(digest.data(), raw.data(), digest.size());
  return digest;
}

std::optional<Refusal> ReadPresented(const v1::AuthorizeRequest& request,
                                     const v1::GatewaySettings& settings, PathMemo* memo,
                                     Presented* out) {
  if (request.chain_der().empty()) return std::nullopt;
  if (auto refusal = CheckProof(request, settings)) return refusal;
  if (request.chain_der_size() > kMostPresented) {
    return Refusal{
        Reason::kCertMalformed,
        absl::StrCat(request.chain_der_size(), " certificates presented, at most ", kMostPresented),
        nullptr};
  }
  auto leaf = Parse(request.chain_der(0), memo);
  if (!leaf.ok())
    return Refusal{Reason::kCertMalformed, std::string(leaf.status().message()), nullptr};
  out->chain.reserve(static_cast<size_t>(request.chain_der_size()));
  out->chain.push_back(*std::move(leaf));
  for (int i = 1; i < request.chain_der_size(); ++i) {
    auto other = Parse(request.chain_der(i), memo);
    if (other.ok()) out->chain.push_back(*std::move(other));
  }
  out->fingerprint = DigestOf(out->leaf().fingerprint);
  out->hex = base::Hex(out->leaf().fingerprint);
  return std::nullopt;
}

}  // namespace sallyport::authsvc
