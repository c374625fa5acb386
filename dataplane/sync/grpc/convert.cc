#include "dataplane/sync/grpc/convert.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "dataplane/sync/grpc/convert_parts.h"
#include "sallyport/v1/decision.pb.h"
#include "sallyport/v1/distribution.pb.h"
#include "sallyport/v1/telemetry.pb.h"

namespace sallyport::dataplane {
namespace {

PathFailure FailureFrom(const v1::PathFailure& wire) {
  PathFailure failure;
  failure.reason = base::ReasonFromNumber(wire.reason());
  failure.x509_error = wire.x509_error();
  failure.depth = wire.depth();
  failure.subject = wire.subject();
  failure.issuer = wire.issuer();
  failure.fingerprint = wire.fingerprint();
  failure.detail = wire.detail();
  return failure;
}

CertificateFacts FactsFrom(const v1::CertificateFacts& wire) {
  CertificateFacts facts;
  facts.fingerprint = wire.fingerprint();
  facts.spki_sha256 = wire.spki_sha256();
  facts.subject = wire.subject();
  facts.issuer = wire.issuer();
  facts.serial = wire.serial();
  facts.not_before = absl::FromUnixSeconds(wire.not_before_unix());
  facts.not_after = absl::FromUnixSeconds(wire.not_after_unix());
  facts.uri_sans = List(wire.uri_sans());
  facts.dns_sans = List(wire.dns_sans());
  facts.email_sans = List(wire.email_sans());
  facts.ip_sans = List(wire.ip_sans());
  facts.is_ca = wire.is_ca();
  return facts;
}

Identity IdentityFrom(const v1::Identity& wire) {
  Identity identity;
  identity.name = wire.name();
  identity.key_id = wire.key_id();
  identity.org_id = wire.org_id();
  identity.policy_ids = List(wire.policy_ids());
  identity.tags = List(wire.tags());
  for (const auto& [name, value] : wire.metadata()) identity.metadata.emplace_back(name, value);
  if (wire.has_certificate()) identity.certificate = FactsFrom(wire.certificate());
  identity.certificate_verified = wire.certificate_verified();
  identity.path_der = List(wire.path_der());
  return identity;
}

Grants GrantsFrom(const v1::Grants& wire) {
  Grants grants;
  grants.all_versions = wire.all_versions();
  grants.versions = List(wire.versions());
  for (const auto& url : wire.urls()) {
    grants.urls.push_back(CompilePathRule(url.path_regex(), List(url.methods()), false));
  }
  grants.scopes = List(wire.scopes());
  for (const auto& limit : wire.limits()) {
    LimitGrant grant;
    grant.bucket = limit.bucket();
    grant.rate = {limit.rate(), absl::Seconds(limit.per_seconds())};
    grant.quota = {limit.quota_max(), absl::Seconds(limit.quota_renewal_seconds())};
    if (limit.reset_unix() != 0) grant.reset = absl::FromUnixSeconds(limit.reset_unix());
    grants.limits.push_back(std::move(grant));
  }
  return grants;
}

absl::Time ExpiryFrom(int64_t unix_ms) {
  return unix_ms == 0 ? absl::InfiniteFuture() : absl::FromUnixMillis(unix_ms);
}

// protobuf keeps its own copy of the bytes: take it and leave nothing behind.
base::Secret Taken(std::string* field) { return base::Secret(std::move(*field)); }

void FillFacts(const CertificateFacts& facts, v1::CertificateFacts* wire) {
  wire->set_fingerprint(facts.fingerprint);
  wire->set_spki_sha256(facts.spki_sha256);
  wire->set_subject(facts.subject);
  wire->set_issuer(facts.issuer);
  wire->set_serial(facts.serial);
  wire->set_not_before_unix(absl::ToUnixSeconds(facts.not_before));
  wire->set_not_after_unix(absl::ToUnixSeconds(facts.not_after));
  for (const auto& san : facts.uri_sans) wire->add_uri_sans(san);
  for (const auto& san : facts.dns_sans) wire->add_dns_sans(san);
  for (const auto& san : facts.email_sans) wire->add_email_sans(san);
  for (const auto& san : facts.ip_sans) wire->add_ip_sans(san);
  wire->set_is_ca(facts.is_ca);
}

// Text fields must be UTF-8, and these come from callers.
std::string Utf8(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f)
      out.push_back(c);
    else
      absl::StrAppend(&out, "%", absl::Hex(byte, absl::kZeroPad2));
  }
  return out;
}

void FillRefusal(const RefusalRecord& record, v1::Refusal* wire) {
  wire->set_request_id(Utf8(record.request_id));
  wire->set_time_unix_ms(absl::ToUnixMillis(record.time));
  wire->set_api_id(Utf8(record.api_id));
  wire->set_reason(static_cast<uint32_t>(record.reason));
  wire->set_method(Utf8(record.method));
  wire->set_path(Utf8(record.path));
  wire->set_host(Utf8(record.host));
  wire->set_client_address(Utf8(record.client_address));
  wire->set_detail(Utf8(record.detail));
  Fill(record.question, wire->mutable_question());
}

void FillHandshake(const HandshakeFailureRecord& record, v1::HandshakeFailure* wire) {
  wire->set_time_unix_ms(absl::ToUnixMillis(record.time));
  wire->set_sni(Utf8(record.sni));
  wire->set_alert(Utf8(record.alert));
  wire->set_label(Utf8(record.label));
  wire->set_listener(Utf8(record.listener));
  if (record.presented.has_value()) FillFacts(*record.presented, wire->mutable_presented());
  wire->set_client_address(Utf8(record.client_address));
}

void FillAllowed(const AllowedRecord& record, v1::AllowedRequest* wire) {
  wire->set_request_id(Utf8(record.request_id));
  wire->set_time_unix_ms(absl::ToUnixMillis(record.time));
  wire->set_version(Utf8(record.version));
  wire->set_method(Utf8(record.method));
  wire->set_path(Utf8(record.path));
  wire->set_host(Utf8(record.host));
  wire->set_client_address(Utf8(record.client_address));
  Fill(record.question, wire->mutable_question());
  wire->set_leaf_sha256(record.leaf_sha256);
  v1::Identity* identity = wire->mutable_identity();
  identity->set_name(record.identity.name);
  identity->set_key_id(record.identity.key_id);
  identity->set_org_id(record.identity.org_id);
  for (const std::string& policy : record.identity.policy_ids) identity->add_policy_ids(policy);
  wire->set_revision(record.revision);
  wire->set_stale(record.stale);
  wire->set_target(Utf8(record.target));
  wire->set_upstream(Utf8(record.upstream));
  wire->set_upstream_reused(record.upstream_reused);
  wire->set_upstream_certificate_id(Utf8(record.upstream_certificate_id));
  wire->set_status(static_cast<uint32_t>(record.status));
  wire->set_reason(static_cast<uint32_t>(record.reason));
  wire->set_total_us(absl::ToInt64Microseconds(record.total));
}

void FillUse(const UseRecord& record, v1::Use* wire) {
  wire->set_key_id(record.key_id);
  wire->set_leaf_sha256(record.leaf_sha256);
  wire->set_api_id(record.api_id);
  wire->set_allowed(record.allowed);
  wire->set_refused(record.refused);
  wire->set_last_unix_ms(absl::ToUnixMillis(record.last));
  wire->set_quota_used(record.quota.used);
  wire->set_quota_window_end_unix(record.quota.window_end_unix);
}

}  // namespace

DecisionPtr DecisionFrom(const v1::Decision& wire) {
  auto decision = std::make_shared<Decision>();
  decision->reason = base::ReasonFromNumber(wire.reason());
  decision->detail = wire.detail();
  decision->identity = IdentityFrom(wire.identity());
  decision->grants = GrantsFrom(wire.grants());
  decision->ttl = absl::Milliseconds(wire.ttl_ms());
  decision->hard_expiry = ExpiryFrom(wire.hard_expiry_unix_ms());
  decision->stale_if_error = absl::Seconds(wire.stale_if_error_seconds());
  decision->tags = List(wire.tags());
  decision->revision = wire.revision();
  if (wire.has_failure()) decision->failure = FailureFrom(wire.failure());
  return decision;
}

UpstreamCredentialsPtr UpstreamFrom(v1::ResolveUpstreamResponse* wire) {
  auto out = std::make_shared<UpstreamCredentials>();
  out->reason = base::ReasonFromNumber(wire->reason());
  out->detail = wire->detail();
  out->certificate_id = wire->certificate_id();
  out->client_chain_der = List(wire->client_chain_der());
  out->client_key_der = Taken(wire->mutable_client_key_der());
  out->pinned = wire->pinned();
  out->pin_spki_sha256 = List(wire->pin_spki_sha256());
  out->pin_report_only = wire->pin_report_only();
  out->pin_adds = wire->pin_adds();
  out->insecure_skip_verify = wire->insecure_skip_verify();
  out->min_version = wire->min_version();
  out->max_version = wire->max_version();
  out->ciphers = List(wire->ciphers());
  out->common_name_check = wire->common_name_check();
  out->trust_der = List(wire->trust_der());
  out->server_name = wire->server_name();
  if (wire->has_proxy()) {
    ForwardProxy& proxy = out->proxy.emplace();
    proxy.host = wire->proxy().host();
    proxy.port = static_cast<uint16_t>(wire->proxy().port());
    proxy.username = wire->proxy().username();
    proxy.password = Taken(wire->mutable_proxy()->mutable_password());
  }
  if (wire->has_credential()) {
    SentHeader& sent = out->header.emplace();
    sent.name = wire->credential().name();
    sent.value = Taken(wire->mutable_credential()->mutable_value());
  }
  out->settings_hash = wire->settings_hash();
  out->tags = List(wire->tags());
  out->revision = wire->revision();
  out->ttl = absl::Milliseconds(wire->ttl_ms());
  out->hard_expiry = ExpiryFrom(wire->hard_expiry_unix_ms());
  return out;
}

ServerCredentialsPtr ServerFrom(v1::ResolveServerResponse* wire) {
  auto out = std::make_shared<ServerCredentials>();
  for (v1::ServerPair& from : *wire->mutable_pairs()) {
    ServerPair pair;
    pair.certificate_id = from.certificate_id();
    pair.chain_der = List(from.chain_der());
    pair.key_der = Taken(from.mutable_key_der());
    out->pairs.push_back(std::move(pair));
  }
  out->min_version = wire->min_version();
  out->max_version = wire->max_version();
  out->tags = List(wire->tags());
  out->revision = wire->revision();
  out->ttl = absl::Milliseconds(wire->ttl_ms());
  return out;
}

ValidationPtr ValidationFrom(v1::ValidateCertificateResponse* wire) {
  auto validation = std::make_shared<Validation>();
  validation->ttl = absl::Milliseconds(wire->ttl_ms());
  validation->tags = List(wire->tags());
  validation->revision = wire->revision();
  if (wire->valid() && !wire->has_failure()) {
    validation->reason = base::Reason::kAllowed;
    validation->not_after = absl::FromUnixSeconds(wire->not_after_unix());
    return validation;
  }
  const PathFailure failure = FailureFrom(wire->failure());
  // A refusal without its reason is none that may be kept, and never "allowed".
  validation->reason =
      failure.reason == base::Reason::kAllowed ? base::Reason::kCertUntrusted : failure.reason;
  validation->detail = failure.detail;
  return validation;
}

void Fill(const ValidationQuestion& question, v1::ValidateCertificateRequest* wire) {
  for (const std::string& der : question.chain_der) wire->add_chain_der(der);
  for (const std::string& id : question.trust_bundle_ids) wire->add_trust_bundle_ids(id);
  wire->set_any_issuer(question.any_issuer);
  wire->set_max_depth(question.max_depth);
  wire->set_min_revision(question.min_revision);
}

void Fill(const AuthorizeQuestion& question, v1::AuthorizeRequest* wire) {
  wire->set_api_id(question.api_id);
  wire->set_profile(question.profile);
  wire->set_proof(static_cast<v1::Proof>(question.proof));
  for (const std::string& der : question.chain_der) wire->add_chain_der(der);
  wire->set_proxy(Utf8(question.proxy));
  wire->set_tls(question.tls);
  for (const CredentialFact& credential : question.credentials) {
    v1::Credential* to = wire->add_credentials();
    to->set_mechanism(credential.mechanism);
    to->set_place(credential.place);
    to->set_sha256(credential.sha256);
    to->set_jwt(Utf8(credential.jwt));
    to->set_name(credential.name);
    to->set_login(credential.login);  // UTF-8, as the authorizer takes them
  }
  wire->set_min_revision(question.min_revision);
  wire->set_request_id(Utf8(question.request_id));
}

void Fill(const TelemetryBatch& batch, v1::ReportRequest* wire) {
  for (const auto& record : batch.refusals) FillRefusal(record, wire->add_refusals());
  for (const auto& record : batch.handshakes) FillHandshake(record, wire->add_handshakes());
  for (const auto& record : batch.uses) FillUse(record, wire->add_uses());
  for (const auto& record : batch.pins) {
    v1::ObservedPin* to = wire->add_pins();
    to->set_host(Utf8(record.host));
    to->set_port(record.port);
    to->set_spki_sha256(record.spki_sha256);
    to->set_matched(record.matched);
  }
  wire->set_lost(batch.lost);
}

void Fill(const LookupAnswer& answer, v1::LookupAnswer* wire) {
  wire->set_lookup_id(answer.lookup_id);
  if (answer.allowed.has_value()) FillAllowed(*answer.allowed, wire->mutable_allowed());
}

}  // namespace sallyport::dataplane
