// Refusals: one answer in the style of the API (or of the listener where there is none).
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/forward/grpc.h"
#include "dataplane/http/error_answer.h"

namespace sallyport::dataplane {

using base::Reason;

namespace {

constexpr int kGrpcHttpStatus = 200;  // whatever the call's status is

}  // namespace

ErrorStyle Exchange::Style() const {
  const RoutePtr& route = FoundRoute();
  if (route != nullptr) return route->style;
  // A listener that says nothing else speaks as all APIs do.
  const ErrorStyle own = client_.listener.style;
  return own == ErrorStyle::kNative ? services_.view->routes->CommonStyle().value_or(own) : own;
}

bool Exchange::StaticMtls() const {
  const RoutePtr& route = FoundRoute();
  return route != nullptr && route->static_mtls != Requirement::kOff;
}

int Exchange::RefusalStatus() const {
  if (redirect_) return 308;
  return grpc_ ? kGrpcHttpStatus : StatusOf(denial_->reason, Style(), StaticMtls());
}

int Exchange::GrpcStatus() const {
  if (!denial_.has_value()) return forwarded_.has_value() ? forwarded_->grpc_status : -1;
  const Reason reason = denial_->reason;
  using Code = dataplane::GrpcStatus;
  // WSO2 APK tells nobody apart whose certificate is not listed (reference apk.md B10.4).
  const ErrorStyle style = Style() == ErrorStyle::kApk ? ErrorStyle::kApk : ErrorStyle::kNative;
  Code status = GrpcStatusOf(reason, StatusOf(reason, style, StaticMtls()));
  if (status == Code::kUnavailable && services_.loop.Passed(grpc_deadline_))
    status = Code::kDeadlineExceeded;
  if (forwarded_.has_value() && forwarded_->reset_code.has_value())
    status = GrpcStatusOfReset(*forwarded_->reset_code);
  return static_cast<int>(status);
}

// "Trailers-Only": the status in the head, and nothing behind it.
OwnAnswer Exchange::GrpcRefusal(const ErrorAnswer& answer) const {
  OwnAnswer own;
  own.status = kGrpcHttpStatus;
  own.only_head = true;
  own.fields = {{"content-type", "application/grpc"},
                {"grpc-status", absl::StrCat(GrpcStatus())},
                {"grpc-message", GrpcMessage(MessageOf(answer))},
                {"x-request-id", std::string(answer.request_id)}};
  return own;
}

OwnAnswer Exchange::Redirection() const {
  const std::string port = client_.listener.redirect_port == 443
                               ? std::string()
                               : absl::StrCat(":", client_.listener.redirect_port);
  const bool v6 = absl::StrContains(head_.host, ':');
  return RedirectAnswer(absl::StrCat("https://", v6 ? "[" : "", head_.host, v6 ? "]" : "", port,
                                     path_, head_.has_query ? "?" : "", head_.query),
                        request_id_);
}

OwnAnswer Exchange::Refusal() const {
  if (redirect_) return Redirection();
  ErrorAnswer answer;
  answer.reason = denial_->reason;
  answer.style = Style();
  answer.request_id = request_id_;
  answer.static_mtls = StaticMtls();
  if (const RoutePtr& route = FoundRoute(); route != nullptr) {
    const auto is_jwt = [](const PresentedCredential& one) { return one.kind == TokenKind::kJwt; };
    answer.jwt =
        route->TakesJwts() &&
        (!route->token.enabled || std::none_of(credentials_.begin(), credentials_.end(), is_jwt));
    answer.realm = route->login_realm;
  }
  answer.allowed_methods = allowed_methods_;
  if (const auto* const callers = CallersCertificate()) answer.leaf_sha256_hex = callers->leaf_hex;
  if (denial_->retry_after > absl::ZeroDuration()) {
    answer.retry_after_seconds = static_cast<int>(
        std::max<int64_t>(1, absl::ToInt64Seconds(denial_->retry_after + absl::Milliseconds(999))));
  }
  if (grpc_) return GrpcRefusal(answer);
  const auto type = Header("content-type");
  answer.xml = type.has_value() &&
               absl::StrContains(absl::AsciiStrToLower(type->substr(0, type->find(';'))), "xml");
  OwnAnswer own = AnswerOf(answer);
  const RoutePtr& route = FoundRoute();
  if (route != nullptr && route->cors.enabled && !head_refused_) {
    // So that the page that asked may read why not.
    for (auto& field : CorsFields(route->cors, head_.fields))
      own.fields.push_back(std::move(field));
  }
  return own;
}

boost::asio::awaitable<void> Exchange::Refuse() {
  if (denial_->reason == Reason::kClientGone) co_return;  // nobody is there to read it
  const OwnAnswer answer = Refusal();
  co_await request_.Refuse(answer, denial_->reason);
}

boost::asio::awaitable<void> Exchange::RefuseHead(Reason reason, absl::string_view detail) {
  Begin();
  head_refused_ = true;
  host_.clear();
  path_.clear();
  Deny(reason, std::string(detail));
  co_await Refuse();
  Observe();
}

}  // namespace sallyport::dataplane
