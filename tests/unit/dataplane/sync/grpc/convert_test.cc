#include "dataplane/sync/grpc/convert.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sallyport/v1/decision.pb.h"
#include "sallyport/v1/distribution.pb.h"
#include "sallyport/v1/telemetry.pb.h"
#include "shared/crypto/denied_certificates.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

TEST(RouteFrom, Defaults) {
  v1::Route wire;
  wire.set_api_id("a");
  wire.mutable_token()->set_enabled(true);
  wire.add_targets()->set_url("https://up.example.com/base");
  const RoutePtr route = RouteFrom(wire);
  EXPECT_EQ(route->listen_path, "/");
  EXPECT_EQ(route->token.header_name, "authorization");
  EXPECT_EQ(route->token.query_name, "Authorization");
  EXPECT_TRUE(route->token.use_header);
  EXPECT_EQ(route->identity_header, "x-forwarded-client-cert");
  EXPECT_EQ(route->targets[0].weight, 1u);
  EXPECT_FALSE(route->broken);
  EXPECT_FALSE(route->CanUseCertificate());
}

TEST(RouteFrom, WhatCannotBeReadRefuses) {
  v1::Route wire;
  wire.add_targets()->set_url("ftp://x");
  EXPECT_TRUE(RouteFrom(wire)->broken);

  v1::Route ip;
  ip.mutable_ip()->add_deny("not an address");
  EXPECT_TRUE(RouteFrom(ip)->ip.broken);

  v1::Route version;
  version.add_versions()->set_override_target("nonsense");
  EXPECT_TRUE(RouteFrom(version)->versions[0].override_broken);

  v1::Route place;
  place.mutable_versioning()->set_enabled(true);
  place.mutable_versioning()->set_location("moon");
  EXPECT_TRUE(RouteFrom(place)->broken);

  v1::Route mtls;
  mtls.set_static_mtls(static_cast<v1::Requirement>(99));
  EXPECT_EQ(RouteFrom(mtls)->static_mtls, Requirement::kMandatory);

  v1::Route port;
  port.set_listen_port(70'000);
  EXPECT_TRUE(RouteFrom(port)->broken);
}

v1::Route StreamRoute(const std::string& protocol) {
  v1::Route wire;
  wire.set_api_id("s");
  wire.set_protocol(protocol);
  wire.set_listen_port(5432);
  wire.set_keyless(true);
  wire.set_upstream_protocol("auto");  // the gateway's, of HTTP
  wire.add_targets()->set_url("tls://db:1");
  wire.add_targets()->set_url("tcp://db:1");
  return wire;
}

TEST(RouteFrom, Streams) {
  for (const auto& [name, protocol] :
       {std::pair("tls", ApiProtocol::kTls), std::pair("tcp", ApiProtocol::kTcp)}) {
    v1::Route wire = StreamRoute(name);
    wire.set_listen_path("/x");
    wire.set_proxy_protocol(true);
    const RoutePtr route = RouteFrom(wire);
    EXPECT_FALSE(route->broken) << name;
    EXPECT_EQ(route->protocol, protocol);
    EXPECT_TRUE(route->proxy_protocol);
    EXPECT_EQ(route->listen_path, "/");
    ASSERT_EQ(route->targets.size(), 2u);
    EXPECT_EQ(route->targets[0].protocol, UpstreamProtocol::kHttp1) << "nothing is agreed on";
  }
}

TEST(RouteFrom, StreamsThatCannotBeServedAreBroken) {
  const auto broken = [](const char* protocol, auto change) {
    v1::Route wire = StreamRoute(protocol);
    change(&wire);
    return RouteFrom(wire)->broken;
  };
  const auto nothing = [](v1::Route*) {};
  EXPECT_TRUE(broken("quic", nothing)) << "this build does not know it";
  EXPECT_FALSE(RouteFrom(StreamRoute("quic"))->IsHttp());
  EXPECT_TRUE(broken("http", nothing)) << "targets of another protocol";
  EXPECT_TRUE(broken("tls", [](v1::Route* wire) { wire->clear_listen_port(); }));
  EXPECT_TRUE(broken("tls", [](v1::Route* wire) { wire->mutable_token()->set_enabled(true); }));
  EXPECT_TRUE(broken("tls", [](v1::Route* wire) { wire->add_targets()->set_url("http://a/"); }));
  EXPECT_TRUE(broken("tcp", [](v1::Route* wire) { wire->set_dynamic_mtls(true); }));
}

TEST(RouteFrom, EachTargetIsSpokenToAsItCanBe) {
  using enum UpstreamProtocol;
  const struct {
    const char* protocol;
    const char* url;
    UpstreamProtocol wanted;
    bool broken;
  } cases[] = {
      {"", "https://h/", kHttp1, false},    {"", "http://h/", kHttp1, false},
      {"", "h2c://h/", kHttp2, false},      {"http1", "https://h/", kHttp1, false},
      {"auto", "https://h/", kAuto, false}, {"auto", "http://h/", kHttp1, false},
      {"auto", "h2c://h/", kHttp2, false},  {"h2", "https://h/", kHttp2, false},
      {"h2", "http://h/", kHttp1, true},    {"h2", "h2c://h/", kHttp2, false},
      {"h2c", "http://h/", kHttp2, false},  {"h2c", "https://h/", kHttp1, true},
      {"moon", "https://h/", kHttp1, true},
  };
  for (const auto& one : cases) {
    v1::Route wire;
    wire.set_upstream_protocol(one.protocol);
    wire.add_targets()->set_url(one.url);
    wire.add_versions()->set_override_target(one.url);
    const RoutePtr route = RouteFrom(wire);
    EXPECT_EQ(route->broken, one.broken) << one.protocol << " " << one.url;
    EXPECT_EQ(route->versions[0].override_broken, one.broken) << one.protocol << " " << one.url;
    EXPECT_EQ(route->targets[0].protocol, one.wanted) << one.protocol << " " << one.url;
    EXPECT_EQ(route->targets[0].port, one.url[4] == 's' ? 443 : 80);
    if (!one.broken) EXPECT_EQ(route->versions[0].override_target->protocol, one.wanted);
  }
}

TEST(RouteFrom, AForwardProxyLeadsToEveryTarget) {
  v1::Route wire;
  wire.add_targets()->set_url("https://a/");
  wire.add_targets()->set_url("http://b/");
  wire.add_versions()->set_override_target("h2c://c/");
  EXPECT_EQ(RouteFrom(wire)->targets[0].proxy, "");
  wire.set_forward_proxy("proxy:3128");
  const RoutePtr route = RouteFrom(wire);
  EXPECT_EQ(route->targets[0].proxy, "proxy:3128");
  EXPECT_EQ(route->targets[1].proxy, "proxy:3128");
  EXPECT_EQ(route->versions[0].override_target->proxy, "proxy:3128");
}

TEST(RouteFrom, UpstreamRulesHaveDefaults) {
  const RoutePtr route = RouteFrom(v1::Route());
  EXPECT_EQ(route->balancing.policy, BalancingRules::Policy::kRoundRobin);
  EXPECT_EQ(route->balancing.panic_percent, 10u);
  EXPECT_TRUE(route->retries.enabled);
  EXPECT_EQ(route->retries.max_targets, 3u);
  EXPECT_EQ(route->retries.budget_percent, 20u);
  EXPECT_TRUE(route->ejection.enabled);
  EXPECT_EQ(route->ejection.base, absl::Seconds(5));
  EXPECT_FALSE(route->health_check.enabled);
  EXPECT_EQ(route->target_limits, TargetLimits());
}

TEST(RouteFrom, UpstreamRulesAreTaken) {
  v1::Route wire;
  wire.mutable_balancing()->set_policy("consistent_hash");
  wire.mutable_balancing()->set_hash_on("header");
  wire.mutable_balancing()->set_hash_name("X-User");
  wire.mutable_balancing()->set_load_percent(150);
  wire.mutable_retries()->set_disabled(true);
  wire.mutable_ejection()->set_failures(2);
  wire.mutable_health_check()->set_enabled(true);
  wire.mutable_health_check()->set_path("/up");
  wire.mutable_health_check()->set_method("HEAD");
  wire.mutable_health_check()->set_interval_ms(700);
  wire.mutable_health_check()->add_statuses(204);
  wire.mutable_upstream_limits()->set_max_connections(3);
  wire.mutable_timeouts()->set_total_ms(900);
  const RoutePtr route = RouteFrom(wire);
  EXPECT_FALSE(route->broken);
  EXPECT_EQ(route->balancing.policy, BalancingRules::Policy::kConsistentHash);
  EXPECT_EQ(route->balancing.hash_on, BalancingRules::HashOn::kHeader);
  EXPECT_EQ(route->balancing.hash_name, "x-user");
  EXPECT_EQ(route->balancing.load_percent, 150u);
  EXPECT_FALSE(route->retries.enabled);
  EXPECT_EQ(route->ejection.failures, 2u);
  EXPECT_TRUE(route->health_check.enabled);
  EXPECT_TRUE(route->health_check.head);
  EXPECT_EQ(route->health_check.path, "/up");
  EXPECT_EQ(route->health_check.interval, absl::Milliseconds(700));
  EXPECT_EQ(route->health_check.statuses, std::vector<uint32_t>{204});
  EXPECT_EQ(route->target_limits.max_connections, 3u);
  EXPECT_EQ(route->timeouts.total, absl::Milliseconds(900));
}

TEST(RouteFrom, UpstreamRulesThatCannotBeFollowedRefuse) {
  v1::Route policy;
  policy.mutable_balancing()->set_policy("moon");
  EXPECT_TRUE(RouteFrom(policy)->broken);
  v1::Route hash;
  hash.mutable_balancing()->set_policy("consistent_hash");
  hash.mutable_balancing()->set_hash_on("body");
  EXPECT_TRUE(RouteFrom(hash)->broken);
  for (const char* path : {"up", "/a b", "/a\r\nX: y"}) {
    v1::Route check;
    check.mutable_health_check()->set_path(path);
    EXPECT_TRUE(RouteFrom(check)->broken) << path;
  }
}

TEST(RouteFrom, NoIdentityHeader) {
  v1::Route wire;
  wire.set_identity_header("-");
  EXPECT_EQ(RouteFrom(wire)->identity_header, "");
  wire.set_identity_header("X-Caller");
  EXPECT_EQ(RouteFrom(wire)->identity_header, "x-caller");
}

TEST(RouteFrom, IdentityForwarding) {
  v1::Route wire;
  EXPECT_EQ(RouteFrom(wire)->identity.xfcc, XfccMode::kSanitizeSet);
  v1::IdentityForwarding* from = wire.mutable_identity_forwarding();
  from->set_xfcc(v1::XFCC_APPEND_FORWARD);
  from->add_xfcc_fields("uri");
  from->set_client_cert(true);
  (*from->mutable_headers())["X-Id"] = "{identity}";
  auto& set = *wire.add_versions()->mutable_request_headers()->mutable_set();
  set["x_id"] = "root";
  set["X-Other"] = "kept";
  const RoutePtr route = RouteFrom(wire);
  EXPECT_FALSE(route->broken);
  EXPECT_EQ(route->identity.xfcc, XfccMode::kAppendForward);
  EXPECT_TRUE(route->identity.parts.uri);
  EXPECT_FALSE(route->identity.parts.hash);
  EXPECT_TRUE(route->identity.client_cert);
  EXPECT_THAT(route->identity_names, ::testing::ElementsAre("x-forwarded-client-cert", "X-Id"));
  ASSERT_EQ(route->versions[0].request_headers.set.size(), 1U);
  EXPECT_EQ(route->versions[0].request_headers.set[0].first, "X-Other");
}

// Forwarding without what the operator asked for would let callers in as nobody.
TEST(RouteFrom, IdentityForwardingThatCannotBeFollowedRefuses) {
  v1::Route mode;
  mode.mutable_identity_forwarding()->set_xfcc(static_cast<v1::Xfcc>(77));
  EXPECT_TRUE(RouteFrom(mode)->broken);
  v1::Route field;
  field.mutable_identity_forwarding()->add_xfcc_fields("new");
  EXPECT_TRUE(RouteFrom(field)->broken);
  for (const char* text : {"{new.fact}", "{identity", "a\r\nb{identity}"}) {
    v1::Route wire;
    (*wire.mutable_identity_forwarding()->mutable_headers())["X-Id"] = text;
    EXPECT_TRUE(RouteFrom(wire)->broken) << text;
  }
  v1::Route name;
  (*name.mutable_identity_forwarding()->mutable_headers())["X:Id"] = "{identity}";
  EXPECT_TRUE(RouteFrom(name)->broken);
}

TEST(DecisionFrom, AnUnknownReasonIsARefusal) {
  v1::Decision wire;
  wire.set_reason(9999);
  EXPECT_EQ(DecisionFrom(wire)->reason, Reason::kInternal);
  EXPECT_FALSE(DecisionFrom(wire)->allowed());
}

TEST(DecisionFrom, Everything) {
  v1::Decision wire;
  wire.set_ttl_ms(60'000);
  wire.set_hard_expiry_unix_ms(1'800'000'000'000);
  wire.set_stale_if_error_seconds(300);
  wire.add_tags("key:k");
  wire.set_revision(7);
  wire.mutable_identity()->set_name("alice");
  wire.mutable_identity()->mutable_certificate()->set_fingerprint("ff");
  auto* url = wire.mutable_grants()->add_urls();
  url->set_path_regex("(");
  auto* limit = wire.mutable_grants()->add_limits();
  limit->set_bucket("key:k");
  limit->set_rate(5);
  limit->set_per_seconds(1.5);
  limit->set_quota_max(10);
  const DecisionPtr decision = DecisionFrom(wire);
  EXPECT_TRUE(decision->allowed());
  EXPECT_EQ(decision->ttl, absl::Minutes(1));
  EXPECT_EQ(decision->hard_expiry, absl::FromUnixSeconds(1'800'000'000));
  EXPECT_EQ(decision->stale_if_error, absl::Minutes(5));
  EXPECT_EQ(decision->identity.certificate->fingerprint, "ff");
  EXPECT_EQ(decision->grants.urls[0].regex, nullptr);  // grants nothing
  EXPECT_EQ(decision->grants.limits[0].rate.per, absl::Milliseconds(1500));
  EXPECT_EQ(decision->grants.limits[0].reset, absl::InfinitePast());
  EXPECT_EQ(DecisionFrom(v1::Decision())->hard_expiry, absl::InfiniteFuture());
}

TEST(ValidationFrom, OnlyAPlainYesIsOne) {
  v1::ValidateCertificateResponse wire;
  EXPECT_FALSE(ValidationFrom(&wire)->valid()) << "an empty message";
  wire.set_valid(true);
  wire.set_not_after_unix(5);
  wire.set_ttl_ms(60'000);
  wire.set_revision(9);
  wire.add_tags("settings");
  const ValidationPtr valid = ValidationFrom(&wire);
  EXPECT_TRUE(valid->valid());
  EXPECT_EQ(valid->not_after, absl::FromUnixSeconds(5));
  EXPECT_EQ(valid->ttl, absl::Seconds(60));
  EXPECT_EQ(valid->revision, 9u);
  EXPECT_EQ(valid->tags, std::vector<std::string>{"settings"});
  wire.mutable_failure();
  EXPECT_FALSE(ValidationFrom(&wire)->valid()) << "valid, and yet with a failure";
  wire.set_valid(false);
  wire.mutable_failure()->set_reason(static_cast<uint32_t>(base::Reason::kCertRevoked));
  EXPECT_EQ(ValidationFrom(&wire)->reason, base::Reason::kCertRevoked);
  wire.mutable_failure()->set_reason(99'999);
  EXPECT_FALSE(ValidationFrom(&wire)->valid());
}

TEST(UpdateFrom, AListenersStrictNamesAreTaken) {
  v1::Update update;
  v1::Listener* const listener = update.mutable_change()->add_routes()->mutable_put_listener();
  listener->set_id("front");
  v1::StrictClientTls* const strict = listener->add_strict_client_tls();
  strict->add_server_names("a.test");
  strict->add_trust_bundle_ids("partners");
  strict->set_optional(true);
  strict->set_max_depth(2);
  listener->add_strict_client_tls()->set_any_issuer(true);
  const StreamUpdate taken = UpdateFrom(&update);
  ASSERT_EQ(taken.routes.put_listeners.size(), 1u);
  const std::vector<StrictNames>& names = taken.routes.put_listeners[0].strict;
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(names[0].server_names, std::vector<std::string>{"a.test"});
  EXPECT_EQ(names[0].rule->trust_bundle_ids, std::vector<std::string>{"partners"});
  EXPECT_TRUE(names[0].rule->optional && !names[0].rule->any_issuer);
  EXPECT_EQ(names[0].rule->max_depth, 2u);
  EXPECT_TRUE(names[1].server_names.empty() && names[1].rule->any_issuer);
}

TEST(UpstreamFrom, TheKeyDoesNotStayInTheMessage) {
  v1::ResolveUpstreamResponse wire;
  wire.set_client_key_der("private key bytes, long enough not to be stored inline");
  wire.set_pinned(true);
  const UpstreamCredentialsPtr credentials = UpstreamFrom(&wire);
  EXPECT_EQ(credentials->client_key_der.Reveal().size(), 54u);
  EXPECT_TRUE(wire.client_key_der().empty());
  EXPECT_EQ(credentials->reason, Reason::kAllowed);
  EXPECT_TRUE(credentials->pinned);
}

TEST(UpstreamFrom, ThePasswordOfTheProxyDoesNotStayInTheMessage) {
  v1::ResolveUpstreamResponse wire;
  EXPECT_FALSE(UpstreamFrom(&wire)->proxy.has_value());
  wire.mutable_proxy()->set_host("proxy");
  wire.mutable_proxy()->set_port(3128);
  wire.mutable_proxy()->set_username("ali");
  wire.mutable_proxy()->set_password("a password, long enough not to be stored inline");
  const UpstreamCredentialsPtr credentials = UpstreamFrom(&wire);
  ASSERT_TRUE(credentials->proxy.has_value());
  EXPECT_EQ(credentials->proxy->host, "proxy");
  EXPECT_EQ(credentials->proxy->port, 3128);
  EXPECT_EQ(credentials->proxy->username, "ali");
  EXPECT_EQ(credentials->proxy->password.Reveal().size(), 47u);
  EXPECT_TRUE(wire.proxy().password().empty());
}

TEST(UpdateFrom, DeniedCertificatesAreTakenOver) {
  v1::Update wire;
  v1::Eviction* eviction = wire.mutable_change()->add_evictions();
  eviction->set_tag("denied");
  eviction->set_sever(true);
  eviction->add_denied()->set_spki_sha256(std::string(32, 'k'));
  wire.mutable_change()->add_evictions()->set_tag("other");
  const StreamUpdate update = UpdateFrom(&wire);
  ASSERT_EQ(update.evictions.size(), 2u);
  ASSERT_NE(update.evictions[0].denied, nullptr);
  EXPECT_TRUE(update.evictions[0].denied->NamesKey(std::string(32, 'k')));
  EXPECT_FALSE(update.evictions[0].denied->NamesKey(std::string(32, 'l')));
  EXPECT_EQ(update.evictions[1].denied, nullptr);
}

TEST(UpdateFrom, AnEmptyUpdateProvesNothing) {
  v1::Update wire;
  const StreamUpdate update = UpdateFrom(&wire);
  EXPECT_EQ(update.kind, StreamUpdate::Kind::kHeartbeat);
  EXPECT_EQ(update.proof_age, absl::InfiniteDuration());
}

TEST(UpdateFrom, ALookupIsOne) {
  v1::Update wire;
  wire.mutable_lookup()->set_lookup_id("\x01\xff");
  wire.mutable_lookup()->set_request_id("r1");
  const StreamUpdate update = UpdateFrom(&wire);
  EXPECT_EQ(update.kind, StreamUpdate::Kind::kLookup);
  EXPECT_EQ(update.lookup.lookup_id, "\x01\xff");
  EXPECT_EQ(update.lookup.request_id, "r1");
}

TEST(UpdateFrom, TicketKeysAreMovedOutOfTheMessage) {
  v1::Update wire;
  v1::TicketKey* key = wire.mutable_ticket_keys()->add_keys();
  key->set_name("name");
  key->set_secret(std::string(64, 's'));
  key->set_age_ms(1500);
  wire.mutable_ticket_keys()->set_life_ms(3000);
  const StreamUpdate update = UpdateFrom(&wire);
  EXPECT_EQ(update.kind, StreamUpdate::Kind::kTicketKeys);
  ASSERT_NE(update.ticket_keys, nullptr);
  ASSERT_EQ(update.ticket_keys->keys.size(), 1u);
  EXPECT_EQ(update.ticket_keys->keys[0].name, "name");
  EXPECT_EQ(update.ticket_keys->keys[0].secret.Reveal(), std::string(64, 's'));
  EXPECT_EQ(update.ticket_keys->keys[0].age, absl::Milliseconds(1500));
  EXPECT_EQ(update.ticket_keys->life, absl::Seconds(3));
  EXPECT_TRUE(wire.ticket_keys().keys(0).secret().empty());
}

TEST(Fill, AnAnswerToALookup) {
  v1::LookupAnswer wire;
  Fill(LookupAnswer{"id", std::nullopt}, &wire);
  EXPECT_EQ(wire.lookup_id(), "id");
  EXPECT_FALSE(wire.has_allowed());

  LookupAnswer answer{"id", AllowedRecord()};
  AllowedRecord& record = *answer.allowed;
  record.request_id = "r1";
  record.time = absl::FromUnixMillis(1'800'000'000'123);
  record.version = "v";
  record.method = "GET";
  record.path = "/\xff\n";
  record.host = "h";
  record.client_address = "a";
  record.question.api_id = "api";
  record.question.chain_der = {"leaf"};
  record.question.credentials = {{"token", "header", std::string(32, 'h')}};
  record.leaf_sha256 = "ab";
  record.identity.name = "\xc3\xa9";
  record.identity.key_id = "k";
  record.identity.org_id = "o";
  record.identity.policy_ids = {"p"};
  record.revision = 7;
  record.stale = true;
  record.target = "https://t";
  record.upstream = "u";
  record.upstream_certificate_id = "c";
  record.upstream_reused = true;
  record.status = 204;
  record.reason = Reason::kClientGone;
  record.total = absl::Microseconds(9);
  Fill(answer, &wire);
  const v1::AllowedRequest& allowed = wire.allowed();
  EXPECT_EQ(allowed.request_id(), "r1");
  EXPECT_EQ(allowed.time_unix_ms(), 1'800'000'000'123);
  EXPECT_EQ(allowed.version(), "v");
  EXPECT_EQ(allowed.method(), "GET");
  EXPECT_EQ(allowed.path(), "/%ff%0a");
  EXPECT_EQ(allowed.host(), "h");
  EXPECT_EQ(allowed.client_address(), "a");
  EXPECT_EQ(allowed.question().api_id(), "api");
  EXPECT_EQ(allowed.question().chain_der(0), "leaf");
  EXPECT_EQ(allowed.question().credentials(0).sha256(), std::string(32, 'h'));
  EXPECT_EQ(allowed.leaf_sha256(), "ab");
  EXPECT_EQ(allowed.identity().name(), "\xc3\xa9");
  EXPECT_EQ(allowed.identity().key_id(), "k");
  EXPECT_EQ(allowed.identity().org_id(), "o");
  EXPECT_EQ(allowed.identity().policy_ids(0), "p");
  EXPECT_EQ(allowed.revision(), 7u);
  EXPECT_TRUE(allowed.stale());
  EXPECT_EQ(allowed.target(), "https://t");
  EXPECT_EQ(allowed.upstream(), "u");
  EXPECT_EQ(allowed.upstream_certificate_id(), "c");
  EXPECT_TRUE(allowed.upstream_reused());
  EXPECT_EQ(allowed.status(), 204u);
  EXPECT_EQ(allowed.reason(), static_cast<uint32_t>(Reason::kClientGone));
  EXPECT_EQ(allowed.total_us(), 9);
  v1::LookupAnswer read;
  EXPECT_TRUE(read.ParseFromString(wire.SerializeAsString())) << "texts are UTF-8";
}

TEST(Fill, CallersTextIsMadePrintable) {
  TelemetryBatch batch;
  RefusalRecord refusal;
  refusal.path = "/\xff\n";
  batch.refusals.push_back(refusal);
  v1::ReportRequest wire;
  Fill(batch, &wire);
  EXPECT_EQ(wire.refusals(0).path(), "/%ff%0a");
  std::string bytes;
  EXPECT_TRUE(wire.SerializeToString(&bytes));
}

}  // namespace
}  // namespace sallyport::dataplane
