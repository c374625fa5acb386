// Authorize and limit: from the facts of the connection and of the request to a permit, or a
// denial.
#include <utility>

#include "dataplane/exchange/exchange.h"
#include "dataplane/route/query.h"

namespace sallyport::dataplane {

namespace {

bool IsTwiceIn(const HeaderFields& fields, absl::string_view name) {
  int count = 0;
  for (const HeaderField& field : fields) count += NameIs(field.name, name);
  return count > 1;
}

bool IsTwiceIn(absl::string_view query, absl::string_view name) {
  int count = 0;
  EachQueryParameter(query, name, [&](absl::string_view) { return ++count > 1; });
  return count > 1;
}

// Whoever is let in by one of two may be somebody else to an upstream that reads the other one.
// Cookies alone may come in several fields (RFC 9113 section 8.2.3); those are joined.
bool IsSaidTwice(const TokenRules& rules, const HeaderFields& fields, absl::string_view query) {
  return (rules.use_header && IsTwiceIn(fields, rules.header_name)) ||
         (rules.use_query && IsTwiceIn(query, rules.query_name));
}

// So may the version be another one: it is checked by the first.
bool IsSaidTwice(const VersionRules& rules, const HeaderFields& fields, absl::string_view query) {
  if (!rules.enabled) return false;
  switch (rules.location) {
    case VersionRules::Location::kHeader: return IsTwiceIn(fields, rules.key);
    case VersionRules::Location::kUrlParam: return IsTwiceIn(query, rules.key);
    case VersionRules::Location::kUrl: break;
  }
  return false;
}

}  // namespace

bool Exchange::ReadCredentials() {
  if (IsSaidTwice(match_.route->versioning, head_.fields, head_.query))
    return Deny(base::Reason::kBadRequest, "the version came twice");
  bool twice = false;
  match_.route->EachTokenRules([&](const TokenRules& rules) {
    twice = twice || IsSaidTwice(rules, head_.fields, head_.query);
    auto token =
        ExtractToken(rules, [this](absl::string_view name) { return Header(name); }, head_.query);
    if (token.has_value()) credentials_.push_back(*std::move(token));
  });
  return !twice || Deny(base::Reason::kBadRequest, "a credential came twice in one place");
}

void Exchange::GatherFacts() {
  const dataplane::Route& route = *match_.route;
  facts_.route = &route;
  facts_.profile = match_.profile;
  facts_.tls = client_.peer.tls;
  AddCertificate();
  facts_.credentials = credentials_;
  facts_.client_address = client_address_;
  facts_.of_a_proxy = behind_proxy_;
  facts_.request_id = request_id_;
  facts_.now_ns = absl::ToInt64Nanoseconds(started_);  // nothing has waited since
}

void Exchange::Take(Verdict verdict) {
  if (auto* const permit = std::get_if<Permit>(&verdict)) {
    permit_.emplace(std::move(*permit));
    registered_.LetIn(&facts_, permit_->shared());
  } else {
    denial_ = std::move(std::get<Denial>(verdict));
  }
}

bool Exchange::AuthorizeFromCaches() {
  std::optional<Verdict> verdict = services_.authorizer.TryAuthorize(client_.memo, facts_);
  if (!verdict.has_value()) return false;
  Take(*std::move(verdict));
  return true;
}

boost::asio::awaitable<void> Exchange::AskAuthsvc() {
  const base::Clock& clock = services_.loop.clock();
  const absl::Duration asked = clock.Monotonic();
  Verdict verdict = co_await services_.authorizer.Authorize(client_.memo, facts_);
  services_.loop.RefreshNow();
  authorize_took_ = clock.Monotonic() - asked;
  Take(std::move(verdict));
}

bool Exchange::CheckGrant() {
  std::optional<Denial> refused = dataplane::CheckGrants(
      permit_->decision(), *match_.route, match_.version_name, head_.method, match_.path);
  if (!refused.has_value() && match_.operation != nullptr)
    refused = CheckScopes(permit_->decision(), *match_.operation);
  if (!refused.has_value()) return true;
  denial_ = *std::move(refused);
  if (denial_->decision == nullptr) denial_->decision = permit_->shared();
  return false;
}

bool Exchange::Limit() {
  const LimitOutcome outcome = services_.limiter.Take(*permit_, *match_.route, match_.operation,
                                                      match_.profile == "ignored");
  quota_ = outcome.quota;
  if (outcome.allowed()) return true;
  Deny(outcome.reason);
  denial_->retry_after = outcome.retry_after;
  denial_->decision = permit_->shared();
  return false;
}

}  // namespace sallyport::dataplane
