#include "authsvc/rpc/validate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "authsvc/decide/memo.h"
#include "authsvc/identify/identify.h"
#include "authsvc/push/route_of.h"
#include "authsvc/snapshot/may_use.h"
#include "authsvc/snapshot/snapshot.h"
#include "authsvc/verify/verify_path.h"
#include "shared/base/text.h"

namespace sallyport::authsvc {
namespace {

namespace wire = ::sallyport::v1;

constexpr int kMostPresented = 8;
constexpr int kMostCertificates = 64;  // of trust that comes with the question
constexpr int kMostBundles = 16;

absl::StatusOr<Purpose> PurposeOf(const std::string& text) {
  if (text.empty() || text == "client") return Purpose::kClient;
  if (text == "server") return Purpose::kServer;
  if (text == "any") return Purpose::kAny;
  return absl::InvalidArgumentError("purpose must be client, server or any");
}

absl::Status AddIds(const Snapshot& snapshot, const wire::ValidateCertificateRequest& request,
                    TrustSpec* spec) {
  for (const std::string& id : request.trust_certificate_ids()) {
    const CertificateEntry* entry = snapshot.FindCertificateById(id);
    if (entry == nullptr) return absl::NotFoundError(absl::StrCat("no certificate ", id));
    if (entry->is_public_key) {
      spec->public_keys.emplace_back(reinterpret_cast<const char*>(entry->spki_sha256.data()),
                                     entry->spki_sha256.size());
      continue;
    }
    auto chain = entry->Chain();
    if (!chain.ok()) return chain.status();
    if (!chain->empty()) spec->authorities.push_back(chain->front());
  }
  return absl::OkStatus();
}

absl::Status AddDer(const wire::ValidateCertificateRequest& request, TrustSpec* spec) {
  for (const std::string& der : request.trust_der()) {
    auto certificate = crypto::ParseCertificate(der);
    if (!certificate.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("trust_der: ", std::string(certificate.status().message())));
    }
    spec->authorities.push_back(*std::move(certificate));
  }
  return absl::OkStatus();
}

// What a chain is held against: the allowlists of an API as they were compiled, then what came with
// the question.
struct Trust {
  const ApiEntry* api = nullptr;
  std::vector<const Allowlist*> lists;
  std::vector<TrustSetPtr> given;
  bool any_issuer = false;
};

void AddTag(absl::string_view kind, absl::string_view id, wire::ValidateCertificateResponse* out) {
  std::string tag = absl::StrCat(kind, id);
  const auto& tags = out->tags();
  if (std::find(tags.begin(), tags.end(), tag) == tags.end()) out->add_tags(std::move(tag));
}

// A certificate of it that is missing, or another organisation's, is left out: less is trusted.
TrustSetPtr TrustOfBundle(const Snapshot& snapshot, const wire::TrustBundle& bundle,
                          wire::ValidateCertificateResponse* response) {
  TrustSpec spec;
  spec.allow_leading_period = bundle.allow_leading_dot_constraints();
  for (const std::string& reference : bundle.certificate_ids()) {
    AddTag("cert:", reference, response);
    const CertificateEntry* const entry = snapshot.FindCertificate(bundle.org_id(), reference);
    if (entry == nullptr || !MayUse(bundle.org_id(), entry->org_id())) continue;
    AddTag("cert:", entry->id, response);
    const auto chain = entry->Chain();
    if (!chain.ok()) continue;
    spec.authorities.insert(spec.authorities.end(), chain->begin(), chain->end());
  }
  return TrustSet::Make(std::move(spec));
}

// Each bundle for itself: what one of them allows holds for no other.
void AddBundles(const Snapshot& snapshot, const wire::ValidateCertificateRequest& request,
                Trust* trust, wire::ValidateCertificateResponse* response) {
  for (const std::string& id : request.trust_bundle_ids()) {
    AddTag("trust:", id, response);
    const TrustBundleEntry* const entry = snapshot.FindTrustBundle(id);
    if (entry != nullptr) trust->given.push_back(TrustOfBundle(snapshot, entry->bundle, response));
  }
}

absl::StatusOr<Trust> TrustOf(const Snapshot& snapshot,
                              const wire::ValidateCertificateRequest& request,
                              std::optional<absl::string_view> group,
                              wire::ValidateCertificateResponse* response) {
  Trust trust;
  trust.any_issuer = request.any_issuer();
  if (!request.api_id().empty()) {
    trust.api = snapshot.FindApi(request.api_id());
    if (trust.api == nullptr ||
        (group.has_value() && !AudienceOf(*trust.api).Includes(std::string(*group)))) {
      return absl::NotFoundError(absl::StrCat("no API ", request.api_id()));
    }
    trust.lists = {&trust.api->allowlist, &snapshot.settings().client_allowlist};
    AddTag("api:", request.api_id(), response);
  }
  AddBundles(snapshot, request, &trust, response);
  if (request.trust_der().empty() && request.trust_certificate_ids().empty()) return trust;
  TrustSpec spec;
  absl::Status status = AddIds(snapshot, request, &spec);
  status.Update(AddDer(request, &spec));
  if (!status.ok()) return status;
  for (const std::string& id : request.trust_certificate_ids()) AddTag("cert:", id, response);
  trust.given.push_back(TrustSet::Make(std::move(spec)));
  return trust;
}

bool IsListed(const Trust& trust, const crypto::Certificate& leaf) {
  return std::any_of(trust.lists.begin(), trust.lists.end(), [&](const Allowlist* list) {
    return list->FindLeaf(leaf.fingerprint) != nullptr ||
           list->FindPublicKey(leaf.spki_sha256) != nullptr;
  });
}

// A leaf that is listed itself, or of which nobody asks who issued it, needs no path.
PathResult CheckListed(const PathQuestion& question) {
  const crypto::CertificatePtr& leaf = question.presented.front();
  PathResult result;
  if (auto failure =
          CheckLeafAlone(*leaf, question.time, question.purpose, question.revocation.get())) {
    result.failure = std::make_shared<const PathFailure>(*std::move(failure));
    return result;
  }
  VerifiedPath path;
  path.certificates = {leaf};
  path.anchor = AnchorKind::kExact;
  path.not_before = leaf->not_before;
  path.not_after = leaf->not_after;
  result.path = std::make_shared<const VerifiedPath>(std::move(path));
  return result;
}

// The first path that is found, else the failure that says most: anything but "issuer unknown".
PathResult Verify(PathQuestion question, const Trust& trust, PathMemo* memo) {
  if (trust.any_issuer || IsListed(trust, *question.presented.front()))
    return CheckListed(question);
  std::vector<TrustSetPtr> sets;
  for (const Allowlist* list : trust.lists) {
    if (list->trust != nullptr) sets.push_back(list->trust);
  }
  sets.insert(sets.end(), trust.given.begin(), trust.given.end());
  if (sets.empty()) sets.push_back(TrustSet::Make({}));
  PathResult best;
  for (TrustSetPtr& set : sets) {
    question.trust = std::move(set);
    PathResult result = VerifyPath(question, memo);
    if (result.ok()) return result;
    if (best.failure == nullptr || best.failure->reason == base::Reason::kCertUntrusted)
      best = std::move(result);
  }
  return best;
}

void FillFailure(const PathFailure& failure, wire::PathFailure* out) {
  out->set_reason(static_cast<uint32_t>(failure.reason));
  out->set_x509_error(failure.x509_error);
  out->set_depth(failure.depth);
  out->set_subject(failure.subject);
  out->set_issuer(failure.issuer);
  out->set_fingerprint(base::Hex(failure.fingerprint));
  out->set_detail(failure.detail);
}

int DepthOf(const Trust& trust, const wire::ValidateCertificateRequest& request) {
  uint32_t depth = request.max_depth();
  if (depth == 0 && trust.api != nullptr) depth = trust.api->api.client_tls().max_depth();
  return static_cast<int>(std::min<uint32_t>(depth, kMaxPathCertificates));
}

absl::Status CheckQuestion(const wire::ValidateCertificateRequest& request) {
  if (request.chain_der().empty()) return absl::InvalidArgumentError("chain_der is empty");
  if (request.chain_der_size() > kMostPresented) {
    return absl::InvalidArgumentError(
        absl::StrCat("chain_der has more than ", kMostPresented, " certificates"));
  }
  if (request.trust_der_size() + request.trust_certificate_ids_size() > kMostCertificates) {
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", kMostCertificates, " trust certificates"));
  }
  if (request.trust_bundle_ids_size() > kMostBundles) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMostBundles, " trust bundles"));
  }
  const bool names_trust = !request.api_id().empty() || !request.trust_bundle_ids().empty() ||
                           !request.trust_certificate_ids().empty() || !request.trust_der().empty();
  if (request.any_issuer() && names_trust) {
    return absl::InvalidArgumentError("any_issuer leaves no room for an API or trust");
  }
  return absl::OkStatus();
}

// How long the answer may be kept: as a decision of this kind.
void SetTime(const DecisionBounds& bounds, const crypto::Certificate* leaf, absl::Time not_after,
             absl::Time now, wire::ValidateCertificateResponse* response) {
  absl::Time end = now + (response->valid() ? bounds.ttl : bounds.negative_ttl);
  if (response->valid()) end = std::min(end, not_after);
  if (!response->valid() && leaf != nullptr && leaf->not_before > now)
    end = std::min(end, leaf->not_before);
  response->set_ttl_ms(std::max<int64_t>(0, absl::ToInt64Milliseconds(end - now)));
}

}  // namespace

absl::StatusOr<wire::ValidateCertificateResponse> ValidateCertificate(
    const Snapshot& snapshot, const wire::ValidateCertificateRequest& request,
    std::optional<absl::string_view> group, absl::Time now, DecisionMemo* memo,
    const DecisionBounds& bounds) {
  if (absl::Status checked = CheckQuestion(request); !checked.ok()) return checked;
  auto purpose = PurposeOf(request.purpose());
  if (!purpose.ok()) return purpose.status();
  wire::ValidateCertificateResponse response;
  response.set_revision(snapshot.revision());
  response.add_tags("settings");
  auto trust = TrustOf(snapshot, request, group, &response);
  if (!trust.ok()) return trust.status();
  PathQuestion question;
  question.time = request.time_unix() == 0 ? now : absl::FromUnixSeconds(request.time_unix());
  question.purpose = *purpose;
  question.revocation = snapshot.settings().revocation;
  question.max_depth = DepthOf(*trust, request);
  for (const std::string& der : request.chain_der()) {
    auto certificate = memo == nullptr ? crypto::ParseCertificate(der) : memo->paths()->Parse(der);
    if (!certificate.ok()) {
      response.mutable_failure()->set_reason(static_cast<uint32_t>(base::Reason::kCertMalformed));
      response.mutable_failure()->set_depth(static_cast<int>(question.presented.size()));
      response.mutable_failure()->set_detail(std::string(certificate.status().message()));
      SetTime(bounds, nullptr, now, now, &response);
      return response;
    }
    question.presented.push_back(*std::move(certificate));
  }
  const crypto::CertificatePtr leaf = question.presented.front();
  AddTag("leaf:", base::Hex(leaf->fingerprint), &response);
  *response.mutable_leaf() = FactsOf(*leaf);
  const PathResult result =
      Verify(std::move(question), *trust, memo == nullptr ? nullptr : memo->paths());
  response.set_valid(result.ok());
  if (!result.ok()) {
    FillFailure(*result.failure, response.mutable_failure());
    SetTime(bounds, leaf.get(), now, now, &response);
    return response;
  }
  for (const auto& certificate : result.path->certificates)
    *response.add_path() = FactsOf(*certificate);
  response.set_not_after_unix(absl::ToUnixSeconds(result.path->not_after));
  SetTime(bounds, leaf.get(), result.path->not_after, now, &response);
  return response;
}

}  // namespace sallyport::authsvc
