#include "dataplane/exchange/exchange.h"

#include <utility>

#include "dataplane/forward/grpc.h"

namespace sallyport::dataplane {
namespace {

constexpr absl::Duration kRetryAfterOverload = absl::Seconds(1);

}  // namespace

// The life of a request (DESIGN 2). A phase that refuses leaves a denial behind; nothing reaches
// the upstream without a permit; observe always runs, with the terminal outcome.
boost::asio::awaitable<void> Exchange::Run() {
  Begin();

  bool go_on = request_.gone() ? Forget() : Route() && AdmitLoad();
  if (go_on && preflight_) {
    co_await request_.Refuse(Preflight(), base::Reason::kAllowed);
  } else if (go_on && ReadAssertedCertificate() && ReadCredentials()) {
    GatherFacts();
    if (!AuthorizeFromCaches()) co_await AskAuthsvc();
  }
  go_on = permit_.has_value() && CheckGrant() && Limit() && Rewrite();
  if (go_on && match_.changes.virtual_endpoint != nullptr) go_on = co_await AnswerByScript();
  go_on = go_on && ChooseTarget();
  while (go_on) {  // for each target that is tried
    if (!CredentialsFromCaches()) co_await AskCredentials();
    if (!denial_.has_value() && !EnterTarget()) co_await WaitForTarget();
    // Taken back or severed while it waited: nothing goes out any more.
    if (!denial_.has_value() && (request_.gone() || client_.stream.readiness().cancelled())) {
      Deny(base::Reason::kClientGone);
    }
    if (!denial_.has_value() && services_.loop.Passed(grpc_deadline_)) {
      Deny(base::Reason::kUpstreamTimeout, "grpc-timeout");
    }
    if (!denial_.has_value()) co_await ForwardToUpstream();
    go_on = TryAnotherTarget();
  }
  if (forwarded_.has_value() && forwarded_->tunnel != nullptr) co_await Tunnel();

  if (denial_.has_value()) co_await Refuse();
  Observe();
  target_.Leave();
  tunnel_place_ = {};
  script_body_.reset();
  script_bytes_.Return();
  registered_.Over();
}

void Exchange::Begin() {
  started_ = services_.loop.clock().Monotonic();
  wall_ = services_.loop.clock().Now();
  redirect_ = preflight_ = behind_proxy_ = routed_ = rewritten_ = head_refused_ = false;
  certificate_by_proxy_ = false;
  asserted_ = nullptr;
  refused_route_ = nullptr;
  rewritten_server_ = nullptr;
  credentials_.clear();
  facts_ = AuthFacts();
  permit_.reset();
  denial_.reset();
  quota_.reset();
  forwarded_.reset();
  authorize_took_ = forward_took_ = script_took_ = absl::ZeroDuration();
  tunnel_end_ = {};
  target_.Forget();
  upstream_credentials_ = nullptr;
  client_address_ = client_.address;
  script_body_.reset();
  script_status_.reset();
  identity_ = nullptr;
  services_.request_ids.Next(&request_id_);
  grpc_ = request_.multiplexed() && IsGrpcContentType(Header("content-type").value_or(""));
  grpc_deadline_ = Deadline::Never();
}

bool Exchange::Forget() {
  host_.clear();
  path_.clear();
  return Deny(base::Reason::kClientGone);
}

// After the route, which costs little: the refusal is in the API's style and counted as its own.
bool Exchange::AdmitLoad() {
  const Loop& loop = services_.loop;
  if (services_.shedder.Admit(loop.turn(), loop.queue_delay_millis(), loop.NowMillis()))
    return true;
  Deny(base::Reason::kOverloaded, "limits.queue_delay");
  denial_->retry_after = kRetryAfterOverload;
  return false;
}

bool Exchange::Deny(base::Reason reason, std::string detail) {
  Denial denial;
  denial.reason = reason;
  denial.detail = std::move(detail);
  denial_ = std::move(denial);
  return false;
}

std::optional<absl::string_view> Exchange::Header(absl::string_view lower_case_name) const {
  const HeaderField* const field = FindField(head_.fields, lower_case_name);
  if (field == nullptr) return std::nullopt;
  return field->value;
}

const RoutePtr& Exchange::FoundRoute() const { return routed_ ? match_.route : refused_route_; }

}  // namespace sallyport::dataplane
