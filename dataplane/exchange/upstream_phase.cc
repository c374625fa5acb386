// Upstream and forward: which target, with which credentials, what goes out and what comes back.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/exchange/exchange.h"

namespace sallyport::dataplane {

using base::Reason;

bool Exchange::CredentialsFromCaches() {
  // Nothing is presented or checked on plain http that no proxy leads to and that asks for no
  // header.
  if (!target_->needs_credentials()) return true;
  CredentialTarget question{target_->host, target_->port, target_->tls, target_->written_port};
  upstream_credentials_ = services_.credentials.TryUpstream(*match_.route, question);
  return upstream_credentials_ != nullptr;
}

boost::asio::awaitable<void> Exchange::AskCredentials() {
  const CredentialTarget question{target_->host, target_->port, target_->tls,
                                  target_->written_port};
  auto found = co_await services_.credentials.Upstream(*match_.route, question, *permit_);
  services_.loop.RefreshNow();
  if (auto* const denial = std::get_if<Denial>(&found)) {
    denial_ = std::move(*denial);
    if (denial_->decision == nullptr) denial_->decision = permit_->shared();
  } else {
    upstream_credentials_ = std::move(std::get<UpstreamCredentialsPtr>(found));
  }
}

void Exchange::StripQueryCredentials() {
  match_.route->EachTokenRules([this](const TokenRules& token) {
    if (token.strip && token.use_query)
      match_.query = StripQueryParameter(match_.query, token.query_name);
  });
}

void Exchange::StripCredentials() {
  // A rewritten query has them no more: what it has under such a name is the operator's.
  if (match_.changes.rewrite == nullptr) StripQueryCredentials();
  bool cookie_stripped = false;
  match_.route->EachTokenRules([&](const TokenRules& token) {
    if (!token.strip) return;
    if (token.use_header) remove_.push_back(token.header_name);
    if (!token.use_cookie) return;
    const auto cookie = Header("cookie");
    if (!cookie.has_value()) return;
    cookie_text_ = StripCookie(cookie_stripped ? cookie_text_ : *cookie, token.cookie_name);
    cookie_stripped = true;
  });
  if (!cookie_stripped) return;
  remove_.push_back("cookie");
  if (!cookie_text_.empty()) set_.push_back({"Cookie", cookie_text_});
}

// What is added and removed beside the rules that hold for every request
// (dataplane/forward/headers.h).
void Exchange::GatherFields() {
  set_.clear();
  remove_.clear();
  answer_set_.clear();
  answer_remove_.clear();
  answer_set_.push_back({"X-Request-Id", request_id_});
  if (quota_.has_value() && match_.route->style == ErrorStyle::kTyk) {
    quota_text_[0] = absl::StrCat(quota_->limit);
    quota_text_[1] = absl::StrCat(quota_->remaining);
    quota_text_[2] = absl::StrCat(quota_->reset_unix);
    answer_set_.push_back({"X-RateLimit-Limit", quota_text_[0]});
    answer_set_.push_back({"X-RateLimit-Remaining", quota_text_[1]});
    answer_set_.push_back({"X-RateLimit-Reset", quota_text_[2]});
  }
  GatherCorsFields();
  if (!match_.strip_header.empty()) remove_.push_back(match_.strip_header);
  // Ours alone, also where this caller has no identity: its own copy would be taken for one.
  for (const std::string& name : match_.route->identity_names) remove_.push_back(name);
  for (const std::string& name : services_.certificate_headers.names()) remove_.push_back(name);
  StripCredentials();
  GatherVersionFields();
  SetUpstreamCredential();
}

// Last: nothing that is configured or sent stands in for it. For the API's own targets alone: what
// is known of their origin holds for a rewrite's server of the same one as well.
void Exchange::SetUpstreamCredential() {
  if (upstream_credentials_ == nullptr || !upstream_credentials_->header.has_value()) return;
  if (!target_->sends_credential) return;  // a script's request has neither
  const SentHeader& sent = *upstream_credentials_->header;
  set_.erase(
      std::remove_if(set_.begin(), set_.end(),
                     [&](const HeaderField& field) { return NameIs(field.name, sent.name); }),
      set_.end());
  remove_.push_back(sent.name);
  set_.push_back({sent.name, sent.value.Reveal()});
}

void Exchange::GatherVersionFields() {
  if (match_.version == nullptr) return;
  // Of two that set one name the endpoint's counts.
  const EndpointChanges& endpoint = match_.changes;
  if (endpoint.request_headers != nullptr) Change(*endpoint.request_headers, &set_, &remove_);
  if (endpoint.answer_headers != nullptr)
    Change(*endpoint.answer_headers, &answer_set_, &answer_remove_);
  Change(match_.version->request_headers, &set_, &remove_);
  Change(match_.version->answer_headers, &answer_set_, &answer_remove_);
}

void Exchange::Change(const HeaderChanges& changes, HeaderFields* set,
                      std::vector<absl::string_view>* remove) {
  for (const std::string& name : changes.remove) {
    remove->push_back(name);
    // Also what is left of a field that a credential was taken out of.
    set->erase(std::remove_if(set->begin(), set->end(),
                              [&](const HeaderField& field) { return NameIs(field.name, name); }),
               set->end());
  }
  for (const auto& [name, value] : changes.set) {
    if (FindField(*set, name) == nullptr) set->push_back({name, value});
  }
}

ForwardTimeouts Exchange::Timeouts() const {
  ForwardTimeouts timeouts = services_.settings.forward;
  const RouteTimeouts& own = match_.route->timeouts;
  if (own.connect > absl::ZeroDuration()) timeouts.connect = own.connect;
  if (own.first_byte > absl::ZeroDuration()) timeouts.first_byte = own.first_byte;
  if (own.idle > absl::ZeroDuration()) timeouts.idle = own.idle;
  if (own.total > absl::ZeroDuration()) timeouts.total = own.total;
  if (match_.changes.timeout > absl::ZeroDuration()) timeouts.total = match_.changes.timeout;
  return timeouts;
}

absl::string_view Exchange::HostForUpstream() const {
  const dataplane::Route& route = *match_.route;
  if (route.preserve_host_header && !head_.authority.empty()) return head_.authority;
  return route.upstream_host.empty() ? absl::string_view(target_->authority)
                                     : absl::string_view(route.upstream_host);
}

uint64_t Exchange::MostBodyBytes() const {
  int64_t limit = match_.changes.max_body_bytes;
  if (limit == 0 && match_.version != nullptr) limit = match_.version->max_body_bytes;
  return limit > 0 ? static_cast<uint64_t>(limit) : UINT64_MAX;
}

// With the first answer that was permitted.
void Exchange::LetIn() {
  if (client_.tls == nullptr || client_.let_in) return;
  client_.let_in = true;
  client_.tls->LetIn();
}

bool Exchange::GatherOutgoing(std::optional<ForwardedFields>* forwarded_fields) {
  GatherFields();
  absl::string_view xfcc;
  if (!TellIdentity(&xfcc)) return false;
  ForwardedFacts about;
  about.client_address = client_.address;
  about.tls = client_.peer.tls;
  about.host = head_.authority;
  about.request_id = request_id_;
  about.identity_header = match_.route->identity_header;
  about.identity = xfcc;
  about.from_trusted_proxy = behind_proxy_;
  const auto ours = forwarded_fields->emplace(about, head_.fields).fields();
  set_.insert(set_.end(), ours.begin(), ours.end());
  const absl::Span<const HeaderField> told = identity_->fields.fields();
  set_.insert(set_.end(), told.begin(), told.end());
  return true;
}

boost::asio::awaitable<void> Exchange::ForwardToUpstream() {
  const uint64_t max_body = MostBodyBytes();
  if (head_.framing == Framing::kLength && head_.content_length > max_body) {
    Deny(Reason::kBodyTooLarge);
    co_return;
  }
  const bool upgrade = MayUpgrade();
  if (upgrade && !TakeTunnelPlace()) co_return;
  std::optional<ForwardedFields> forwarded_fields;
  if (!GatherOutgoing(&forwarded_fields)) co_return;
  target_text_ = JoinPath(*target_, match_.path, match_.query);

  ForwardRequest request;
  request.method = upgrade ? head_.method : Method();
  request.target = target_text_;
  request.host = HostForUpstream();
  request.fields = &head_.fields;
  request.set = set_;
  request.remove = remove_;
  request.answer.set = answer_set_;
  request.answer.add = answer_add_;
  request.answer.client_cert = match_.route->identity.client_cert;
  if (match_.route->cors.enabled) {
    const auto names = CorsAnswerNames();
    answer_remove_.insert(answer_remove_.end(), names.begin(), names.end());
  }
  request.answer.remove = answer_remove_;
  request.body = script_body_.has_value() ? &*script_body_ : request_.Body(max_body);
  request.expect_continue = head_.expect_continue && !script_body_.has_value();
  if (upgrade) request.upgrade = head_.upgrade;
  request.from_trusted_proxy = behind_proxy_;
  const auto te = Header("te");
  request.accepts_trailers = te.has_value() && ListHasToken(*te, "trailers");
  request.grpc = grpc_;
  request.retry = match_.route->retries.enabled;
  request.retries = &target_.retries();
  LetIn();

  ResponseSink& sink = request_.Sink();
  const absl::Duration began = services_.loop.clock().Monotonic();
  const UpstreamTargetPtr& target =
      upgrade && target_->http1 != nullptr ? target_->http1 : target_.get();
  forwarded_ = co_await Forward(services_.pool, target, upstream_credentials_, *permit_, request,
                                timeouts_, sink);
  services_.loop.RefreshNow();
  forward_took_ = services_.loop.clock().Monotonic() - began;
  if (forwarded_->reason != Reason::kAllowed && !forwarded_->answer_started) {
    Deny(forwarded_->reason, forwarded_->detail);
    denial_->decision = permit_->shared();
    co_return;
  }
  if (forwarded_->tunnel != nullptr) co_return;
  if (!request_.TryRelayed(*forwarded_)) co_await request_.Relayed(*forwarded_);
}

}  // namespace sallyport::dataplane
