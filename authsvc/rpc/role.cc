#include "authsvc/rpc/role.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "authsvc/rpc/denied_callers.h"

namespace sallyport::authsvc {
namespace {

constexpr uint8_t Bit(Role role) { return static_cast<uint8_t>(1U << static_cast<uint8_t>(role)); }

struct Rule {
  absl::string_view service;
  absl::string_view method;
  uint8_t roles;
};

constexpr uint8_t kPlane = Bit(Role::kDataplane);
constexpr uint8_t kAsk = kPlane | Bit(Role::kDecision);
constexpr uint8_t kWrite = Bit(Role::kAdmin);
constexpr uint8_t kRead = kWrite | Bit(Role::kReader);

// Whatever is not named here is refused for everyone.
constexpr std::array<Rule, 19> kRules = {{
    {"Authorization", "Authorize", kAsk},
    {"Authorization", "ValidateCertificate", kAsk},
    {"Authorization", "ResolveUpstream", kPlane},
    {"Authorization", "Explain", kRead},
    {"Distribution", "Subscribe", kPlane},
    {"Distribution", "Acknowledge", kPlane},
    {"Distribution", "ResolveServer", kPlane},
    {"Telemetry", "Report", kPlane},
    {"Admin", "Put", kWrite},
    {"Admin", "Apply", kWrite},
    {"Admin", "Delete", kWrite},
    {"Admin", "AddCertificate", kWrite},
    {"Admin", "CreateKey", kWrite},
    {"Admin", "RotateKey", kWrite},
    {"Admin", "Get", kRead},
    {"Admin", "List", kRead},
    {"Admin", "Watch", kRead},
    {"Admin", "WhoUses", kRead},
    {"Admin", "Status", kRead},
}};

Peer PeerFromPath(absl::string_view path) {
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '/');
  if (parts.size() != 3 || parts[1].empty() || parts[2].empty()) return {};
  Peer peer;
  peer.role = RoleFromName(parts[0]);
  peer.group = std::string(parts[1]);
  peer.name = std::string(parts[2]);
  return peer;
}

}  // namespace

absl::string_view RoleName(Role role) {
  switch (role) {
    case Role::kDataplane: return "dataplane";
    case Role::kDecision: return "decision";
    case Role::kReader: return "reader";
    case Role::kAdmin: return "admin";
    case Role::kNone: break;
  }
  return "none";
}

Role RoleFromName(absl::string_view name) {
  for (Role role : {Role::kDataplane, Role::kDecision, Role::kReader, Role::kAdmin}) {
    if (RoleName(role) == name) return role;
  }
  return Role::kNone;
}

RoleMap::RoleMap(absl::string_view trust_domain, std::vector<RoleMapping> mappings)
    : prefix_(absl::StrCat("spiffe://", trust_domain, "/sallyport/")) {
  for (RoleMapping& mapping : mappings) {
    if (!mapping.fingerprint.empty()) {
      by_fingerprint_[absl::AsciiStrToLower(mapping.fingerprint)] = std::move(mapping.peer);
    } else {
      by_san_[mapping.san] = std::move(mapping.peer);
    }
  }
}

std::optional<Peer> RoleMap::FindSpiffe(absl::string_view id) const {
  if (!absl::StartsWith(id, prefix_)) return std::nullopt;
  return PeerFromPath(id.substr(prefix_.size()));
}

Peer RoleMap::Find(const PeerCertificate& certificate) const {
  if (certificate.uri_sans.size() == 1) {
    if (auto peer = FindSpiffe(certificate.uri_sans.front())) return *std::move(peer);
  }
  if (const auto found = by_fingerprint_.find(certificate.fingerprint);
      found != by_fingerprint_.end()) {
    return found->second;
  }
  std::vector<Peer> matches;
  const auto look = [this, &matches](absl::string_view kind, const std::string& name) {
    const auto found = by_san_.find(absl::StrCat(kind, name));
    if (found != by_san_.end()) matches.push_back(found->second);
  };
  for (const std::string& name : certificate.uri_sans) look("URI:", name);
  for (const std::string& name : certificate.dns_sans) look("DNS:", name);
  const bool agree = std::all_of(matches.begin(), matches.end(), [&](const Peer& peer) {
    return peer.role == matches.front().role && peer.group == matches.front().group;
  });
  return matches.empty() || !agree ? Peer{} : matches.front();
}

void RoleMap::Deny(std::shared_ptr<const DeniedCallers> denied) {
  const base::MutexLock lock(&mutex_);
  denied_ = denied != nullptr && denied->size() > 0 ? std::move(denied) : nullptr;
  somebody_denied_.store(denied_ != nullptr, std::memory_order_release);
}

std::shared_ptr<const DeniedCallers> RoleMap::denied() const {
  if (!somebody_denied_.load(std::memory_order_acquire)) return nullptr;
  const base::MutexLock lock(&mutex_);
  return denied_;
}

bool RoleMap::Denies(const PeerCertificate& certificate) const {
  const auto list = denied();
  return list != nullptr && list->Denies(certificate);
}

bool MayCall(Role role, absl::string_view service, absl::string_view method) {
  if (role == Role::kNone) return false;
  const auto rule = std::find_if(kRules.begin(), kRules.end(), [&](const Rule& candidate) {
    return candidate.service == service && candidate.method == method;
  });
  return rule != kRules.end() && (rule->roles & Bit(role)) != 0;
}

}  // namespace sallyport::authsvc
