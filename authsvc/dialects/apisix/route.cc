#include "authsvc/dialects/apisix/route.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/apisix/placement.h"
#include "authsvc/dialects/apisix/plugins.h"
#include "authsvc/dialects/apisix/ssl_checks.h"
#include "authsvc/dialects/apisix/upstream.h"
#include "authsvc/dialects/apisix/vars.h"
#include "shared/domain/host_pattern.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

constexpr uint32_t kProfileDepth = 8;  // of certificates: what a path may have at most

constexpr absl::string_view kOpen = "!open";  // ends the ids of APIs of exempt paths

absl::Status HostsOf(const Json& object, bool is_route, std::vector<std::string>* out) {
  if (auto status = Texts(object, "hosts", out); !status.ok()) return status;
  if (is_route && Get(object, "host") != nullptr) {
    if (!out->empty()) return Wrong("only one of host or hosts is allowed");
    out->push_back(Text(object, "host"));
  }
  for (std::string& host : *out) {
    const auto pattern = domain::HostPattern::Parse(host);
    const bool exact = pattern.ok() && pattern->kind() == domain::HostPattern::Kind::kExact;
    const bool wildcard = pattern.ok() && pattern->kind() == domain::HostPattern::Kind::kWildcard;
    if (!exact && !wildcard)
      return Wrong(absl::StrCat("host ", host, " is refused: a host name, or *. and one"));
    host = exact ? pattern->name() : absl::StrCat("*.", pattern->name());
  }
  return absl::OkStatus();
}

struct Uri {
  std::string path;
  bool prefix = false;
};

absl::Status UrisOf(const Json& route, std::vector<Uri>* out) {
  std::vector<std::string> texts;
  if (auto status = Texts(route, "uris", &texts); !status.ok()) return status;
  if (Get(route, "uri") != nullptr && !texts.empty())
    return Wrong("value should match only one schema, but matches both schemas 1 and 2");
  if (Get(route, "uri") != nullptr) texts.push_back(Text(route, "uri"));
  if (texts.empty()) return Wrong("value should match only one schema, but matches none");
  std::set<std::string> seen;
  for (std::string& text : texts) {
    if (!seen.insert(text).second) return Wrong(absl::StrCat("uris: ", text, " stands twice"));
    const bool prefix = absl::EndsWith(text, "*");
    if (prefix) text.pop_back();
    if (!absl::StartsWith(text, "/"))
      return Wrong(absl::StrCat("uri ", text, " is refused: it must begin with /"));
    if (absl::StrContains(text, '*'))
      return Wrong(absl::StrCat("uri ", text, " is refused: a * can only be its end"));
    out->push_back({std::move(text), prefix});
  }
  return absl::OkStatus();
}

void TakeClient(const Json& client, std::vector<std::string> authorities, SslIndex::Ssl* out) {
  out->authorities = std::move(authorities);
  const auto depth =
      static_cast<uint32_t>(std::clamp<int64_t>(Integer(client, "depth", 1), 1, kProfileDepth));
  out->max_depth = depth == kProfileDepth ? 0 : depth;
  if (!Texts(client, "skip_mtls_uri_regex", &out->exempt).ok()) out->exempt.clear();
}

class Converter {
 public:
  Converter(absl::string_view id, const Object& route, const Objects& objects, const SslIndex& ssls,
            std::vector<v1::Api>* apis, std::vector<std::string>* warnings)
      : id_(id),
        route_(*route.document),
        own_(*route.object),
        objects_(objects),
        ssls_(ssls),
        apis_(*apis),
        warnings_(*warnings) {}

  absl::Status Run() {
    using Step = absl::Status (Converter::*)();
    for (const Step step : {&Converter::FindService, &Converter::Upstream, &Converter::Frame,
                            &Converter::Places, &Converter::Make}) {
      if (auto status = (this->*step)(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // What it was, placed anew; what it refers to may be gone.
  absl::Status Again(const std::vector<v1::Api>& stood) {
    service_id_ = Id(route_, "service_id");
    if (!service_id_.empty()) service_ = objects_.Find("services", service_id_);
    const bool lost = !service_id_.empty() && service_.object == nullptr;
    const std::vector<std::string> hosts = TakeFrame(stood);
    Place(hosts, TakeHoldersClient() || (lost && TakeClientOf(stood)));
    const absl::Status status = UrisOf(route_, &uris_);
    return status.ok() ? Make() : status;
  }

 private:
  absl::Status FindService() {
    const std::string id = Id(route_, "service_id");
    if (id.empty()) return absl::OkStatus();
    service_ = objects_.Find("services", id);
    service_id_ = id;
    if (service_.object != nullptr) return absl::OkStatus();
    return Plain(
        absl::StrCat("failed to fetch service info by service id [", id, "], response code: 404"));
  }

  // The route's own, what it names, the service's, in this order.
  absl::Status Upstream() {
    v1::Upstream* const out = frame_.mutable_upstream();
    const auto of = [&](const Json& holder, const v1::DialectObject& owner,
                        const std::string& made_id, bool* found) {
      *found = true;
      if (const Json* const inline_one = Get(holder, "upstream"); inline_one != nullptr)
        return ConvertUpstream(*inline_one, owner, made_id, objects_, out);
      const std::string id = Id(holder, "upstream_id");
      *found = !id.empty();
      if (id.empty()) return absl::OkStatus();
      const Object upstream = objects_.Find("upstreams", id);
      if (upstream.object == nullptr) {
        return Plain(absl::StrCat("failed to fetch upstream info by upstream id [", id,
                                  "], response code: 404"));
      }
      return ConvertUpstream(*upstream.document, *upstream.object, MadeId("upstreams", id),
                             objects_, out);
    };
    bool found = false;
    absl::Status status = of(route_, own_, MadeId("routes", id_), &found);
    if (status.ok() && !found && service_.object != nullptr)
      status = of(*service_.document, *service_.object, MadeId("services", service_id_), &found);
    if (status.ok() && !found)
      status = Wrong("a route without upstream, upstream_id or a service with one is refused");
    if (status.ok()) status = ConvertTimeout(route_, out->mutable_timeouts());
    return status;
  }

  // What all its APIs share.
  absl::Status Frame() {
    frame_.set_org_id(std::string(kOrg));
    const std::string name = Text(route_, "name");
    frame_.set_name(name.empty() ? std::string(id_) : name);
    frame_.set_style("apisix");
    if (auto status = CheckStatusValue(route_); !status.ok()) return status;
    frame_.set_inactive(Integer(route_, "status", 1) == 0);
    if (auto status = ConvertConditions(route_, frame_.mutable_matching()); !status.ok())
      return status;
    Json plugins;
    auto status = PluginsInForce(route_, service_.document, objects_, &plugins);
    return status.ok() ? ApplyPlugins(plugins, &frame_) : status;
  }

  absl::Status Places() {
    std::vector<std::string> hosts;
    if (auto status = HostsOf(route_, true, &hosts); !status.ok()) return status;
    if (hosts.empty() && service_.document != nullptr) {
      if (auto status = HostsOf(*service_.document, false, &hosts); !status.ok()) return status;
    }
    const bool own = TakeHoldersClient();
    Place(hosts, own);
    const bool anybody = !own && hosts.empty() && frame_.keyless() && placements_.size() > 1;
    if (anybody) {
      warnings_.push_back(
          absl::StrCat("route ", id_,
                       " has no host: under names that no SSL object with client has, it can be "
                       "called without a certificate"));
    }
    return UrisOf(route_, &uris_);
  }

  // At the places of every other route of these hosts: priority and conditions decide there.
  void Place(const std::vector<std::string>& hosts, bool own_client) {
    placements_ = PlacementsOf(hosts, ssls_);
    for (Placement& place : placements_) place.client = own_client ? &client_ : nullptr;
  }

  bool TakeHoldersClient() {
    return TakeOwnClient(route_, own_) ||
           (service_.object != nullptr && TakeOwnClient(*service_.document, *service_.object));
  }

  // Which certificates the holder asks for itself, whatever its hosts' SSL objects do.
  bool TakeOwnClient(const Json& holder, const v1::DialectObject& object) {
    const Json* const client = Get(holder, "client");
    if (client == nullptr) return false;
    std::vector<std::string> authorities;
    for (absl::string_view made : object.resources()) {
      if (absl::ConsumePrefix(&made, kClientAuthority)) authorities.emplace_back(made);
    }
    TakeClient(*client, std::move(authorities), &client_);
    return true;
  }

  static bool IsOpen(const v1::Api& api) { return absl::EndsWith(api.id(), kOpen); }

  // What its APIs share, of one of them; the hosts that were given.
  std::vector<std::string> TakeFrame(const std::vector<v1::Api>& stood) {
    std::set<std::string> hosts;
    for (const v1::Api& api : stood) {
      if (!IsOpen(api)) frame_ = api;
      if (api.matching().host_tier() == 0) hosts.insert(api.hosts().begin(), api.hosts().end());
    }
    frame_.clear_hosts();
    frame_.clear_allow_plain_http();
    v1::ClientTls tls;
    tls.set_dynamic_mtls(frame_.client_tls().dynamic_mtls());
    if (frame_.has_client_tls()) *frame_.mutable_client_tls() = std::move(tls);
    if (!frame_.client_tls().dynamic_mtls()) frame_.clear_client_tls();
    return {hosts.begin(), hosts.end()};
  }

  // What a service that is gone asked for itself: all its APIs ask for the same.
  bool TakeClientOf(const std::vector<v1::Api>& stood) {
    const v1::ClientTls* first = nullptr;
    for (const v1::Api& api : stood) {
      if (IsOpen(api)) {
        const auto& conditions = api.matching().conditions();
        absl::string_view text = conditions.rbegin()->values(0);
        if (absl::ConsumePrefix(&text, "(?:") && absl::ConsumeSuffix(&text, ")"))
          client_.exempt = {std::string(text)};  // joined already
        continue;
      }
      if (api.client_tls().static_mtls() != v1::REQUIREMENT_MANDATORY) return false;
      if (first == nullptr) first = &api.client_tls();
      if (!google::protobuf::util::MessageDifferencer::Equals(*first, api.client_tls()))
        return false;
    }
    if (first == nullptr) return false;
    for (const auto& one : first->allowlist()) client_.authorities.push_back(one.certificate_id());
    client_.max_depth = first->max_depth();
    return true;
  }

  absl::Status Make() {
    for (const Placement& place : placements_) {
      for (size_t i = 0; i < uris_.size(); ++i) MakeOne(place, i);
    }
    return absl::OkStatus();
  }

  [[nodiscard]] std::string ApiId(const Placement& place, size_t uri, bool open) const {
    return absl::StrCat(MadeId("routes", id_),
                        place.ssl == nullptr ? "" : absl::StrCat("@", place.ssl->id),
                        place.tier == 0 ? "" : absl::StrCat("^", place.tier),
                        uri == 0 ? "" : absl::StrCat("~", uri + 1), open ? kOpen : "");
  }

  void MakeOne(const Placement& place, size_t uri) {
    v1::Api api = frame_;
    api.set_id(ApiId(place, uri, false));
    for (const std::string& host : place.hosts) api.add_hosts(host);
    api.set_listen_path(uris_[uri].path);
    v1::RouteMatching* const matching = api.mutable_matching();
    matching->set_path_match(uris_[uri].prefix ? "prefix" : "exact");
    matching->set_host_tier(place.tier);
    const SslIndex::Ssl* const client = place.client != nullptr ? place.client : place.ssl;
    const bool demands = place.client != nullptr || Demands(place.ssl);
    const bool exempt = demands && !client->exempt.empty();
    if (exempt) {
      v1::Api open = api;
      open.set_id(ApiId(place, uri, true));
      v1::MatchCondition* const condition = open.mutable_matching()->add_conditions();
      condition->set_variable("path");
      condition->set_operator_("matches");
      condition->add_values(absl::StrCat("(?:", absl::StrJoin(client->exempt, ")|(?:"), ")"));
      apis_.push_back(std::move(open));
    }
    if (demands) Demand(*client, api.mutable_client_tls());
    api.set_allow_plain_http(!demands && !api.client_tls().dynamic_mtls());
    apis_.push_back(std::move(api));
  }

  static void Demand(const SslIndex::Ssl& ssl, v1::ClientTls* tls) {
    tls->set_static_mtls(v1::REQUIREMENT_MANDATORY);
    for (const std::string& id : ssl.authorities) tls->add_allowlist()->set_certificate_id(id);
    tls->set_max_depth(ssl.max_depth);
    tls->set_announce_client_cas(true);
  }

  const absl::string_view id_;
  const Json& route_;
  const v1::DialectObject& own_;
  const Objects& objects_;
  const SslIndex& ssls_;
  std::vector<v1::Api>& apis_;
  std::vector<std::string>& warnings_;
  Object service_;
  std::string service_id_;
  SslIndex::Ssl client_;  // of the route or service itself
  v1::Api frame_;
  std::vector<Placement> placements_;
  std::vector<Uri> uris_;
};

}  // namespace

SslIndex::SslIndex(const Objects& objects) {
  objects.ForEachStored("ssls", [&](absl::string_view id, const v1::DialectObject& object) {
    if (object.server_names().empty()) return;
    Ssl ssl;
    ssl.id = std::string(id);
    const auto& names = object.server_names();
    ssl.names.assign(names.begin(), names.end());
    const auto& ids = object.certificate_ids();  // of `client` alone
    const Json* const client =
        ids.empty() ? nullptr : Get(*objects.Find("ssls", id).document, "client");
    if (client != nullptr) TakeClient(*client, {ids.begin(), ids.end()}, &ssl);
    for (const std::string& name : ssl.names) by_name_.emplace(name, all_.size());
    all_.push_back(std::move(ssl));
  });
}

absl::Status ConvertRoute(absl::string_view id, const Object& route, const Objects& objects,
                          const SslIndex& ssls, std::vector<v1::Api>* apis,
                          std::vector<std::string>* warnings) {
  return Converter(id, route, objects, ssls, apis, warnings).Run();
}

absl::Status PlaceAgain(absl::string_view id, const Object& route, const Objects& objects,
                        const SslIndex& ssls, const std::vector<v1::Api>& stood,
                        std::vector<v1::Api>* apis) {
  std::vector<std::string> warnings;
  if (stood.empty()) return absl::OkStatus();
  return Converter(id, route, objects, ssls, apis, &warnings).Again(stood);
}

}  // namespace sallyport::authsvc::dialects::apisix
