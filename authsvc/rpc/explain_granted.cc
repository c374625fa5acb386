#include "authsvc/rpc/explain_granted.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/resolve/resolve.h"
#include "authsvc/snapshot/forward_proxy.h"
#include "authsvc/snapshot/snapshot.h"
#include "shared/domain/host.h"

namespace sallyport::authsvc {
namespace {

namespace wire = ::sallyport::v1;

constexpr int kMostTargets = 16;

void Step(wire::ExplainResponse* response, absl::string_view stage, std::string text,
          bool passed = true) {
  wire::ExplainStep* step = response->add_steps();
  step->set_stage(std::string(stage));
  step->set_text(std::move(text));
  step->set_passed(passed);
}

std::string Rate(double rate, double per_seconds) {
  return absl::StrCat(rate, " requests per ", absl::FormatDuration(absl::Seconds(per_seconds)));
}

std::string QuotaText(int64_t max, int64_t renewal_seconds) {
  return absl::StrCat(
      "a quota of ", max, " requests",
      renewal_seconds > 0
          ? absl::StrCat(", renewed every ", absl::FormatDuration(absl::Seconds(renewal_seconds)))
          : ", never renewed");
}

std::string LimitText(double rate, double per_seconds, int64_t quota, int64_t renewal_seconds) {
  std::vector<std::string> parts;
  if (rate > 0) parts.push_back(Rate(rate, per_seconds));
  if (quota > 0) parts.push_back(QuotaText(quota, renewal_seconds));
  return absl::StrJoin(parts, " and ");
}

void ExplainLimits(const wire::Api& api, const wire::Decision& decision,
                   wire::ExplainResponse* response) {
  std::vector<std::string> texts;
  const auto add = [&](absl::string_view who, double rate, double per_seconds, int64_t quota,
                       int64_t renewal_seconds) {
    const std::string text = LimitText(api.disable_rate_limit() ? 0 : rate, per_seconds,
                                       api.disable_quota() ? 0 : quota, renewal_seconds);
    if (!text.empty()) texts.push_back(absl::StrCat(who, ": ", text));
  };
  const wire::Limits& whole = api.limits();
  add(absl::StrCat("API ", api.id()), whole.rate().rate(), whole.rate().per_seconds(),
      whole.quota().max(), whole.quota().renewal_seconds());
  for (const wire::LimitGrant& limit : decision.grants().limits()) {
    add(limit.bucket(), limit.rate(), limit.per_seconds(), limit.quota_max(),
        limit.quota_renewal_seconds());
  }
  Step(response, "limits",
       texts.empty()
           ? std::string("no rate limit and no quota counts these requests")
           : absl::StrCat("counted by each data plane for itself: ", absl::StrJoin(texts, "; ")));
}

// Of a target URL that the store has checked; false where it cannot be taken apart.
bool ReadUrl(absl::string_view url, wire::ResolveUpstreamRequest* request) {
  const size_t scheme = url.find("://");
  if (scheme == absl::string_view::npos) return false;
  const bool tls =
      absl::StartsWithIgnoreCase(url, "https:") || absl::StartsWithIgnoreCase(url, "tls:");
  url.remove_prefix(scheme + 3);
  const auto authority = domain::ParseHostPort(url.substr(0, url.find_first_of("/?")));
  if (!authority.ok()) return false;
  request->set_host(authority->host.name);
  request->set_port(authority->port != 0 ? authority->port : (tls ? 443 : 80));
  if (authority->port != 0) request->set_written_port(absl::StrCat(authority->port));
  request->set_tls(tls);
  return true;
}

// "": straight to the target.
std::string ProxyText(const wire::ResolveUpstreamResponse& found) {
  if (!found.has_proxy()) return "";
  domain::HostPort place;
  place.host.name = found.proxy().host();
  place.port = static_cast<uint16_t>(found.proxy().port());
  return absl::StrCat("by CONNECT through forward proxy ", ProxyAuthority(place),
                      found.proxy().username().empty() ? "" : " with its credentials", ", ");
}

std::string TlsText(const wire::ResolveUpstreamResponse& found) {
  std::string text = found.certificate_id().empty()
                         ? std::string("without a client certificate")
                         : absl::StrCat("with client certificate ", found.certificate_id());
  const bool pins_count = found.pinned() && !found.pin_report_only();
  if (found.pinned()) {
    absl::StrAppend(&text, ", its key pinned to one of ", found.pin_spki_sha256_size(),
                    !pins_count ? ", any other only reported" : "");
  }
  if (pins_count && !found.pin_adds()) {
    absl::StrAppend(&text, " in place of verification");
  } else if (found.insecure_skip_verify()) {
    absl::StrAppend(&text, ", its certificate NOT verified");
  } else {
    absl::StrAppend(&text, ", verified against the system's trust store",
                    found.trust_der().empty() ? ""
                                              : absl::StrCat(" and ", found.trust_der_size(),
                                                             " certificates of its own"));
  }
  if (!found.detail().empty()) absl::StrAppend(&text, "; ", found.detail());
  return text;
}

void ExplainUpstreams(const Snapshot& snapshot, const wire::Api& api, absl::Time now,
                      wire::ExplainResponse* response) {
  ResolveScope scope;
  scope.with_private_key = false;
  const auto& targets = api.upstream().targets();
  for (int i = 0; i < targets.size() && i < kMostTargets; ++i) {
    const std::string& url = targets[i].url();
    wire::ResolveUpstreamRequest request;
    request.set_api_id(api.id());
    if (!ReadUrl(url, &request)) continue;
    const wire::ResolveUpstreamResponse found =
        ResolveUpstream(snapshot, request, now, nullptr, scope);
    std::string text;
    if (found.reason() != 0) {
      text = absl::StrCat("refused before it is spoken to: ", found.detail());
    } else {
      const absl::string_view without =
          absl::StartsWithIgnoreCase(url, "tcp:") ? "without TLS" : "plain HTTP";
      text = absl::StrCat(ProxyText(found),
                          request.tls()
                              ? TlsText(found)
                              : absl::StrCat(without, ", no certificate is shown or demanded"));
    }
    Step(response, "upstream", absl::StrCat("target ", url, ": ", text), found.reason() == 0);
  }
  if (targets.size() > kMostTargets) {
    Step(response, "upstream",
         absl::StrCat("and ", targets.size() - kMostTargets, " more targets"));
  }
}

}  // namespace

void ExplainGranted(const Snapshot& snapshot, const wire::AuthorizeRequest& question,
                    const wire::Decision& decision, absl::Time now,
                    wire::ExplainResponse* response) {
  const ApiEntry* const api = snapshot.FindApi(question.api_id());
  if (api == nullptr) return;
  ExplainLimits(api->api, decision, response);
  ExplainUpstreams(snapshot, api->api, now, response);
}

}  // namespace sallyport::authsvc
