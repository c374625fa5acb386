#include "dataplane/exchange/exchange.h"

#include <utility>

namespace sallyport::dataplane {

// The life of a request (DESIGN 2). A phase that refuses leaves a denial behind; nothing reaches the upstream
// without a permit; observe always runs, with the terminal outcome.
boost::asio::awaitable<bool> Exchange::Run() {
  Begin();

  bool go_on = Route();
  if (go_on) {
    GatherFacts();
    if (!AuthorizeFromCaches()) co_await AskAuthsvc();
  }
  go_on = permit_.has_value() && CheckGrant() && Limit() && ChooseTarget();
  if (go_on && !CredentialsFromCaches()) co_await AskCredentials();
  if (go_on && !denial_.has_value()) co_await ForwardToUpstream();

  if (denial_.has_value()) co_await Refuse();
  Observe();
  client_.registered.Over();
  co_return keep_alive_;
}

void Exchange::Begin() {
  Client& client = client_;
  started_ = services_.loop.clock().Monotonic();
  wall_ = services_.loop.clock().Now();
  ++client.requests;
  redirect_ = keep_alive_ = routed_ = head_refused_ = false;
  refused_route_ = nullptr;
  credentials_.clear();
  facts_ = AuthFacts();
  permit_.reset();
  denial_.reset();
  quota_.reset();
  forwarded_.reset();
  authorize_took_ = forward_took_ = absl::ZeroDuration();
  target_ = nullptr;
  upstream_credentials_ = nullptr;
  client_address_ = client.address;
  services_.request_ids.Next(&request_id_);
  client.body.Start(client.head.framing, client.head.content_length);
}

bool Exchange::Deny(base::Reason reason, std::string detail) {
  Denial denial;
  denial.reason = reason;
  denial.detail = std::move(detail);
  denial_ = std::move(denial);
  return false;
}

std::optional<absl::string_view> Exchange::Header(absl::string_view lower_case_name) const {
  const HeaderField* const field = FindField(client_.head.fields, lower_case_name);
  if (field == nullptr) return std::nullopt;
  return field->value;
}

const RoutePtr& Exchange::FoundRoute() const { return routed_ ? match_.route : refused_route_; }

bool Exchange::MayKeepAlive() const {
  const uint32_t most = services_.settings.requests_per_connection;
  return client_.head.keep_alive && !services_.draining && !client_.registered.last_request &&
         (most == 0 || client_.requests < most);
}

}  // namespace sallyport::dataplane
