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

TEST(UpdateFrom, WhatAListenerOffersAtItsNamesIsTaken) {
  v1::Update update;
  v1::Listener* const listener = update.mutable_change()->add_routes()->mutable_put_listener();
  v1::ServerNameTls* const entry = listener->add_server_name_tls();
  entry->add_server_names("a.test");
  entry->set_min_version("1.2");
  entry->set_max_version("1.3");
  entry->add_ciphers("TLS_AES_256_GCM_SHA384");
  listener->add_server_name_tls()->set_max_version("1.2");
  const StreamUpdate taken = UpdateFrom(&update);
  ASSERT_EQ(taken.routes.put_listeners.size(), 1u);
  const std::vector<OfferedTlsNames>& names = taken.routes.put_listeners[0].offered_tls;
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(names[0].server_names, std::vector<std::string>{"a.test"});
  EXPECT_EQ(names[0].rule->version,
            MakeOfferedTls("1.2", "1.3", {"TLS_AES_256_GCM_SHA384"})->version);
  EXPECT_TRUE(names[1].server_names.empty());
  EXPECT_EQ(names[1].rule->max_version, "1.2");
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
