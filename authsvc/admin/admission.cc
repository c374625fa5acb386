#include "authsvc/admin/admission.h"

#include "absl/strings/str_cat.h"
#include "authsvc/decide/static_check.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc::admin {
namespace {

Presented Parse(const std::vector<std::string>& chain_der) {
  Presented presented;
  for (const std::string& der : chain_der) {
    auto certificate = crypto::ParseCertificate(der);
    if (certificate.ok()) presented.chain.push_back(*std::move(certificate));
    if (presented.chain.empty()) return presented;  // the leaf itself is not a certificate
    if (presented.chain.size() == static_cast<size_t>(kMostPresented)) break;
  }
  if (presented.any()) {
    presented.fingerprint = DigestOf(presented.leaf().fingerprint);
    presented.hex = base::Hex(presented.leaf().fingerprint);
  }
  return presented;
}

std::string MessageOf(const Refusal& refusal, const Presented& presented) {
  if (refusal.reason == base::Reason::kCertExpired) return "Certificate has expired";
  return absl::StrCat("Certificate with SHA256 ", presented.hex, " not allowed");
}

}  // namespace

const AdminKey* FindAdminKey(const std::vector<AdminKey>& keys, absl::string_view presented) {
  const std::string hash = crypto::Sha256(presented);
  const AdminKey* found = nullptr;
  for (const AdminKey& key : keys) {
    const bool equal = base::ConstantTimeEquals(key.sha256, hash);
    if (equal && key.sha256.size() == hash.size()) found = &key;
  }
  return presented.empty() ? nullptr : found;
}

std::optional<Response> CheckControlCertificate(const Snapshot& snapshot,
                                                const admin_http::Request& request,
                                                absl::Time now) {
  const SettingsEntry& settings = snapshot.settings();
  if (!settings.settings.control_requires_certificate()) return std::nullopt;
  if (!request.tls) return ErrorAnswer(403, "TLS not enabled");
  if (request.peer_chain_der.empty()) return ErrorAnswer(403, "Client TLS certificate is required");
  const Presented presented = Parse(request.peer_chain_der);
  if (!presented.any()) return ErrorAnswer(403, "Client TLS certificate is not valid");
  const Allowlist* const lists[] = {&settings.control_allowlist};
  StaticQuestion question{presented, lists, now};
  question.revocation = settings.revocation;
  const StaticVerdict verdict = CheckStatic(question);
  if (!verdict.refusal.has_value()) return std::nullopt;
  return ErrorAnswer(403, MessageOf(*verdict.refusal, presented));
}

}  // namespace sallyport::authsvc::admin
