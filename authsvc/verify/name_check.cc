#include "authsvc/verify/name_check.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/verify/name_syntax.h"

namespace sallyport::authsvc {
namespace {

using crypto::GeneralName;
using crypto::NameKind;

constexpr absl::string_view kSmtpUtf8Mailbox = "1.3.6.1.5.5.7.8.9";  // RFC 8398
constexpr int64_t kCostOfRdn = 16;                                   // copying one, in comparisons

Problem Violation(int x509_error, std::string detail) {
  return {base::Reason::kCertNameConstraint, x509_error, std::move(detail), 0};
}

// `host` is `base` or, where `below`, under it.
bool IsWithin(absl::string_view host, absl::string_view base) {
  return absl::EndsWith(host, base) &&
         (host.size() == base.size() || host[host.size() - base.size() - 1] == '.');
}

// ".x": under x. "x": x itself.
bool HostMatches(absl::string_view host, absl::string_view base) {
  return base[0] == '.' ? absl::EndsWith(host, base) : host == base;
}

std::optional<std::string> ReadHostConstraint(absl::string_view base) {
  const bool period = absl::ConsumePrefix(&base, ".");
  std::optional<std::string> host = ReadHost(base, false);
  if (host && period) host->insert(0, ".");
  return host;
}

bool AppliesTo(const GeneralName& base, NameKind kind, int type, absl::string_view value) {
  if (base.kind == NameKind::kEmail && type == GEN_OTHERNAME) return value == kSmtpUtf8Mailbox;
  return base.kind == kind && (kind != NameKind::kOther || base.type == type);
}

bool MaskedEqual(absl::string_view address, absl::string_view base) {
  const size_t size = address.size();
  for (size_t i = 0; i < size; ++i) {
    const auto mask = static_cast<unsigned char>(base[size + i]);
    if (((address[i] ^ base[i]) & mask) != 0) return false;
  }
  return true;
}

// The IPv4 address in ::ffff:a.b.c.d, else the whole.
absl::string_view Unmapped(absl::string_view address) {
  constexpr absl::string_view kPrefix("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
  return address.size() == 16 && absl::StartsWith(address, kPrefix) ? address.substr(12) : address;
}

}  // namespace

std::optional<Problem> NameChecker::Check(const crypto::Certificate& issuer,
                                          const crypto::Certificate& below, int depth) {
  if (!issuer.name_constraints) return std::nullopt;
  const auto [entry, is_new] = answers_.try_emplace(Pair{&issuer, &below});
  if (is_new) entry->second = CheckAll(*issuer.name_constraints, below);
  std::optional<Problem> problem = entry->second;
  if (!problem && exhausted()) {
    problem = Violation(X509_V_ERR_UNSPECIFIED, "too many name comparisons");
  }
  if (problem) problem->depth = depth;
  return problem;
}

std::optional<Problem> NameChecker::CheckAll(const crypto::NameConstraints& constraints,
                                             const crypto::Certificate& below) {
  if (constraints.has_distance) {
    return Violation(X509_V_ERR_SUBTREE_MINMAX, "name constraint with minimum or maximum");
  }
  if (!below.subject_empty) {
    const Candidate subject{
        NameKind::kDirectory, GEN_DIRNAME, {}, X509_get_subject_name(below.x509.get())};
    if (auto problem = CheckName(constraints, subject)) return problem;
  }
  for (const std::string& email : below.subject_emails) {
    if (auto problem = CheckName(constraints, {NameKind::kEmail, GEN_EMAIL, email, nullptr})) {
      return problem;
    }
  }
  for (const GeneralName& name : below.alternative_names) {
    const Candidate candidate{name.kind, name.type, name.value, name.directory.get()};
    if (auto problem = CheckName(constraints, candidate)) return problem;
  }
  return std::nullopt;
}

std::optional<Problem> NameChecker::CheckName(const crypto::NameConstraints& constraints,
                                              const Candidate& name) {
  if (exhausted()) return std::nullopt;  // Check says so
  if (auto problem = CheckExcluded(constraints, name)) return problem;
  return CheckPermitted(constraints, name);
}

namespace {

std::string Shown(absl::string_view value) {
  return absl::StrCat("\"", absl::CHexEscape(value.substr(0, 128)), "\"");
}

}  // namespace

std::optional<Problem> NameChecker::CheckExcluded(const crypto::NameConstraints& constraints,
                                                  const Candidate& name) {
  for (const GeneralName& base : constraints.excluded) {
    if (!AppliesTo(base, name.kind, name.type, name.value)) continue;
    switch (Compare(base, name, true)) {
      case Verdict::kOutside: break;
      case Verdict::kInside:
        return Violation(X509_V_ERR_EXCLUDED_VIOLATION,
                         absl::StrCat("name ", Shown(name.value),
                                      " is excluded by its CA: ", Shown(base.value)));
      case Verdict::kBadConstraint:
        return Violation(X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX,
                         absl::StrCat("name constraint ", Shown(base.value), " is not usable"));
      case Verdict::kBadName:
        return Violation(X509_V_ERR_UNSUPPORTED_NAME_SYNTAX,
                         absl::StrCat("name ", Shown(name.value), " is malformed"));
      case Verdict::kNotSupported:
        return Violation(X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE,
                         "name constraint of a kind that is not supported");
    }
    if (exhausted()) break;
  }
  return std::nullopt;
}

std::optional<Problem> NameChecker::CheckPermitted(const crypto::NameConstraints& constraints,
                                                   const Candidate& name) {
  bool constrained = false;
  for (const GeneralName& base : constraints.permitted) {
    if (!AppliesTo(base, name.kind, name.type, name.value)) continue;
    constrained = true;
    switch (Compare(base, name, false)) {
      case Verdict::kOutside: break;
      case Verdict::kInside: return std::nullopt;
      case Verdict::kBadConstraint:
        return Violation(X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX,
                         absl::StrCat("name constraint ", Shown(base.value), " is not usable"));
      case Verdict::kBadName:
        return Violation(X509_V_ERR_UNSUPPORTED_NAME_SYNTAX,
                         absl::StrCat("name ", Shown(name.value), " is malformed"));
      case Verdict::kNotSupported:
        return Violation(X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE,
                         "name constraint of a kind that is not supported");
    }
    if (exhausted()) return std::nullopt;
  }
  if (!constrained) return std::nullopt;
  return Violation(X509_V_ERR_PERMITTED_VIOLATION,
                   absl::StrCat("name ", Shown(name.value), " is not permitted by its CA"));
}

namespace {

enum class HostVerdict : uint8_t { kOutside, kInside, kBadConstraint, kBadName };

HostVerdict CompareUri(absl::string_view base, absl::string_view name) {
  if (base.empty()) return HostVerdict::kInside;
  const std::optional<std::string> constraint = ReadHostConstraint(base);
  if (!constraint) return HostVerdict::kBadConstraint;
  const std::optional<std::string> host = ReadUriHost(name);
  if (!host) return HostVerdict::kBadName;
  return HostMatches(*host, *constraint) ? HostVerdict::kInside : HostVerdict::kOutside;
}

HostVerdict CompareEmail(absl::string_view base, absl::string_view name) {
  if (base.empty()) return HostVerdict::kInside;
  const std::optional<Mailbox> mailbox = ReadMailbox(name);
  if (absl::StrContains(base, "@")) {
    const std::optional<Mailbox> only = ReadMailbox(base);
    if (!only) return HostVerdict::kBadConstraint;
    if (!mailbox) return HostVerdict::kBadName;
    const bool same = only->local == mailbox->local && only->host == mailbox->host;
    return same ? HostVerdict::kInside : HostVerdict::kOutside;
  }
  const std::optional<std::string> constraint = ReadHostConstraint(base);
  if (!constraint) return HostVerdict::kBadConstraint;
  if (!mailbox) return HostVerdict::kBadName;
  return HostMatches(mailbox->host, *constraint) ? HostVerdict::kInside : HostVerdict::kOutside;
}

HostVerdict CompareAddress(absl::string_view base, absl::string_view name, bool excluded) {
  if (base.size() != 8 && base.size() != 32) return HostVerdict::kBadConstraint;
  if (name.size() != 4 && name.size() != 16) return HostVerdict::kBadName;
  const absl::string_view address = excluded && base.size() == 8 ? Unmapped(name) : name;
  if (base.size() != 2 * address.size()) return HostVerdict::kOutside;
  return MaskedEqual(address, base) ? HostVerdict::kInside : HostVerdict::kOutside;
}

}  // namespace

NameChecker::Verdict NameChecker::Compare(const GeneralName& base, const Candidate& name,
                                          bool excluded) {
  ++comparisons_;
  HostVerdict verdict = HostVerdict::kBadName;
  switch (base.kind) {
    case NameKind::kDns: return CompareDns(base.value, name.value, excluded);
    case NameKind::kDirectory: return CompareDirectory(base.directory.get(), name.directory);
    case NameKind::kOther: return Verdict::kNotSupported;
    case NameKind::kUri: verdict = CompareUri(base.value, name.value); break;
    case NameKind::kEmail:
      if (name.kind != NameKind::kEmail) return Verdict::kNotSupported;
      verdict = CompareEmail(base.value, name.value);
      break;
    case NameKind::kIp: verdict = CompareAddress(base.value, name.value, excluded); break;
  }
  switch (verdict) {
    case HostVerdict::kOutside: return Verdict::kOutside;
    case HostVerdict::kInside: return Verdict::kInside;
    case HostVerdict::kBadConstraint: return Verdict::kBadConstraint;
    case HostVerdict::kBadName: return Verdict::kBadName;
  }
  return Verdict::kBadName;
}

NameChecker::Verdict NameChecker::CompareDns(absl::string_view base, absl::string_view name,
                                             bool excluded) {
  if (base.empty()) return Verdict::kInside;
  absl::string_view bare = base;
  const bool period = absl::ConsumePrefix(&bare, ".");
  if (period && !allow_leading_period_) return Verdict::kBadConstraint;
  const std::optional<std::string> tree = ReadHost(bare, false);
  if (!tree) return Verdict::kBadConstraint;
  const std::optional<std::string> host = ReadHost(name, true);
  if (!host) return Verdict::kBadName;
  if (IsWithin(*host, *tree) && !(period && *host == *tree)) return Verdict::kInside;
  absl::string_view rest = *host;
  const bool wildcard = absl::ConsumePrefix(&rest, "*.");
  // *.x can stand for a name in a tree below x.
  if (excluded && wildcard && IsWithin(*tree, rest)) return Verdict::kInside;
  return Verdict::kOutside;
}

NameChecker::Verdict NameChecker::CompareDirectory(const X509_NAME* base, const X509_NAME* name) {
  if (base == nullptr || name == nullptr) return Verdict::kBadConstraint;
  const auto rdns = [](const X509_NAME* of) {
    const int entries = X509_NAME_entry_count(of);
    return entries == 0 ? 0 : X509_NAME_ENTRY_set(X509_NAME_get_entry(of, entries - 1)) + 1;
  };
  const int wanted = rdns(base);
  const int there = rdns(name);
  if (wanted == 0) return Verdict::kInside;
  if (there < wanted) return Verdict::kOutside;
  const X509_NAME* prefix = there == wanted ? name : Prefix(name, wanted);
  if (prefix == nullptr) return Verdict::kBadName;
  const int difference = X509_NAME_cmp(prefix, base);
  if (difference == -2) return Verdict::kBadName;
  return difference == 0 ? Verdict::kInside : Verdict::kOutside;
}

const X509_NAME* NameChecker::Prefix(const X509_NAME* name, int rdns) {
  crypto::UniqueX509Name& kept = prefixes_[{name, rdns}];
  if (kept != nullptr) return kept.get();
  crypto::UniqueX509Name cut(X509_NAME_new());
  int last = -1;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const int set = X509_NAME_ENTRY_set(entry);
    if (set >= rdns) break;
    if (X509_NAME_add_entry(cut.get(), entry, -1, set == last ? -1 : 0) != 1) return nullptr;
    last = set;
    comparisons_ += kCostOfRdn;
  }
  if (i2d_X509_NAME(cut.get(), nullptr) < 0) return nullptr;  // makes the form that is compared
  kept = std::move(cut);
  return kept.get();
}

}  // namespace sallyport::authsvc
