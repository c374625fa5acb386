// How a decision is written: refusal or permit, identity, time, tags.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "authsvc/decide/decider.h"
#include "authsvc/identify/identify.h"
#include "authsvc/snapshot/identity_forwarding.h"

namespace sallyport::authsvc {
namespace {

constexpr int kMostPendingTags = 32;

absl::string_view StageOf(const Refusal& refusal) {
  if (refusal.failure != nullptr) return "verify";
  switch (refusal.reason) {
    case base::Reason::kCertMalformed:
    case base::Reason::kCertNotAllowed: return "verify";
    case base::Reason::kCertUnknown:
    case base::Reason::kCertBindingMismatch:
    case base::Reason::kTokenUnknown:
    case base::Reason::kTokenInvalid:
    case base::Reason::kTokenMalformed:
    case base::Reason::kTokenNamesNobody:
    case base::Reason::kLoginInvalid:
    case base::Reason::kTokenExpired:
    case base::Reason::kTokenKeysUnavailable:
    case base::Reason::kTokenRequired: return "identify";
    default: return "decide";
  }
}

template <typename Tags>
void AddNew(const Tags& from, google::protobuf::RepeatedPtrField<std::string>* to) {
  for (const std::string& tag : from) {
    if (std::find(to->begin(), to->end(), tag) == to->end()) to->Add(std::string(tag));
  }
}

}  // namespace

void Decider::AddTag(absl::string_view kind, absl::string_view id) {
  std::string tag = absl::StrCat(kind, id);
  const auto& tags = decision_.tags();
  if (std::find(tags.begin(), tags.end(), tag) == tags.end()) decision_.add_tags(std::move(tag));
}

// A refusal must go when what is missing appears; more than these go with their short life.
void Decider::TagPending(const Allowlist& list) {
  int room = kMostPendingTags;
  for (const std::string& reference : list.pending) {
    if (room-- == 0) return;
    AddTag("cert:", reference);
  }
}

void Decider::Refuse(const Refusal& refusal) {
  decision_.set_reason(static_cast<uint32_t>(refusal.reason));
  decision_.set_detail(refusal.detail);
  if (refusal.failure != nullptr) *decision_.mutable_failure() = FailureOf(*refusal.failure);
  if (presented_.any())
    FillFacts(presented_.leaf(), decision_.mutable_identity()->mutable_certificate());
  if (key_ != nullptr) decision_.mutable_identity()->set_key_id(key_->key.id());
  SetTime(false);
  if (trace_ != nullptr) {
    trace_->Fail(StageOf(refusal),
                 absl::StrCat("refused, ", base::ReasonName(refusal.reason), ": ", refusal.detail));
  }
}

void Decider::Allow() {
  v1::Grants* const grants = decision_.mutable_grants();
  grants->set_all_versions(true);
  if (key_ != nullptr) {
    GrantRights(rights_, api(), grants);
    GrantLimits(rights_, api(), grants);
  }
  for (const std::string& scope : scopes_) grants->add_scopes(scope);
  SetIdentity();
  SetTime(true);
  decision_.set_stale_if_error_seconds(
      api().fail_closed() ? 0
                          : (api().stale_if_error_seconds() != 0 ? api().stale_if_error_seconds()
                                                                 : bounds_.stale_if_error_seconds));
  Pass("decide", [&] {
    return absl::StrCat("allowed as \"", decision_.identity().name(), "\" for ", decision_.ttl_ms(),
                        " ms");
  });
}

// A certificate that was presented but not accepted for this API says nothing about who calls.
void Decider::SetIdentity() {
  v1::Identity* const identity = decision_.mutable_identity();
  const crypto::Certificate* const leaf = certificate_accepted_ ? &presented_.leaf() : nullptr;
  const v1::Key* const key = key_ != nullptr ? &key_->key : nullptr;
  identity->set_name(key == nullptr && !jwt_identity_.empty() ? jwt_identity_
                                                              : IdentityName(key, leaf));
  for (const auto& [name, value] : jwt_metadata_) (*identity->mutable_metadata())[name] = value;
  identity->set_org_id(api().org_id());
  if (leaf != nullptr) {
    FillFacts(*leaf, identity->mutable_certificate());
    identity->set_certificate_verified(true);
    if (TellsPath(IdentityForwardingOf(api(), snapshot_.settings().settings))) {
      for (const crypto::CertificatePtr& issuer : issuers_) identity->add_path_der(issuer->der);
    }
  }
  if (key == nullptr) return;
  identity->set_key_id(key->id());
  *identity->mutable_policy_ids() = key->policy_ids();
  AddNew(key->tags(), identity->mutable_tags());
  for (const auto& [name, value] : key->metadata()) (*identity->mutable_metadata())[name] = value;
  for (const v1::Policy* policy : rights_.policies) {
    AddNew(policy->tags(), identity->mutable_tags());
    for (const auto& [name, value] : policy->metadata())
      (*identity->mutable_metadata())[name] = value;
  }
}

void Decider::SetTime(bool allowed) {
  absl::Time end = now_ + (allowed ? bounds_.ttl : bounds_.negative_ttl);
  end = std::min(end, allowed ? hard_expiry_ : not_yet_);
  decision_.set_ttl_ms(std::max<int64_t>(0, absl::ToInt64Milliseconds(end - now_)));
  if (allowed && hard_expiry_ != absl::InfiniteFuture()) {
    decision_.set_hard_expiry_unix_ms(absl::ToUnixMillis(hard_expiry_));
  }
}

}  // namespace sallyport::authsvc
