// Refusals: one answer in the style of the API (or of the listener where there is none).
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/http/error_answer.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

// A body that small is read and thrown away, so that the connection can go on after a refusal.
constexpr uint64_t kSmallBody = 64 * 1024;
constexpr absl::Duration kDiscardTime = absl::Seconds(2);

// 421: the client opens another connection. 400: what follows a request that is wrong is not trusted either.
bool EndsConnection(Reason reason) {
  return reason == Reason::kMisdirected || reason == Reason::kBadRequest;
}

}  // namespace

ErrorStyle Exchange::Style() const {
  const RoutePtr& route = FoundRoute();
  return route == nullptr ? client_.listener.style : route->style;
}

bool Exchange::StaticMtls() const {
  const RoutePtr& route = FoundRoute();
  return route != nullptr && route->static_mtls != Requirement::kOff;
}

int Exchange::RefusalStatus() const {
  return redirect_ ? 308 : StatusOf(denial_->reason, Style(), StaticMtls());
}

bool Exchange::BodyIsSmall() const {
  const RequestHead& head = client_.head;
  return head.framing == Framing::kLength && head.content_length <= kSmallBody &&
         !head.expect_continue;
}

void Exchange::RenderRefusal(bool keep) {
  const RequestHead& head = client_.head;
  if (redirect_) {
    const std::string port = client_.listener.redirect_port == 443
                                 ? std::string()
                                 : absl::StrCat(":", client_.listener.redirect_port);
    const bool v6 = absl::StrContains(head.host, ':');
    const std::string location =
        absl::StrCat("https://", v6 ? "[" : "", head.host, v6 ? "]" : "", port, path_,
                     head.has_query ? "?" : "", head.query);
    RenderRedirect(location, request_id_, !keep, &client_.out);
    return;
  }
  ErrorAnswer answer;
  answer.reason = denial_->reason;
  answer.style = Style();
  answer.request_id = request_id_;
  answer.static_mtls = StaticMtls();
  if (client_.peer.chain != nullptr) answer.leaf_sha256_hex = client_.peer.chain->leaf_hex;
  answer.head_request = head.method == "HEAD";
  answer.close = !keep;
  if (denial_->retry_after > absl::ZeroDuration()) {
    answer.retry_after_seconds = static_cast<int>(
        std::max<int64_t>(1, absl::ToInt64Seconds(denial_->retry_after + absl::Milliseconds(999))));
  }
  const auto type = Header("content-type");
  answer.xml = type.has_value() &&
               absl::StrContains(absl::AsciiStrToLower(type->substr(0, type->find(';'))), "xml");
  RenderError(answer, &client_.out);
}

boost::asio::awaitable<bool> Exchange::FlushOut() {
  if (client_.out.empty()) co_return true;
  const Deadline deadline = services_.loop.After(services_.settings.write_idle);
  const IoResult written = co_await WriteAll(client_.stream, client_.out, deadline);
  client_.out.clear();
  co_return written.ok();
}

boost::asio::awaitable<bool> Exchange::DiscardBody() {
  const Deadline deadline = services_.loop.After(kDiscardTime);
  for (;;) {
    const BodyPiece piece = co_await client_.body.Next(deadline);
    if (piece.kind == BodyPiece::Kind::kEnd) co_return true;
    if (piece.kind != BodyPiece::Kind::kData) co_return false;
  }
}

boost::asio::awaitable<void> Exchange::Refuse() {
  if (denial_->reason == Reason::kClientGone) co_return;  // nobody is there to read it
  const bool body_left = !client_.body.done();
  const bool keep = MayKeepAlive() && !EndsConnection(denial_->reason) &&
                    !client_.body.failed() && (!body_left || BodyIsSmall());
  RenderRefusal(keep);
  const bool flushed = co_await FlushOut();
  keep_alive_ = flushed && keep;
  if (keep_alive_ && body_left) keep_alive_ = co_await DiscardBody();
}

boost::asio::awaitable<void> Exchange::RefuseHead(Reason reason, absl::string_view detail) {
  client_.head.Clear();
  client_.head.keep_alive = false;
  Begin();
  head_refused_ = true;
  host_.clear();
  path_.clear();
  Deny(reason, std::string(detail));
  co_await Refuse();
  Observe();
}

}  // namespace sallyport::dataplane
