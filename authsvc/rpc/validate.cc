#include "authsvc/rpc/validate.h"

#include "absl/strings/str_cat.h"
#include "authsvc/decide/memo.h"
#include "authsvc/identify/identify.h"
#include "authsvc/push/route_of.h"
#include "authsvc/snapshot/snapshot.h"
#include "authsvc/verify/verify_path.h"
#include "shared/base/text.h"

namespace sallyport::authsvc {
namespace {

namespace wire = ::sallyport::v1;

constexpr int kMostPresented = 8;
constexpr int kMostCertificates = 64;  // of trust that comes with the question

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
      return absl::InvalidArgumentError(absl::StrCat("trust_der: ", std::string(certificate.status().message())));
    }
    spec->authorities.push_back(*std::move(certificate));
  }
  return absl::OkStatus();
}

// What the API's own list and the gateway's accept, as one trust set.
absl::Status AddAllowlist(const Snapshot& snapshot, const Allowlist& list, TrustSpec* spec) {
  for (const auto& [leaf, listed] : list.leaves) {
    const CertificateEntry* entry = snapshot.FindCertificateById(listed.certificate_id);
    if (entry == nullptr || entry->is_public_key) continue;
    auto chain = entry->Chain();
    if (chain.ok() && !chain->empty()) spec->exact.push_back(chain->front());
  }
  for (const auto& [spki, listed] : list.public_keys) {
    spec->public_keys.emplace_back(reinterpret_cast<const char*>(spki.data()), spki.size());
  }
  for (const std::string& id : list.trust_certificate_ids) {
    const CertificateEntry* entry = snapshot.FindCertificateById(id);
    if (entry == nullptr) continue;
    auto chain = entry->Chain();
    if (chain.ok() && !chain->empty()) spec->authorities.push_back(chain->front());
  }
  return absl::OkStatus();
}

absl::StatusOr<TrustSetPtr> TrustOf(const Snapshot& snapshot,
                                    const wire::ValidateCertificateRequest& request,
                                    std::optional<absl::string_view> group) {
  TrustSpec spec;
  if (!request.api_id().empty()) {
    const ApiEntry* api = snapshot.FindApi(request.api_id());
    if (api == nullptr ||
        (group.has_value() && !AudienceOf(*api).Includes(std::string(*group)))) {
      return absl::NotFoundError(absl::StrCat("no API ", request.api_id()));
    }
    absl::Status status = AddAllowlist(snapshot, api->allowlist, &spec);
    status.Update(AddAllowlist(snapshot, snapshot.settings().client_allowlist, &spec));
    if (!status.ok()) return status;
  }
  absl::Status status = AddIds(snapshot, request, &spec);
  status.Update(AddDer(request, &spec));
  if (!status.ok()) return status;
  return TrustSet::Make(std::move(spec));
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

RevocationListPtr DenyList(const Snapshot& snapshot) {
  RevocationSpec spec;
  for (const wire::RevokedCertificate& item : snapshot.settings().settings.revoked()) {
    if (!item.issuer_der().empty()) spec.serials.push_back({item.issuer_der(), item.serial()});
    if (!item.spki_sha256().empty()) spec.public_keys.push_back(item.spki_sha256());
    if (!item.tbs_sha256().empty()) spec.signed_parts.push_back(item.tbs_sha256());
  }
  return RevocationList::Make(spec);
}

}  // namespace

absl::StatusOr<wire::ValidateCertificateResponse> ValidateCertificate(
    const Snapshot& snapshot, const wire::ValidateCertificateRequest& request,
    std::optional<absl::string_view> group, absl::Time now, DecisionMemo* memo) {
  if (request.chain_der().empty()) return absl::InvalidArgumentError("chain_der is empty");
  if (request.chain_der_size() > kMostPresented) {
    return absl::InvalidArgumentError(absl::StrCat("chain_der has more than ", kMostPresented, " certificates"));
  }
  if (request.trust_der_size() + request.trust_certificate_ids_size() > kMostCertificates) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMostCertificates, " trust certificates"));
  }
  auto purpose = PurposeOf(request.purpose());
  if (!purpose.ok()) return purpose.status();
  auto trust = TrustOf(snapshot, request, group);
  if (!trust.ok()) return trust.status();
  wire::ValidateCertificateResponse response;
  response.set_revision(snapshot.revision());
  PathQuestion question;
  question.trust = *std::move(trust);
  question.time = request.time_unix() == 0 ? now : absl::FromUnixSeconds(request.time_unix());
  question.purpose = *purpose;
  question.revocation = DenyList(snapshot);
  for (const std::string& der : request.chain_der()) {
    auto certificate = memo == nullptr ? crypto::ParseCertificate(der) : memo->paths()->Parse(der);
    if (!certificate.ok()) {
      response.mutable_failure()->set_reason(static_cast<uint32_t>(base::Reason::kCertMalformed));
      response.mutable_failure()->set_depth(static_cast<int>(question.presented.size()));
      response.mutable_failure()->set_detail(std::string(certificate.status().message()));
      return response;
    }
    question.presented.push_back(*std::move(certificate));
  }
  *response.mutable_leaf() = FactsOf(*question.presented.front());
  const PathResult result = VerifyPath(question, memo == nullptr ? nullptr : memo->paths());
  response.set_valid(result.ok());
  if (!result.ok()) {
    FillFailure(*result.failure, response.mutable_failure());
    return response;
  }
  for (const auto& certificate : result.path->certificates) *response.add_path() = FactsOf(*certificate);
  response.set_not_after_unix(absl::ToUnixSeconds(result.path->not_after));
  return response;
}

}  // namespace sallyport::authsvc
