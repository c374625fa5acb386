// A writer over a real SQLite file, a manual clock and a sealer, and resources that pass all
// checks.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "authsvc/change/credentials.h"
#include "authsvc/change/writer.h"
#include "authsvc/store/sqlite_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/sealer.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc {

using sallyport::testing::CertBuilder;
using sallyport::testing::TempFolder;
using sallyport::testing::TestCert;

class WriterTest : public ::testing::Test {
 protected:
  WriterTest() : clock_(sallyport::testing::TestNow()) {
    std::vector<crypto::MasterKey> keys;
    keys.push_back({"m1", base::Secret(std::string(32, 'k'))});
    sealer_ = *crypto::Sealer::Create(std::move(keys));
    store_ = OpenStore();
    writer_ = StartWriter(store_.get());
  }

  // Waits for whoever else writes, however slow the disk is; where a test holds it, not for long.
  std::unique_ptr<Store> OpenStore(absl::Duration busy_timeout = absl::Minutes(1)) {
    SqliteOptions options;
    options.busy_timeout = busy_timeout;
    options.watch_interval = absl::Milliseconds(2);
    auto store = OpenSqliteStore(folder_.File("store.db"), options);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  std::unique_ptr<Writer> StartWriter(Store* store) {
    Writer::Options options;
    options.clock = &clock_;
    options.sealer = sealer_.get();
    auto writer = Writer::Start(store, options);
    EXPECT_TRUE(writer.ok()) << writer.status();
    return *std::move(writer);
  }

  static Mutation Put(v1::Resource resource) {
    Mutation mutation;
    mutation.resource = std::move(resource);
    return mutation;
  }
  static Mutation Delete(Kind kind, const std::string& id, bool force = false) {
    Mutation mutation;
    mutation.op = Mutation::Op::kDelete;
    mutation.kind = kind;
    mutation.id = id;
    mutation.force = force;
    return mutation;
  }
  // For tests that hold the store.
  void BeImpatient() {
    writer_.reset();
    store_ = OpenStore(absl::Milliseconds(100));
    writer_ = StartWriter(store_.get());
  }
  template <typename... Mutations>
  static Write Of(Mutations... mutations) {
    Write write;
    (write.mutations.push_back(std::move(mutations)), ...);
    return write;
  }
  absl::StatusOr<WriteResult> Run(Write write) { return writer_->Run(std::move(write)); }
  absl::StatusOr<WriteResult> RunPut(v1::Resource resource) {
    return Run(Of(Put(std::move(resource))));
  }
  void MustPut(v1::Resource resource) {
    const auto result = RunPut(std::move(resource));
    ASSERT_TRUE(result.ok()) << result.status();
  }
  // The text of the refusal; "" when it was not refused.
  std::string Refusal(v1::Resource resource) {
    const auto result = RunPut(std::move(resource));
    return result.ok() ? "" : std::string(result.status().message());
  }
  std::string WarningsOf(v1::Resource resource) {
    const auto result = RunPut(std::move(resource));
    EXPECT_TRUE(result.ok()) << result.status();
    std::string all;
    if (result.ok()) {
      for (const auto& warning : result->AllWarnings()) absl::StrAppend(&all, warning, "\n");
    }
    return all;
  }

  static v1::Resource ApiResource(const std::string& id) {
    v1::Resource resource;
    auto* api = resource.mutable_api();
    api->set_id(id);
    api->set_org_id("org");
    api->set_listen_path("/" + id + "/");
    api->mutable_token()->set_enabled(true);
    api->mutable_upstream()->add_targets()->set_url("https://backend.example:8443/base");
    return resource;
  }
  static v1::Resource StaticApi(const std::string& id, std::vector<std::string> allowlist) {
    v1::Resource resource = ApiResource(id);
    auto* tls = resource.mutable_api()->mutable_client_tls();
    tls->set_static_mtls(v1::REQUIREMENT_MANDATORY);
    for (auto& reference : allowlist) tls->add_allowlist()->set_certificate_id(reference);
    return resource;
  }
  static v1::Resource KeyResource(const std::string& id, std::vector<std::string> certificates) {
    v1::Resource resource;
    auto* key = resource.mutable_key();
    key->set_id(id);
    key->set_org_id("org");
    key->add_access_rights()->set_api_id("a");
    for (auto& reference : certificates) key->add_certificate_ids(reference);
    return resource;
  }
  static v1::Resource CertificateResource(const TestCert& certificate,
                                          const std::string& name = "") {
    v1::Resource resource;
    resource.mutable_certificate()->set_org_id("org");
    resource.mutable_certificate()->set_name(name);
    resource.mutable_certificate()->add_chain_der(certificate.der);
    return resource;
  }
  static v1::Resource Settings() {
    v1::Resource resource;
    resource.mutable_settings()->set_id("gateway");
    return resource;
  }
  static std::string Id(const TestCert& certificate) {
    return crypto::CertificateId("org", *certificate.cert);
  }
  absl::StatusOr<AddedCertificate> Add(const std::string& content, const std::string& name = "") {
    AddCertificateOptions options;
    options.org_id = "org";
    options.name = name;
    return AddCertificate(*writer_, content, options);
  }

  TempFolder folder_;
  base::ManualClock clock_;
  std::unique_ptr<const crypto::Sealer> sealer_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Writer> writer_;
  const TestCert root_ = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert alice_ = CertBuilder("CN=alice").SignBy(root_);
  const TestCert bob_ = CertBuilder("CN=bob").SignBy(root_);
};

}  // namespace sallyport::authsvc
