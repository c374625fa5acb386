#include "authsvc/apisix/sync.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/apisix/change.h"
#include "authsvc/apisix/strict.h"
#include "authsvc/change/writer.h"
#include "shared/base/log.h"
#include "shared/crypto/certificate.h"
#include "shared/crypto/pem.h"

namespace sallyport::authsvc::apisix {
namespace {

constexpr int kSyncTries = 8;  // against writes in between

absl::StatusOr<std::vector<crypto::CertificatePtr>> ReadTrusted(const std::string& pem,
                                                                absl::Time now) {
  std::vector<crypto::CertificatePtr> authorities;
  if (pem.empty()) return authorities;
  auto bundle = crypto::ParsePem(pem);
  if (!bundle.ok()) return bundle.status();
  if (bundle->chain.empty() || !bundle->private_key.empty())
    return absl::InvalidArgumentError("CA certificates in PEM, and nothing else, are needed");
  for (crypto::CertificatePtr& one : bundle->chain) {
    if (!one->is_ca) return absl::InvalidArgumentError(absl::StrCat(one->subject, " is not a CA"));
    if (one->not_after >= now) authorities.push_back(std::move(one));
  }
  if (authorities.empty()) return absl::InvalidArgumentError("every certificate in it has expired");
  return authorities;
}

class Syncer {
 public:
  Syncer(SnapshotPtr snapshot, const Surroundings& surroundings, absl::Time now)
      : snapshot_(std::move(snapshot)), surroundings_(surroundings), now_(now) {}

  absl::StatusOr<Write> Run() {
    auto trusted = ReadTrusted(surroundings_.trusted_certificates, now_);
    if (!trusted.ok()) return trusted.status();
    const bool was = snapshot_->FindTrustBundle(dialect::kTrusted) != nullptr;
    if (was == trusted->empty()) {
      auto plan = PlanRefresh(snapshot_, !trusted->empty(), surroundings_);
      if (!plan.ok()) return plan.status();
      for (const std::string& warning : plan->warnings)
        base::Log(base::Level::kWarning, "apisix.route", {{"warning", warning}});
      write_ = std::move(plan->write);
    }
    write_.expected_snapshot = snapshot_->revision();
    Trust(*trusted);
    if (auto listener =
            StrictMutation(*snapshot_, StoredObjects(snapshot_), surroundings_.strict)) {
      write_.mutations.push_back(*std::move(listener));
    }
    return std::move(write_);
  }

 private:
  Mutation& Put() {
    Mutation& mutation = write_.mutations.emplace_back();
    mutation.resource.set_dialect(std::string(dialect::kDialect));
    return mutation;
  }
  void Erase(Kind kind, const std::string& id) {
    Mutation& mutation = write_.mutations.emplace_back();
    mutation.op = Mutation::Op::kDelete;
    mutation.kind = kind;
    mutation.id = id;
    mutation.missing_ok = mutation.force = true;
  }

  void Trust(const std::vector<crypto::CertificatePtr>& authorities) {
    v1::TrustBundle wanted;
    wanted.set_id(std::string(dialect::kTrusted));
    wanted.set_org_id(std::string(dialect::kOrg));
    for (const crypto::CertificatePtr& one : authorities) {
      const std::string id = crypto::CertificateId(dialect::kOrg, *one);
      const auto& ids = wanted.certificate_ids();
      if (std::find(ids.begin(), ids.end(), id) != ids.end()) continue;
      wanted.add_certificate_ids(id);
      if (snapshot_->FindCertificateById(id) != nullptr) continue;
      v1::Certificate* const certificate = Put().resource.mutable_certificate();
      certificate->set_org_id(std::string(dialect::kOrg));
      certificate->set_source(std::string(dialect::kDialect));
      certificate->add_chain_der(one->der);
    }
    const TrustBundleEntry* const there = snapshot_->FindTrustBundle(dialect::kTrusted);
    if (there != nullptr) Drop(there->bundle, wanted);
    if (authorities.empty()) {
      if (there != nullptr) Erase(Kind::kTrustBundle, wanted.id());
    } else if (there == nullptr ||
               !google::protobuf::util::MessageDifferencer::Equals(there->bundle, wanted)) {
      *Put().resource.mutable_trust_bundle() = std::move(wanted);
    }
  }

  // Certificates that were there for the bundle alone.
  void Drop(const v1::TrustBundle& before, const v1::TrustBundle& wanted) {
    const auto& kept = wanted.certificate_ids();
    for (const std::string& id : before.certificate_ids()) {
      if (std::find(kept.begin(), kept.end(), id) != kept.end()) continue;
      const CertificateEntry* const entry = snapshot_->FindCertificateById(id);
      if (entry == nullptr || entry->source != dialect::kDialect) continue;
      const auto uses = snapshot_->WhoUses(dialect::kOrg, id);
      const bool alone = std::all_of(uses.begin(), uses.end(), [](const CertificateUse& use) {
        // An object that brought it has it by its own name, too.
        return use.kind != Kind::kDialectObject && absl::StartsWith(use.id, "apisix.");
      });
      if (alone) Erase(Kind::kCertificate, id);
    }
  }

  const SnapshotPtr snapshot_;
  const Surroundings& surroundings_;
  const absl::Time now_;
  Write write_;
};

}  // namespace

absl::Status SyncSurroundings(Writer& writer, const Surroundings& surroundings, absl::Time now) {
  absl::Status status;
  for (int attempt = 0; attempt < kSyncTries; ++attempt) {
    auto write = Syncer(writer.snapshot(), surroundings, now).Run();
    if (!write.ok()) return write.status();
    if (write->mutations.empty()) return absl::OkStatus();
    status = writer.Run(*std::move(write)).status();
    if (!absl::IsAborted(status)) break;
  }
  return status;
}

absl::Status CheckTrustedCertificates(const std::string& pem, absl::Time now) {
  return ReadTrusted(pem, now).status();
}

}  // namespace sallyport::authsvc::apisix
