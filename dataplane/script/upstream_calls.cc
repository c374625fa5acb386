#include "dataplane/script/upstream_calls.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dataplane/forward/headers.h"
#include "dataplane/loop/signal.h"
#include "dataplane/script/memory_message.h"
#include "shared/base/text.h"
#include "shared/header/names.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

// What is written anew, whatever a script says of it.
bool IsFraming(absl::string_view name) {
  return header::SameName(name, "content-length") || header::SameName(name, "host");
}

// The target as it goes out: what of the URL is behind the server.
std::string OriginForm(absl::string_view url) {
  const absl::string_view rest = url.substr(url.find("//") + 2);
  const size_t at = rest.find_first_of("/?");
  if (at == absl::string_view::npos) return "/";
  return absl::StrCat(rest[at] == '/' ? "" : "/", rest.substr(at));
}

bool SameServer(const RouteTarget& one, const RouteTarget& other) {
  return one.host == other.host && one.port == other.port && one.scheme == other.scheme;
}

// The forward proxy of the API leads there too. Its own targets are spoken to as they are by
// callers' requests.
absl::StatusOr<UpstreamTargetPtr> TargetFor(const Route& route, const std::string& url) {
  const auto checked = ParseUpstreamTarget(url);
  if (!checked.ok()) return checked.status();
  std::optional<RouteTarget> target = ParseTarget(url);
  if (!target.has_value()) return absl::InvalidArgumentError("bad URL");
  target->path.clear();
  target->query.clear();
  for (const RouteTarget& own : route.targets) {
    target->proxy = own.proxy;
    if (SameServer(own, *target)) target->protocol = own.protocol;
  }
  return MakeUpstreamTarget(*target);
}

}  // namespace

struct ScriptCalls::One {
  One(script::Call asked, size_t most_bytes, const Parts& parts)
      : call(std::move(asked)), body(std::move(call.body)), sink(most_bytes, parts.abandoned) {}
  [[nodiscard]] absl::Status Check(const Parts& parts, const ScriptCallLimits& limits);
  [[nodiscard]] absl::Status CheckFields(const Parts& parts, const ScriptCallLimits& limits);
  [[nodiscard]] ForwardRequest Request(absl::Span<const HeaderField> set);
  [[nodiscard]] script::Result Result();
  void Refuse(Reason reason, std::string detail) {
    end.outcome.reason = reason;
    end.outcome.detail = std::move(detail);
  }

  script::Call call;
  MemoryBody body;
  MemorySink sink;
  UpstreamTargetPtr target;
  std::string origin_form;
  HeaderFields fields;  // in `call`
  ScriptCallEnd end;
  bool over_limit = false;
};

struct ScriptCalls::Group {
  Group(std::shared_ptr<const Parts> of, Deadline by)
      : parts(std::move(of)), deadline(by), over(parts->pool.loop()) {}
  std::shared_ptr<const Parts> parts;
  Deadline deadline;
  size_t left = 0;  // under way
  Signal over;
};

absl::Status ScriptCalls::One::CheckFields(const Parts& parts, const ScriptCallLimits& limits) {
  size_t bytes = 0;
  for (const auto& [name, value] : call.fields) {
    bytes += name.size() + value.size();
    if (!header::IsFieldName(name) || !header::IsFieldValue(value))
      return absl::InvalidArgumentError("a header that cannot be sent");
    if (header::SameName(name, "host") && !absl::EqualsIgnoreCase(value, target->authority))
      return absl::InvalidArgumentError("a Host that is not the URL's");
    const bool withheld = absl::c_any_of(
        parts.withheld, [&](const std::string& own) { return header::SameName(name, own); });
    if (!IsFraming(name) && !withheld) fields.push_back({name, value});
  }
  if (bytes > limits.request_field_bytes || call.fields.size() > limits.request_fields)
    return absl::InvalidArgumentError("too many headers");
  return absl::OkStatus();
}

absl::Status ScriptCalls::One::Check(const Parts& parts, const ScriptCallLimits& limits) {
  if (call.url.size() > limits.url_bytes || call.method.size() > limits.method_bytes)
    return absl::InvalidArgumentError("a URL or method that is too long");
  auto found = TargetFor(*parts.route, call.url);
  if (!found.ok()) return absl::InvalidArgumentError("its URL cannot be used");
  target = *std::move(found);
  origin_form = OriginForm(call.url);
  end.host = target->host;
  end.port = target->port;
  call.method = call.method.empty() ? "GET" : absl::AsciiStrToUpper(call.method);
  if (!header::IsFieldName(call.method) || call.method == "CONNECT" || call.method == "TRACE")
    return absl::InvalidArgumentError("a method that cannot be sent");
  return CheckFields(parts, limits);
}

ForwardRequest ScriptCalls::One::Request(absl::Span<const HeaderField> set) {
  ForwardRequest request;
  request.method = call.method;
  request.target = origin_form;
  request.host = target->authority;
  request.fields = &fields;
  request.set = set;
  if (body.content_length() > 0) request.body = &body;
  return request;
}

script::Result ScriptCalls::One::Result() {
  script::Result result;
  result.answered = end.outcome.reason == Reason::kAllowed;
  if (!result.answered) return result;
  result.code = static_cast<uint32_t>(end.outcome.status);
  result.body = std::move(sink.body);
  result.fields = std::move(sink.fields);
  return result;
}

ScriptCalls::ScriptCalls(Parts parts, ScriptCallLimits limits)
    : parts_(std::make_shared<const Parts>(std::move(parts))), limits_(limits) {}

boost::asio::awaitable<void> ScriptCalls::Send(std::shared_ptr<Group> group,
                                               std::shared_ptr<One> one) {
  const Parts& parts = *group->parts;
  const UpstreamTarget& target = *one->target;
  UpstreamCredentialsPtr credentials;
  if (target.needs_credentials()) {
    const CredentialTarget question{target.host, target.port, target.tls, target.written_port};
    credentials = parts.credentials.TryUpstream(*parts.route, question);
    if (credentials == nullptr) {
      auto found = co_await parts.credentials.Upstream(*parts.route, question, parts.permit);
      parts.pool.loop().RefreshNow();
      if (auto* const denial = std::get_if<Denial>(&found)) {
        one->Refuse(denial->reason, std::move(denial->detail));
        co_return;
      }
      credentials = std::get<UpstreamCredentialsPtr>(std::move(found));
    }
  }
  const HeaderField request_id[] = {{"X-Request-Id", parts.request_id}};
  const ForwardRequest request = one->Request(request_id);
  ForwardTimeouts timeouts = parts.timeouts;
  timeouts.until = group->deadline;
  one->end.outcome = co_await Forward(parts.pool, one->target, credentials, parts.permit, request,
                                      timeouts, one->sink);
  parts.pool.loop().RefreshNow();
  if (one->sink.too_large()) one->Refuse(Reason::kUpstreamProtocol, "the answer is too large");
}

boost::asio::awaitable<void> ScriptCalls::SendBeside(std::shared_ptr<Group> group,
                                                     std::shared_ptr<One> one) {
  co_await Send(group, std::move(one));
  if (--group->left == 0) group->over.Set();
}

boost::asio::awaitable<script::Results> ScriptCalls::Make(script::Calls calls, Deadline deadline) {
  const auto group = std::make_shared<Group>(parts_, deadline);
  std::vector<std::shared_ptr<One>> all, good;
  for (script::Call& call : calls.calls) {
    all.push_back(std::make_shared<One>(std::move(call), limits_.answer_bytes, *parts_));
    all.back()->over_limit = made_ >= limits_.calls;
    if (!all.back()->over_limit) ++made_;
    const absl::Status checked =
        all.back()->over_limit
            ? absl::ResourceExhaustedError("more requests than a script may make")
            : all.back()->Check(*parts_, limits_);
    if (checked.ok()) {
      good.push_back(all.back());
    } else {
      all.back()->Refuse(Reason::kBadRequest, std::string(checked.message()));
    }
  }
  group->left = good.size();
  for (const std::shared_ptr<One>& one : good) {
    if (calls.in_turn || good.size() == 1) {
      if (parts_->pool.loop().Passed(deadline))
        one->Refuse(Reason::kUpstreamTimeout, "the script's time is over");
      else
        co_await Send(group, one);
    } else {
      boost::asio::co_spawn(parts_->pool.loop().context(), SendBeside(group, one),
                            boost::asio::detached);
    }
  }
  // Each ends by the deadline.
  if (!calls.in_turn && good.size() > 1) (void)co_await group->over.Wait(Deadline::Never());
  script::Results results;
  size_t bytes = 0;
  for (const std::shared_ptr<One>& one : all) {
    bytes += one->sink.body.size();
    if (bytes > limits_.all_bytes) one->Refuse(Reason::kUpstreamProtocol, "too much for a script");
    results.results.push_back(one->Result());
    // Of those that are too many the first is told: there may be any number of them.
    if (!one->over_limit || !std::exchange(told_of_limit_, true)) parts_->ended(one->end);
  }
  co_return results;
}

}  // namespace sallyport::dataplane
