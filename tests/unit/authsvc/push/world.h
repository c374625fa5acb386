// Snapshots made of resources, for tests of push.
#pragma once

#include <string>
#include <vector>

#include "authsvc/push/change_rules.h"
#include "authsvc/push/hub.h"
#include "authsvc/snapshot/snapshot_builder.h"
#include "gtest/gtest.h"
#include "sallyport/v1/distribution.pb.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc {

class World {
 public:
  explicit World(std::string store_id = "store", uint64_t epoch = 1) {
    state_ = {std::move(store_id), epoch, 1};
    SnapshotBuilder builder(Snapshot::Empty());
    now_ = builder.Finish(state_, nullptr);
    before_ = now_;
  }

  // One write of several resources; the record of what it means.
  ChangeRecord Put(std::vector<::sallyport::v1::Resource> resources) {
    SnapshotBuilder builder(now_);
    ++state_.revision;
    for (auto& resource : resources) {
      resource.set_revision(state_.revision);
      EXPECT_TRUE(builder.Put(std::move(resource)).ok());
    }
    return Finish(&builder);
  }
  ChangeRecord Erase(Kind kind, const std::string& id) {
    SnapshotBuilder builder(now_);
    ++state_.revision;
    builder.Erase(kind, id);
    return Finish(&builder);
  }
  [[nodiscard]] const SnapshotPtr& now() const { return now_; }

 private:
  ChangeRecord Finish(SnapshotBuilder* builder) {
    std::vector<SnapshotChange> changes;
    before_ = now_;
    now_ = builder->Finish(state_, &changes);
    return RecordOf(*before_, *now_, changes, testing::TestNow());
  }

  StoreState state_;
  SnapshotPtr before_;
  SnapshotPtr now_;
};

inline ::sallyport::v1::Resource ApiResource(const std::string& id,
                                             std::vector<std::string> groups = {}) {
  ::sallyport::v1::Resource resource;
  resource.set_id(id);
  auto* api = resource.mutable_api();
  api->set_id(id);
  api->set_org_id("org");
  api->set_listen_path("/" + id + "/");
  for (auto& group : groups) api->add_groups(std::move(group));
  return resource;
}

inline ::sallyport::v1::Resource CertificateResource(const testing::TestCert& certificate,
                                                     const std::string& name = "") {
  ::sallyport::v1::Resource resource;
  resource.set_id(crypto::CertificateId("org", *certificate.cert));
  auto* body = resource.mutable_certificate();
  body->set_id(resource.id());
  body->set_org_id("org");
  body->set_name(name);
  body->add_chain_der(certificate.der);
  return resource;
}

inline ::sallyport::v1::Resource KeyResource(const std::string& id,
                                             const std::string& certificate_id) {
  ::sallyport::v1::Resource resource;
  resource.set_id(id);
  resource.mutable_key()->set_id(id);
  resource.mutable_key()->set_org_id("org");
  if (!certificate_id.empty()) resource.mutable_key()->add_certificate_ids(certificate_id);
  return resource;
}

}  // namespace sallyport::authsvc
