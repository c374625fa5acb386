// Route: where the request wants to go, whether it may come this way, which API serves it.
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "dataplane/exchange/client_address.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/exchange/handshake_terms.h"
#include "dataplane/http/path.h"
#include "shared/base/request_id.h"
#include "shared/header/names.h"

namespace sallyport::dataplane {

using base::Reason;

bool Exchange::Route() { return ReadPlace() && SelectRoute() && CheckTransport(); }

bool Exchange::ReadPlace() {
  host_.assign(head_.host.data(), head_.host.size());
  absl::AsciiStrToLower(&host_);
  if (!host_.empty() && host_.back() == '.') host_.pop_back();
  // Anew for each request: who is trusted may have changed since the connection came in. A proxy
  // that announces its clients passes their bytes on: what they say of themselves is theirs.
  behind_proxy_ = !client_.announced && IsTrustedProxy(services_.trusted_proxies, client_.address);
  SeeWhoTells();
  if (behind_proxy_) {
    forwarded_client_ = ForwardedClient(services_.trusted_proxies, head_.fields, client_.address);
    client_address_ = forwarded_client_;
    const auto given = Header("x-request-id");
    if (given.has_value() && base::IsRequestId(*given))
      request_id_.assign(given->data(), given->size());
  }
  if (!NormalizePath(head_.raw_path, &path_)) {
    path_ = "/";
    return Deny(Reason::kBadRequest, "path cannot be normalised");
  }
  return true;
}

bool Exchange::SelectRoute() {
  if (path_ == "*") return Deny(Reason::kNoRoute, "OPTIONS *");
  RouteQuestion question;
  question.listen_port = client_.listener.route_place;
  question.host = host_;
  question.method = head_.method;
  question.path = path_;
  question.query = head_.query;
  question.client_address = client_address_;
  question.now = wall_;
  question.memo = &client_.recent().host;
  auto matched = MatchRoute(*services_.view->routes, question,
                            [this](absl::string_view name) { return Said(name); });
  if (auto* const match = std::get_if<RouteMatch>(&matched)) {
    match_ = std::move(*match);
    routed_ = true;
    preflight_ = TakesPreflight(*match_.route);
    return true;
  }
  auto& refusal = std::get<RouteRefusal>(matched);
  refused_route_ = std::move(refusal.route);
  allowed_methods_ = std::move(refusal.allowed_methods);
  // It has neither the method nor the fields of the request that would follow: they are no reason
  // to refuse it.
  if (refused_route_ != nullptr && refusal.reason != Reason::kIpDenied &&
      TakesPreflight(*refused_route_)) {
    return preflight_ = true;
  }
  if (refusal.reason == Reason::kNoRoute && !services_.stream.Ready()) {
    return Deny(Reason::kAuthsvcUnavailable, "no definitions yet");
  }
  return Deny(refusal.reason, std::move(refusal.detail));
}

// Who calls, and from where, is not what anybody says.
std::optional<absl::string_view> Exchange::Said(absl::string_view name) const {
  if (!behind_proxy_ && (header::IsIdentityHeader(name) || header::IsAddressHeader(name) ||
                         services_.certificate_headers.Names(name)))
    return std::nullopt;
  return Header(name);
}

bool Exchange::CheckTransport() {
  const dataplane::Route& route = *FoundRoute();
  if (!client_.peer.tls) {
    if (!route.CanUseCertificate() && route.allow_plain_http) return true;
    redirect_ = client_.listener.redirect && !head_.host.empty();
    return Deny(Reason::kTlsRequired, "plain HTTP listener");
  }
  return HasHandshakeFor(route);
}

// RFC 9110 15.5.20: else the client opens another connection, for that host. What a proxy tells of
// does not come by its handshake, which must be as strict as the name asks for, and no more.
bool Exchange::HasHandshakeFor(const dataplane::Route& route) {
  const HandshakeTerms wanted =
      TermsFor(*services_.view, client_.listener, host_, &client_.recent().host);
  const bool matters = !certificate_by_proxy_ || wanted.strict != nullptr;
  if (matters && wanted.version != client_.peer.client_tls_version) {
    return Deny(Reason::kMisdirected,
                absl::StrCat("host has other client-TLS settings than the handshake for \"",
                             client_.peer.sni, "\""));
  }
  if (!certificate_by_proxy_ && !TakesVersionOf(client_.peer, *services_.view, host_)) {
    return Deny(Reason::kMisdirected,
                absl::StrCat("host does not take ", client_.peer.protocol,
                             " of the handshake for \"", client_.peer.sni, "\""));
  }
  if (route.CanUseCertificate() && !certificate_by_proxy_ && !client_.peer.asked_for_certificate) {
    return Deny(Reason::kMisdirected, "this connection was never asked for a certificate");
  }
  return true;
}

}  // namespace sallyport::dataplane
