#include "authsvc/snapshot/compile.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "authsvc/snapshot/may_use.h"
#include "authsvc/verify/revocation_list.h"
#include "authsvc/verify/trust_set.h"
#include "shared/crypto/certificate.h"

namespace sallyport::authsvc {
namespace {

// The CAs of a listed file that count as anchors: the first, and any further one that did not issue
// an earlier one of the file (a bundle of independent CAs). An issuer of an earlier one is only its
// chain: listing an issuing CA together with its root must not admit everything below the root.
std::vector<CertificatePtr> Anchors(const std::vector<CertificatePtr>& chain) {
  std::vector<CertificatePtr> anchors;
  for (size_t i = 0; i < chain.size(); ++i) {
    if (!chain[i]->is_ca) continue;
    const bool issued_earlier = std::any_of(
        chain.begin(), chain.begin() + static_cast<std::ptrdiff_t>(i),
        [&](const CertificatePtr& earlier) {
          return !earlier->self_issued && earlier->issuer_hash == chain[i]->subject_hash;
        });
    if (i == 0 || !issued_earlier) anchors.push_back(chain[i]);
  }
  return anchors;
}

class AllowlistCompiler {
 public:
  AllowlistCompiler(const Snapshot& view, absl::string_view org) : view_(view), org_(org) {}

  void Add(const v1::AllowlistEntry& listed) {
    list_.empty = false;
    const auto* entry = view_.FindCertificate(org_, listed.certificate_id());
    if (entry == nullptr) {
      list_.pending.push_back(listed.certificate_id());
      return;
    }
    if (!MayUse(org_, entry->org_id())) {
      list_.unusable.push_back(absl::StrCat(entry->id, " (of another organisation)"));
      return;
    }
    if (entry->is_public_key) {
      list_.public_keys[entry->spki_sha256] = {entry->id, true};
      return;
    }
    list_.leaves[entry->fingerprint] = {entry->id, false};
    if (entry->is_ca && !listed.exact()) AddAuthority(*entry);
  }

  Allowlist Take() {
    if (!trust_.authorities.empty()) list_.trust = TrustSet::Make(std::move(trust_));
    return std::move(list_);
  }

 private:
  void AddAuthority(const CertificateEntry& entry) {
    const auto chain = entry.Chain();
    if (!chain.ok()) {
      list_.unusable.push_back(absl::StrCat(entry.id, ": ", chain.status().message()));
      return;
    }
    if (!list_.anchor_ids.emplace(entry.fingerprint, entry.id).second) return;  // listed twice
    for (const auto& anchor : Anchors(*chain)) {
      Digest digest;
      if (ToDigest(anchor->fingerprint, &digest)) list_.anchor_ids.emplace(digest, entry.id);
      trust_.authorities.push_back(anchor);
    }
    for (const auto& one : *chain) trust_.known.push_back(one);
    list_.trust_certificate_ids.push_back(entry.id);
  }

  const Snapshot& view_;
  const absl::string_view org_;
  TrustSpec trust_;
  Allowlist list_;
};

}  // namespace

Allowlist CompileAllowlist(const Snapshot& view, absl::string_view org,
                           const AllowlistEntries& entries) {
  AllowlistCompiler compiler(view, org);
  for (const auto& entry : entries) compiler.Add(entry);
  return compiler.Take();
}

ClientCertificateMap CompileClientCertificates(const v1::DomainCertificates& map) {
  std::vector<std::pair<std::string, std::string>> entries(map.certificate_ids().begin(),
                                                           map.certificate_ids().end());
  std::sort(entries.begin(), entries.end());
  auto compiled = ClientCertificateMap::Build(std::move(entries));
  if (compiled.ok()) return *std::move(compiled);
  return *ClientCertificateMap::Build({{"*", "invalid domain key"}});
}

PinMap CompilePins(const v1::DomainPins& map) {
  std::vector<std::pair<std::string, v1::PinList>> entries(map.pins().begin(), map.pins().end());
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  auto compiled = PinMap::Build(std::move(entries));
  if (compiled.ok()) return *std::move(compiled);
  return *PinMap::Build({{"*", v1::PinList()}});
}

std::shared_ptr<const RevocationList> CompileRevocation(const v1::GatewaySettings& settings) {
  if (settings.revoked().empty()) return nullptr;
  RevocationSpec spec;
  for (const auto& revoked : settings.revoked()) {
    if (!revoked.issuer_der().empty()) {
      spec.serials.push_back({revoked.issuer_der(), revoked.serial()});
    }
    if (!revoked.spki_sha256().empty()) spec.public_keys.push_back(revoked.spki_sha256());
    if (!revoked.tbs_sha256().empty()) spec.signed_parts.push_back(revoked.tbs_sha256());
  }
  return RevocationList::Make(spec);
}

std::vector<std::string> ServedNames(const CertificateEntry& certificate) {
  std::vector<std::string> names;
  const auto chain = certificate.Chain();
  if (!chain.ok() || chain->empty()) return names;
  const auto& leaf = *chain->front();
  for (const std::string& name : leaf.dns_sans) names.push_back(absl::AsciiStrToLower(name));
  if (!names.empty() || !leaf.ip_sans.empty()) return names;
  for (const absl::string_view part : absl::StrSplit(leaf.subject, ',')) {
    if (absl::StartsWith(part, "CN=")) names.push_back(absl::AsciiStrToLower(part.substr(3)));
  }
  return names;
}

}  // namespace sallyport::authsvc
