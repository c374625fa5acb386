// A snapshot made by hand for tests of decisions and resolution: put resources, ask, erase, ask
// again. Crashes on misuse.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "authsvc/snapshot/snapshot.h"
#include "authsvc/snapshot/snapshot_builder.h"
#include "gtest/gtest.h"
#include "sallyport/v1/decision.pb.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/crypto/certificate.h"
#include "shared/crypto/digest.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc {

inline constexpr char kOrg[] = "org1";

inline std::string IdOf(const testing::TestCert& certificate, absl::string_view org = kOrg) {
  return crypto::CertificateId(org, *certificate.cert);
}

class World {
 public:
  struct CertificateOptions {
    std::string org = kOrg;
    std::string name;
    bool with_key = false;
    std::vector<const testing::TestCert*> rest;  // of the chain, behind the first
  };

  [[nodiscard]] const Snapshot& snapshot() const { return *snapshot_; }
  [[nodiscard]] const SnapshotPtr& snapshot_ptr() const { return snapshot_; }

  std::string AddCertificate(const testing::TestCert& certificate,
                             const CertificateOptions& options) {
    v1::Resource resource;
    v1::Certificate* body = resource.mutable_certificate();
    body->set_id(IdOf(certificate, options.org));
    body->set_org_id(options.org);
    body->set_name(options.name);
    body->add_chain_der(certificate.der);
    for (const testing::TestCert* more : options.rest) body->add_chain_der(more->der);
    if (options.with_key) body->mutable_private_key()->set_ciphertext("sealed");
    const std::string id = body->id();
    Put(std::move(resource));
    return id;
  }
  std::string AddCertificate(const testing::TestCert& certificate) {
    return AddCertificate(certificate, {});
  }

  std::string AddPublicKey(const testing::TestCert& certificate, absl::string_view org = kOrg) {
    v1::Resource resource;
    v1::Certificate* body = resource.mutable_certificate();
    body->set_id(crypto::PublicKeyId(org, certificate.PublicDer()));
    body->set_org_id(std::string(org));
    body->set_public_key_der(certificate.PublicDer());
    const std::string id = body->id();
    Put(std::move(resource));
    return id;
  }

  void Put(v1::Api api) {
    v1::Resource resource;
    *resource.mutable_api() = std::move(api);
    Put(std::move(resource));
  }
  void Put(v1::Key key) {
    v1::Resource resource;
    *resource.mutable_key() = std::move(key);
    Put(std::move(resource));
  }
  void Put(v1::Policy policy) {
    v1::Resource resource;
    *resource.mutable_policy() = std::move(policy);
    Put(std::move(resource));
  }
  void Put(v1::GatewaySettings settings) {
    v1::Resource resource;
    settings.set_id("gateway");
    *resource.mutable_settings() = std::move(settings);
    Put(std::move(resource));
  }
  void Put(v1::Listener listener) {
    v1::Resource resource;
    *resource.mutable_listener() = std::move(listener);
    Put(std::move(resource));
  }
  void Put(v1::TrustBundle bundle) {
    v1::Resource resource;
    *resource.mutable_trust_bundle() = std::move(bundle);
    Put(std::move(resource));
  }
  void Put(v1::Resource resource) {
    resource.set_revision(revision_ + 1);
    SnapshotBuilder builder(snapshot_);
    const absl::Status status = builder.Put(std::move(resource));
    ASSERT_TRUE(status.ok()) << status;
    Finish(&builder);
  }
  void Erase(Kind kind, absl::string_view id) {
    SnapshotBuilder builder(snapshot_);
    builder.Erase(kind, id);
    Finish(&builder);
  }

 private:
  void Finish(SnapshotBuilder* builder) {
    StoreState state;
    state.store_id = "test";
    state.epoch = 1;
    state.revision = ++revision_;
    snapshot_ = builder->Finish(state, nullptr);
  }

  uint64_t revision_ = 0;
  SnapshotPtr snapshot_ = Snapshot::Empty();
};

// An active API "api1" that needs nothing yet.
inline v1::Api NewApi(absl::string_view id = "api1") {
  v1::Api api;
  api.set_id(std::string(id));
  api.set_org_id(kOrg);
  api.set_name("test");
  api.set_listen_path("/");
  return api;
}
inline v1::Api StaticApi(std::initializer_list<std::string> allowlist) {
  v1::Api api = NewApi();
  api.mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_MANDATORY);
  for (const std::string& id : allowlist)
    api.mutable_client_tls()->add_allowlist()->set_certificate_id(id);
  api.set_keyless(true);
  return api;
}
inline v1::Api DynamicApi() {
  v1::Api api = NewApi();
  api.mutable_client_tls()->set_dynamic_mtls(true);
  return api;
}
inline v1::Api TokenApi() {
  v1::Api api = NewApi();
  api.mutable_token()->set_enabled(true);
  return api;
}
inline v1::Key NewKey(absl::string_view id, absl::string_view api_id = "api1") {
  v1::Key key;
  key.set_id(std::string(id));
  key.set_org_id(kOrg);
  key.set_created_unix(absl::ToUnixSeconds(testing::TestNow()) - 3600);
  key.add_access_rights()->set_api_id(std::string(api_id));
  return key;
}
inline v1::Key KeyOf(const testing::TestCert& certificate, absl::string_view id = "key1") {
  v1::Key key = NewKey(id);
  key.add_certificate_ids(IdOf(certificate));
  return key;
}
inline v1::Key TokenKey(absl::string_view token, absl::string_view id = "key1") {
  v1::Key key = NewKey(id);
  key.add_token_sha256(crypto::Sha256(token));
  return key;
}

// A request by TLS to "api1" with this chain.
inline v1::AuthorizeRequest Asked(std::initializer_list<const testing::TestCert*> chain) {
  v1::AuthorizeRequest request;
  request.set_api_id("api1");
  request.set_tls(true);
  request.set_proof(chain.size() == 0 ? v1::PROOF_NONE : v1::PROOF_TLS);
  for (const testing::TestCert* certificate : chain) request.add_chain_der(certificate->der);
  return request;
}
inline v1::AuthorizeRequest WithToken(v1::AuthorizeRequest request, absl::string_view token,
                                      absl::string_view place = "header") {
  v1::Credential* credential = request.add_credentials();
  credential->set_mechanism("token");
  credential->set_place(std::string(place));
  credential->set_sha256(crypto::Sha256(token));
  return request;
}

}  // namespace sallyport::authsvc
