#include "authsvc/change/plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "authsvc/change/certificate_record.h"
#include "authsvc/change/handler_headers.h"
#include "authsvc/change/login.h"
#include "authsvc/change/proxy_password.h"
#include "authsvc/change/secret_data.h"
#include "authsvc/change/secret_names.h"
#include "authsvc/change/shared_secrets.h"
#include "authsvc/change/upstream_credential.h"
#include "authsvc/snapshot/resource.h"
#include "authsvc/snapshot/snapshot_index.h"

namespace sallyport::authsvc {
namespace {

constexpr char kMutationPayload[] = "sallyport/mutation";

class Planner {
 public:
  Planner(const PlanInput& input, const Write& write) : input_(input), write_(write) {}

  absl::StatusOr<Plan> Make() {
    plan_.results.resize(write_.mutations.size());
    for (size_t i = 0; i < write_.mutations.size(); ++i) {
      const Mutation& mutation = write_.mutations[i];
      const absl::Status status =
          mutation.op == Mutation::Op::kPut ? AddPut(i) : AddDelete(i, mutation);
      if (!status.ok()) return AtMutation(status, i);
    }
    if (auto status = MoveNames(); !status.ok()) return status;
    if (!write_.prune_set.empty()) AddPruned();
    DropReplaced();
    return std::move(plan_);
  }

 private:
  absl::Status Claim(Kind kind, const std::string& id) {
    if (claimed_.emplace(kind, id).second) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(KindName(kind), " ", id, " is given twice"));
  }

  absl::Status CheckRevision(const Mutation& mutation, Kind kind, const std::string& id,
                             uint64_t current) {
    if (mutation.expected_revision == 0 || mutation.expected_revision == current) {
      return absl::OkStatus();
    }
    return absl::AbortedError(absl::StrCat(KindName(kind), " ", id, " has revision ", current,
                                           ", not ", mutation.expected_revision));
  }

  absl::Status AddPut(size_t position) {
    const Mutation& mutation = write_.mutations[position];
    v1::Resource resource = mutation.resource;
    const auto kind = KindOf(resource);
    if (!kind) return absl::InvalidArgumentError("a resource without body");
    if (auto status = NoPrivateKey(resource); !status.ok()) return status;
    if (auto status = SetIdentity(&resource); !status.ok()) return status;
    const std::string id = BodyId(resource);
    if (auto status = Claim(*kind, id); !status.ok()) return status;

    const uint64_t current = input_.before.RevisionOf(*kind, id);
    if (mutation.must_create && current != 0) return Exists(*kind, id);
    if (mutation.must_exist && current == 0) return NotFound(*kind, id);
    if (auto status = CheckRevision(mutation, *kind, id, current); !status.ok()) return status;

    std::optional<v1::Resource> stored;
    if (current != 0) {
      auto read = ReadStored(*kind, id);
      if (!read.ok()) return read.status();
      stored = *std::move(read);
    }
    if (auto status = Complete(mutation, stored ? &*stored : nullptr, &resource); !status.ok()) {
      return status;
    }
    auto& result = plan_.results[position];
    result.kind = *kind;
    result.id = id;
    result.outcome = stored ? MutationResult::Outcome::kUpdated : MutationResult::Outcome::kCreated;
    PlannedChange change{*kind, id, false, false, std::move(resource), position, position};
    if (stored && SerializeDeterministic(*stored) == SerializeDeterministic(change.resource)) {
      result.outcome = MutationResult::Outcome::kUnchanged;
      plan_.unchanged.push_back(std::move(change));
    } else {
      plan_.changes.push_back(std::move(change));
    }
    return absl::OkStatus();
  }

  static absl::Status Exists(Kind kind, const std::string& id) {
    if (kind == Kind::kCertificate) {
      return absl::AlreadyExistsError(absl::StrCat("Certificate with ", id, " id already exists"));
    }
    return absl::AlreadyExistsError(absl::StrCat(KindName(kind), " ", id, " already exists"));
  }
  static absl::Status NotFound(Kind kind, const std::string& id) {
    return absl::NotFoundError(absl::StrCat(KindName(kind), " ", id, " not found"));
  }

  // Documents and what is for scripts are stored, exported and read back as they are. Whoever makes
  // one takes private keys out; should one be forgotten, it is not stored.
  static absl::Status NoPrivateKey(const v1::Resource& resource) {
    for (const absl::string_view text : {absl::string_view(resource.document()),
                                         absl::string_view(resource.dialect_object().json())}) {
      if (absl::StrContains(text, kPrivateKeyMark)) {
        return absl::InvalidArgumentError(
            "its document holds a private key at a place that takes none");
      }
    }
    if (absl::StrContains(resource.api().script_config_json(), kPrivateKeyMark))
      return absl::InvalidArgumentError("what its scripts are told holds a private key");
    for (const v1::ApiVersion& version : resource.api().versions()) {
      for (const v1::Endpoint& endpoint : version.endpoints()) {
        if (absl::StrContains(endpoint.virtual_endpoint().source(), kPrivateKeyMark))
          return absl::InvalidArgumentError("the script of a virtual endpoint holds a private key");
      }
    }
    return absl::OkStatus();
  }

  // The id is where the body says so; that of a certificate follows from its content.
  static absl::Status SetIdentity(v1::Resource* resource) {
    if (resource->has_certificate()) {
      if (auto status = SetCertificateId(resource->mutable_certificate()); !status.ok()) {
        return status;
      }
    }
    if (resource->has_settings() && resource->settings().id().empty()) {
      resource->mutable_settings()->set_id(kSettingsId);
    }
    const std::string& id = BodyId(*resource);
    if (id.empty()) return absl::InvalidArgumentError("an id is required");
    if (!resource->id().empty() && resource->id() != id) {
      return absl::InvalidArgumentError(
          absl::StrCat("resource id ", resource->id(), " is not its body's id ", id));
    }
    resource->set_id(id);
    return absl::OkStatus();
  }

  absl::StatusOr<v1::Resource> ReadStored(Kind kind, const std::string& id) {
    const auto record = input_.store->Read(kind, id);
    if (!record.ok()) {
      // Another process erased it just now: decide again on the newest snapshot.
      if (absl::IsNotFound(record.status())) return absl::AbortedError(record.status().message());
      return record.status();
    }
    v1::Resource resource;
    if (!resource.ParseFromString(record->body)) {
      return absl::DataLossError(absl::StrCat("stored ", KindName(kind), " ", id, " is damaged"));
    }
    return resource;
  }

  // Fills in what the writer of the resource does not say.
  absl::Status Complete(const Mutation& mutation, const v1::Resource* stored,
                        v1::Resource* resource) {
    resource->clear_revision();
    if (resource->dialect().empty()) resource->set_dialect("native");
    const int64_t now = absl::ToUnixSeconds(input_.now);
    if (resource->has_certificate()) {
      auto* certificate = resource->mutable_certificate();
      const auto* old = stored == nullptr ? nullptr : &stored->certificate();
      certificate->set_created_unix(old != nullptr ? old->created_unix() : now);
      const CertificateSealing sealing{input_.sealer, input_.before.store_id()};
      return CompleteCertificate(sealing, {mutation.private_key.Reveal(), mutation.private_key_of},
                                 old, certificate);
    }
    if (!mutation.private_key.empty()) {
      return absl::InvalidArgumentError("only a certificate has a private key");
    }
    if (!mutation.shared_secrets.empty() && !resource->has_token_issuer())
      return absl::InvalidArgumentError("only a token issuer has shared secrets");
    if (!mutation.secret_data.empty() && !resource->has_secret() && !resource->has_key() &&
        !resource->has_api())
      return absl::InvalidArgumentError("a resource of this kind has no secrets");
    const ValueSealing sealing{input_.sealer, input_.before.store_id()};
    if (resource->has_token_issuer()) {
      return SealSharedSecrets(sealing, mutation.shared_secrets,
                               stored == nullptr ? nullptr : &stored->token_issuer(),
                               resource->mutable_token_issuer());
    }
    if (resource->has_api()) {
      const v1::Api* const old = stored == nullptr ? nullptr : &stored->api();
      auto status =
          CompleteUpstreamCredential(sealing, mutation.secret_data, old, resource->mutable_api());
      if (status.ok())
        status =
            CompleteHandlerHeaders(sealing, mutation.secret_data, old, resource->mutable_api());
      if (!status.ok()) return status;
      return CompleteProxyPassword(sealing, mutation.proxy_password.Reveal(), old,
                                   resource->mutable_api());
    }
    if (resource->has_secret()) {
      DropClaimedKey(resource->mutable_secret());
      return SealSecretData(sealing, mutation.secret_data,
                            stored == nullptr ? nullptr : &stored->secret(),
                            resource->mutable_secret());
    }
    if (resource->has_dialect_object()) {
      resource->mutable_dialect_object()->set_created_revision(
          stored != nullptr ? stored->dialect_object().created_revision()
                            : input_.before.revision() + 1);
    }
    if (resource->has_key()) {
      auto* key = resource->mutable_key();
      if (stored != nullptr) {
        if (key->token_sha256().empty())
          *key->mutable_token_sha256() = stored->key().token_sha256();
        key->set_created_unix(stored->key().created_unix());
        if (key->quota_reset_unix() == 0)
          key->set_quota_reset_unix(stored->key().quota_reset_unix());
      } else if (key->created_unix() == 0) {
        key->set_created_unix(now);
      }
      return CompleteLogin(sealing, mutation.secret_data,
                           stored == nullptr ? nullptr : &stored->key(), key);
    }
    return absl::OkStatus();
  }

  // Nobody says that a private key came with a Secret: it did where this write brings it.
  // (SealSecretData keeps what was so before.)
  void DropClaimedKey(v1::KubeSecret* secret) const {
    const auto claimed = secret->certificate_ids().find(std::string(kPrivateKeyData));
    if (claimed == secret->certificate_ids().end()) return;
    for (const Mutation& other : write_.mutations) {
      if (other.resource.has_certificate() && !other.private_key.empty() &&
          other.resource.certificate().id() == claimed->second)
        return;
    }
    secret->mutable_certificate_ids()->erase(std::string(kPrivateKeyData));
  }

  absl::Status AddDelete(size_t position, const Mutation& mutation) {
    auto& result = plan_.results[position];
    result.kind = mutation.kind;
    result.id = mutation.id;
    if (auto status = Claim(mutation.kind, mutation.id); !status.ok()) return status;
    const uint64_t current = input_.before.RevisionOf(mutation.kind, mutation.id);
    if (current == 0) {
      return mutation.missing_ok ? absl::OkStatus() : NotFound(mutation.kind, mutation.id);
    }
    auto status = CheckRevision(mutation, mutation.kind, mutation.id, current);
    if (!status.ok()) return status;
    result.outcome = MutationResult::Outcome::kDeleted;
    plan_.changes.push_back(
        {mutation.kind, mutation.id, true, mutation.force, {}, position, position});
    return absl::OkStatus();
  }

  // A certificate that is given a stable name takes it from the one that has it.
  absl::Status MoveNames() {
    std::map<std::pair<std::string, std::string>, std::string> given;
    std::vector<const PlannedChange*> puts;
    for (const auto* list : {&plan_.changes, &plan_.unchanged}) {
      for (const auto& change : *list) {
        if (!change.erase && change.kind == Kind::kCertificate) puts.push_back(&change);
      }
    }
    std::vector<PlannedChange> losers;
    for (const PlannedChange* put : puts) {
      const auto& certificate = put->resource.certificate();
      if (certificate.name().empty()) continue;
      const auto key = std::make_pair(certificate.org_id(), certificate.name());
      if (!given.emplace(key, put->id).second) {
        return AtMutation(absl::InvalidArgumentError(
                              absl::StrCat("two certificates take the name ", certificate.name())),
                          put->mutation);
      }
      const auto* holder = input_.before.FindCertificate(
          certificate.org_id(), absl::StrCat(kNamePrefix, certificate.name()));
      if (holder == nullptr || claimed_.count({Kind::kCertificate, holder->id}) != 0) continue;
      auto stored = ReadStored(Kind::kCertificate, holder->id);
      if (!stored.ok()) return stored.status();
      stored->mutable_certificate()->clear_name();
      plan_.results[put->result].warnings.push_back(
          absl::StrCat("the name ", certificate.name(), " moved here from ", holder->id));
      losers.push_back({Kind::kCertificate, holder->id, false, false, *std::move(stored)});
    }
    std::move(losers.begin(), losers.end(), std::back_inserter(plan_.changes));
    return absl::OkStatus();
  }

  // A certificate that came with a Secret or ConfigMap goes when it stands there no longer and
  // nothing else refers to it: private keys that nobody uses do not stay.
  void DropReplaced() {
    std::vector<PlannedChange> dropped;
    for (const PlannedChange& change : plan_.changes) {
      if (change.kind == Kind::kSecret) {
        const SecretEntry* old = input_.before.FindSecret(change.id);
        if (old == nullptr) continue;
        Drop(change, old->secret, change.resource.secret(), &dropped);
      } else if (change.kind == Kind::kConfigMap) {
        const ConfigMapEntry* old = input_.before.FindConfigMap(change.id);
        if (old == nullptr) continue;
        Drop(change, old->config_map, change.resource.config_map(), &dropped);
      }
    }
    std::move(dropped.begin(), dropped.end(), std::back_inserter(plan_.changes));
  }

  template <typename Data>
  void Drop(const PlannedChange& change, const Data& before, const Data& after,
            std::vector<PlannedChange>* dropped) {
    std::set<std::string> kept;
    for (const auto& [key, id] : after.certificate_ids()) kept.insert(id);
    for (const auto& [key, id] : before.certificate_ids()) {
      const CertificateEntry* entry = input_.before.FindCertificateById(id);
      if (entry == nullptr || kept.count(id) != 0 || UsedBeside(change, *entry)) continue;
      if (entry->source !=
          absl::StrCat(change.kind == Kind::kSecret ? "secret/" : "configmap/", change.id))
        continue;
      if (claimed_.emplace(Kind::kCertificate, id).second)
        dropped->push_back({Kind::kCertificate, id, true, true, {}});
    }
  }

  // By its own id or name, not by its place in the changed object.
  bool UsedBeside(const PlannedChange& change, const CertificateEntry& entry) {
    bool used = !entry.name.empty() ||
                input_.before.FindKeyNamingLeaf(entry.org_id(), entry.fingerprint) != nullptr;
    input_.before.index().uses.VisitFrom(absl::string_view(entry.id), [&](const UseItem& use) {
      if (use.key != entry.id) return false;
      used = used || use.kind != change.kind || use.id != change.id;
      return !used;
    });
    return used;
  }

  void AddPruned() {
    const auto prune = [&](Kind kind, const auto& table) {
      table.listed.VisitAll([&](const auto& entry) {
        const std::string id(IdOf(entry));
        if (entry.origin == nullptr || entry.origin->set != write_.prune_set) return true;
        if (!claimed_.emplace(kind, id).second) return true;
        plan_.results.push_back({kind, id, MutationResult::Outcome::kPruned, {}});
        plan_.changes.push_back({kind, id, true, false, {}, plan_.results.size() - 1});
        return true;
      });
    };
    const SnapshotIndex& index = input_.before.index();
    prune(Kind::kApi, index.apis);
    prune(Kind::kKey, index.keys);
    prune(Kind::kPolicy, index.policies);
    prune(Kind::kListener, index.listeners);
    prune(Kind::kTrustBundle, index.bundles);
    prune(Kind::kSecret, index.secrets);
    prune(Kind::kConfigMap, index.config_maps);
    prune(Kind::kTokenIssuer, index.issuers);
    prune(Kind::kCertificate, index.certificates);
    prune(Kind::kDialectObject, index.objects);
    const auto& settings = input_.before.settings();
    if (settings.revision != 0 && settings.origin->set == write_.prune_set &&
        claimed_.count({Kind::kSettings, kSettingsId}) == 0) {
      plan_.results.push_back({Kind::kSettings, kSettingsId, MutationResult::Outcome::kPruned, {}});
      plan_.changes.push_back(
          {Kind::kSettings, kSettingsId, true, false, {}, plan_.results.size() - 1});
    }
  }

  const PlanInput& input_;
  const Write& write_;
  std::set<std::pair<Kind, std::string>> claimed_;
  Plan plan_;
};

}  // namespace

absl::StatusOr<Plan> MakePlan(const PlanInput& input, const Write& write) {
  return Planner(input, write).Make();
}

absl::Status AtMutation(absl::Status status, size_t mutation) {
  if (mutation != kNoResult)
    status.SetPayload(kMutationPayload, absl::Cord(absl::StrCat(mutation)));
  return status;
}

std::optional<size_t> FailedMutation(const absl::Status& status) {
  const auto payload = status.GetPayload(kMutationPayload);
  uint64_t position = 0;
  if (!payload || !absl::SimpleAtoi(std::string(*payload), &position)) return std::nullopt;
  return position;
}

}  // namespace sallyport::authsvc
