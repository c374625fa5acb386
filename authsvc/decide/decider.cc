#include "authsvc/decide/decider.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "authsvc/verify/verify_path.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

bool InGroup(const v1::Api& api, const std::optional<absl::string_view>& group) {
  if (!group.has_value() || api.groups().empty()) return true;
  return std::any_of(api.groups().begin(), api.groups().end(),
                     [&](const std::string& name) { return name == *group; });
}

bool HasExemptPath(const v1::Api& api) {
  return std::any_of(api.versions().begin(), api.versions().end(),
                     [](const v1::ApiVersion& version) { return !version.ignored().empty(); });
}

bool HasOpenOperation(const v1::Api& api) {
  for (const v1::ApiVersion& version : api.versions()) {
    if (std::any_of(version.operations().begin(), version.operations().end(),
                    [](const v1::Operation& operation) { return operation.open(); })) {
      return true;
    }
  }
  return false;
}

}  // namespace

Decider::Decider(const Snapshot& snapshot, const AuthorizeQuestion& question, absl::Time now,
                 DecisionMemo* memo, Trace* trace, const DecisionBounds& bounds)
    : snapshot_(snapshot),
      question_(question),
      request_(question.request),
      now_(now),
      memo_(memo),
      trace_(trace),
      bounds_(bounds) {}

v1::Decision Decider::Run() {
  static constexpr Step kSteps[] = {&Decider::FindApi,         &Decider::CheckProfile,
                                    &Decider::CheckTransport,  &Decider::ReadChain,
                                    &Decider::CheckAllowlists, &Decider::FindCaller,
                                    &Decider::CheckKey};
  decision_.set_revision(snapshot_.revision());
  decision_.set_asserted(question_.asserted);
  for (const Step step : kSteps) {
    if (const std::optional<Refusal> refusal = (this->*step)()) {
      Refuse(*refusal);
      return std::move(decision_);
    }
  }
  Allow();
  return std::move(decision_);
}

std::optional<Refusal> Decider::FindApi() {
  decision_.mutable_tags()->Reserve(8);
  AddTag("api:", request_.api_id());
  decision_.add_tags("settings");
  const ApiEntry* found = snapshot_.FindApi(request_.api_id());
  if (found == nullptr)
    return No(Reason::kNoRoute, absl::StrCat("API ", request_.api_id(), " is not there"));
  if (!InGroup(found->api, question_.group)) {
    return No(Reason::kNoRoute, absl::StrCat("API ", request_.api_id(),
                                             " is not deployed to group ", *question_.group));
  }
  if (found->api.inactive())
    return No(Reason::kNoRoute, absl::StrCat("API ", request_.api_id(), " is inactive"));
  api_ = found;
  Pass("decide", [&] {
    return absl::StrCat("API ", api().id(), " (", api().name(), ") of organisation \"",
                        api().org_id(), "\"");
  });
  return std::nullopt;
}

// A data plane says which profile the route has; a `decision` caller never does: the path is looked
// at here.
std::optional<Refusal> Decider::CheckProfile() {
  if (question_.asserted) {
    RegexCache* const regexes = memo_ != nullptr ? memo_->regexes() : nullptr;
    if (auto refusal = FindOperation(api(), request_, now_, regexes, &operation_)) return refusal;
    ignored_ = operation_.ignored;
    open_ = operation_.open && !ignored_;
  } else if (request_.profile() == "ignored") {
    ignored_ = HasExemptPath(api());  // the caller's routes may be older than this snapshot
  } else if (request_.profile() == "open") {
    open_ = HasOpenOperation(api());
  } else if (!request_.profile().empty()) {
    return No(Reason::kBadRequest,
              absl::StrCat("unknown auth profile \"", request_.profile(), "\""));
  }
  if (ignored_)
    Pass("decide",
         [] { return "exempt path: tokens and limits are skipped, an allowlist is not"; });
  return std::nullopt;
}

bool Decider::AsksForCertificate() const {
  if (client_tls().static_mtls() != v1::REQUIREMENT_OFF || client_tls().dynamic_mtls()) return true;
  return std::any_of(api().jwts().begin(), api().jwts().end(), [](const v1::JwtAuth& jwt) {
    return jwt.requirement() != v1::REQUIREMENT_OFF && jwt.require_binding();
  });
}

std::optional<Refusal> Decider::CheckTransport() {
  if (request_.tls()) return std::nullopt;
  if (AsksForCertificate()) {
    return No(Reason::kTlsRequired,
              "the API can ask for a client certificate, the request did not come by TLS");
  }
  if (api().allow_plain_http() || api().protocol() == "tcp") return std::nullopt;
  return No(Reason::kTlsRequired, "the API does not allow plain HTTP");
}

std::optional<Refusal> Decider::ReadChain() {
  PathMemo* const paths = memo_ != nullptr ? memo_->paths() : nullptr;
  if (auto refusal = ReadPresented(request_, snapshot_.settings().settings, paths, &presented_))
    return refusal;
  if (!presented_.any()) {
    Pass("verify", [] { return "no client certificate was presented"; });
    return std::nullopt;
  }
  AddTag("leaf:", presented_.hex);
  revocation_ = snapshot_.settings().revocation;
  Pass("verify", [&] {
    return absl::StrCat(
        request_.proof() == v1::PROOF_HEADER ? "asserted by proxy " : "possession proven by TLS",
        request_.proxy(), ": leaf ", presented_.hex, ", subject \"", presented_.leaf().subject,
        "\", ", presented_.chain.size(), " certificates presented");
  });
  return std::nullopt;
}

std::optional<Refusal> Decider::CheckAllowlists() {
  const v1::Requirement requirement = client_tls().static_mtls();
  if (requirement == v1::REQUIREMENT_OFF) return std::nullopt;
  if (!presented_.any()) {
    if (requirement == v1::REQUIREMENT_OPTIONAL) return std::nullopt;
    return No(Reason::kCertRequired, "the allowlist is mandatory and no certificate was presented");
  }
  const Allowlist* const lists[] = {&api_->allowlist, &snapshot_.settings().client_allowlist};
  StaticVerdict verdict = CheckStatic(StaticQuestion{
      presented_, lists, now_,
      static_cast<int>(std::min<uint32_t>(client_tls().max_depth(), kMaxPathCertificates)),
      revocation_, memo_ != nullptr ? memo_->paths() : nullptr});
  for (const std::string& id : verdict.certificate_ids) AddTag("cert:", id);
  if (verdict.refusal) {
    for (const Allowlist* list : lists) TagPending(*list);
    if (presented_.leaf().not_before > now_) not_yet_ = presented_.leaf().not_before;
    return std::move(verdict.refusal);
  }
  hard_expiry_ = std::min(hard_expiry_, verdict.not_after);
  certificate_accepted_ = true;
  issuers_ = std::move(verdict.issuers);
  Pass("verify", [&] { return absl::StrCat("admitted by the allowlist: ", verdict.how); });
  return std::nullopt;
}

// Mechanisms that find the caller. Each one that is mandatory must pass, and of all one at least:
// where the certificate is the credential and a token is asked for as well, both must be of one
// key. Optional ones may have nothing to look at.
std::optional<Refusal> Decider::FindCaller() {
  if (ignored_) return std::nullopt;
  if (client_tls().dynamic_mtls()) {
    if (auto refusal = FindByLeaf()) return refusal;
  }
  if (open_) return CheckOpen();
  if (api().token().enabled()) {
    if (auto refusal = TryToken()) return refusal;
  }
  if (api().basic().requirement() != v1::REQUIREMENT_OFF) {
    if (auto refusal = TryLogin()) return refusal;
  }
  for (const v1::JwtAuth& jwt : api().jwts()) {
    if (jwt.requirement() == v1::REQUIREMENT_OFF) continue;
    if (auto refusal = TryJwt(jwt)) return refusal;
  }
  if (token_passed_) return std::nullopt;
  if (api().keyless()) {
    Pass("identify", [] { return "keyless: no credential beside the certificate is asked for"; });
    return std::nullopt;
  }
  if (certificate_accepted_) return std::nullopt;
  if (missing_.has_value()) return missing_;
  if (AsksForCertificate()) {
    return No(Reason::kCertRequired,
              "no certificate was presented and no other mechanism is there to pass");
  }
  return No(Reason::kApiUnusable, "the API names no way to authenticate and is not keyless");
}

// No token is asked for; where a certificate is a mechanism of its own, one must have passed,
// optional or not (reference apk.md B10.5). One that only tokens are bound to goes with them.
std::optional<Refusal> Decider::CheckOpen() {
  const bool by_certificate =
      client_tls().static_mtls() != v1::REQUIREMENT_OFF || client_tls().dynamic_mtls();
  if (certificate_accepted_ || !by_certificate) {
    Pass("identify", [] { return "open operation: no token is asked for"; });
    return std::nullopt;
  }
  return No(Reason::kCertRequired, "an open operation of an API that can ask for a certificate");
}

// APK looks no further once a certificate passed (reference apk.md B10.5); elsewhere what is
// presented must be valid.
bool Decider::MayPassOver() const { return certificate_accepted_ && api().style() == "apk"; }

std::optional<Refusal> Decider::TryToken() {
  if (ChooseToken() == nullptr && api().token().optional()) {
    if (!missing_.has_value())
      missing_ = No(Reason::kTokenRequired, "no token in a place where the API looks for one");
    return std::nullopt;
  }
  const KeyEntry* const before = key_;
  auto refusal = FindByToken();
  token_passed_ = token_passed_ || !refusal.has_value();
  if (!refusal.has_value() || !api().token().optional() || !MayPassOver()) return refusal;
  key_ = before;
  Pass("identify",
       [&] { return absl::StrCat("the optional token is passed over: ", refusal->detail); });
  return std::nullopt;
}

std::optional<Refusal> Decider::CheckLeaf() {
  auto failure = CheckLeafAlone(presented_.leaf(), now_, Purpose::kClient, revocation_.get());
  hard_expiry_ = std::min(hard_expiry_, presented_.leaf().not_after);
  if (!failure) return std::nullopt;
  if (presented_.leaf().not_before > now_) not_yet_ = presented_.leaf().not_before;
  return RefuseByPath(std::make_shared<const PathFailure>(*std::move(failure)));
}

std::optional<Refusal> Decider::FindByLeaf() {
  if (!presented_.any())
    return No(Reason::kCertRequired, "the certificate is the credential and none was presented");
  AddTag("cert:", absl::StrCat(api().org_id(), presented_.hex));
  if (auto refusal = CheckLeaf()) return refusal;
  key_ = snapshot_.FindKeyByLeaf(api().org_id(), presented_.fingerprint);
  if (key_ != nullptr) {
    certificate_accepted_ = true;
    Pass("identify",
         [&] { return absl::StrCat("the leaf is the certificate of key ", key_->key.id()); });
    return std::nullopt;
  }
  const KeyEntry* const gone = snapshot_.FindKeyNamingLeaf(api().org_id(), presented_.fingerprint);
  if (gone == nullptr) {
    return No(Reason::kCertUnknown, absl::StrCat("no key of organisation \"", api().org_id(),
                                                 "\" has leaf ", presented_.hex));
  }
  AddTag("key:", gone->key.id());
  return No(Reason::kCertUnknown,
            absl::StrCat("key ", gone->key.id(), " names leaf ", presented_.hex,
                         ", but the certificate is not in the store"));
}

std::optional<Refusal> Decider::CheckKey() {
  if (question_.asserted && !ignored_) {
    if (auto refusal = CheckOperationScopes(operation_, scopes_)) return refusal;
  }
  if (key_ == nullptr) return std::nullopt;
  AddTag("key:", key_->key.id());
  ApplyPolicies(snapshot_, key_->key, api(), now_, &rights_);
  for (const v1::Policy* policy : rights_.policies) AddTag("policy:", policy->id());
  for (const std::string& id : rights_.missing_policies) AddTag("policy:", id);
  if (rights_.refusal) return rights_.refusal;
  if (rights_.expires_unix != 0)
    hard_expiry_ = std::min(hard_expiry_, absl::FromUnixSeconds(rights_.expires_unix));
  if (question_.asserted) {
    RegexCache* const regexes = memo_ != nullptr ? memo_->regexes() : nullptr;
    if (auto refusal = CheckOperation(rights_, operation_, request_, regexes)) return refusal;
  }
  Pass("decide", [&] {
    return absl::StrCat("key ", key_->key.id(), " may call API ", api().id(), ", ",
                        rights_.policies.size(), " policies applied");
  });
  return std::nullopt;
}

}  // namespace sallyport::authsvc
