#include "authsvc/rpc/admin_reads.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/change/credentials.h"
#include "authsvc/change/writer.h"
#include "authsvc/push/replicas.h"
#include "authsvc/snapshot/snapshot.h"
#include "shared/base/clock.h"

namespace sallyport::authsvc {

namespace wire = ::sallyport::v1;

namespace {

absl::Status NoSuchKind(const std::string& kind) {
  return absl::InvalidArgumentError(absl::StrCat(
      "no kind '", kind,
      "'; kinds are Certificate, Api, Key, Policy, GatewaySettings, Listener, TrustBundle, "
      "Secret, ConfigMap and DialectObject"));
}

const std::string& IdOf(const CertificateEntry& entry) { return entry.id; }
const std::string& IdOf(const ApiEntry& entry) { return entry.api.id(); }
const std::string& IdOf(const KeyEntry& entry) { return entry.key.id(); }
const std::string& IdOf(const PolicyEntry& entry) { return entry.policy.id(); }
const std::string& IdOf(const ListenerEntry& entry) { return entry.listener.id(); }
const std::string& IdOf(const TrustBundleEntry& entry) { return entry.bundle.id(); }
const std::string& IdOf(const SecretEntry& entry) { return entry.secret.id(); }
const std::string& IdOf(const ConfigMapEntry& entry) { return entry.config_map.id(); }
const std::string& IdOf(const TokenIssuerEntry& entry) { return entry.issuer.id(); }
const std::string& IdOf(const DialectObjectEntry& entry) { return entry.object.id(); }

template <typename Entry>
void Fill(const Snapshot& snapshot, Kind kind, const Page<Entry>& page,
          wire::ListResponse* response) {
  for (const Entry* entry : page.entries) {
    if (!snapshot.ToResource(kind, IdOf(*entry), response->add_resources())) {
      response->mutable_resources()->RemoveLast();
    }
  }
  response->set_next_page_token(page.next);
}

void FillReplica(const ReplicaFacts& facts, wire::Replica* replica) {
  replica->set_name(facts.name);
  replica->set_group(facts.group);
  replica->set_revision(facts.revision);
  replica->set_connected_unix(absl::ToUnixSeconds(facts.connected));
  replica->set_address(facts.address);
  if (facts.certificate_not_after != absl::InfiniteFuture()) {
    replica->set_certificate_not_after_unix(absl::ToUnixSeconds(facts.certificate_not_after));
  }
  if (facts.gone != absl::InfinitePast()) replica->set_gone_unix(absl::ToUnixSeconds(facts.gone));
}

}  // namespace

absl::string_view KindTextOf(const wire::Resource& resource) {
  switch (resource.body_case()) {
    case wire::Resource::kCertificate: return "Certificate";
    case wire::Resource::kApi: return "Api";
    case wire::Resource::kKey: return "Key";
    case wire::Resource::kPolicy: return "Policy";
    case wire::Resource::kSettings: return "GatewaySettings";
    case wire::Resource::kListener: return "Listener";
    case wire::Resource::kTrustBundle: return "TrustBundle";
    case wire::Resource::kSecret: return "Secret";
    case wire::Resource::kConfigMap: return "ConfigMap";
    case wire::Resource::kTokenIssuer: return "TokenIssuer";
    case wire::Resource::kDialectObject: return "DialectObject";
    case wire::Resource::BODY_NOT_SET: break;
  }
  return "?";
}

absl::Status GetResource(const Snapshot& snapshot, const wire::GetRequest& request,
                         wire::GetResponse* response) {
  const auto kind = ParseKind(request.kind());
  if (!kind.has_value()) return NoSuchKind(request.kind());
  if (!snapshot.ToResource(*kind, request.id(), response->mutable_resource())) {
    return absl::NotFoundError(absl::StrCat("no ", KindName(*kind), " ", request.id()));
  }
  return absl::OkStatus();
}

absl::Status ReadWithDocument(Writer& writer, const wire::GetRequest& request,
                              wire::GetResponse* response) {
  const auto kind = ParseKind(request.kind());
  if (!kind.has_value()) return NoSuchKind(request.kind());
  auto resource = writer.ReadResource(*kind, request.id());
  if (absl::IsNotFound(resource.status()))
    return absl::NotFoundError(absl::StrCat("no ", KindName(*kind), " ", request.id()));
  if (resource.ok()) *response->mutable_resource() = *std::move(resource);
  return resource.status();
}

absl::Status ListResources(const Snapshot& snapshot, const wire::ListRequest& request,
                           wire::ListResponse* response) {
  const auto kind = ParseKind(request.kind());
  if (!kind.has_value()) return NoSuchKind(request.kind());
  if (request.page_size() > 1000) return absl::InvalidArgumentError("page_size is at most 1000");
  const size_t limit = request.page_size() == 0 ? 100 : request.page_size();
  const std::string* org = request.org_id().empty() ? nullptr : &request.org_id();
  const std::string& token = request.page_token();
  switch (*kind) {
    case Kind::kCertificate:
      Fill(snapshot, *kind, snapshot.ListCertificates(org, token, limit), response);
      break;
    case Kind::kApi: Fill(snapshot, *kind, snapshot.ListApis(org, token, limit), response); break;
    case Kind::kKey: Fill(snapshot, *kind, snapshot.ListKeys(org, token, limit), response); break;
    case Kind::kPolicy:
      Fill(snapshot, *kind, snapshot.ListPolicies(org, token, limit), response);
      break;
    case Kind::kListener:
      Fill(snapshot, *kind, snapshot.ListListeners(token, limit), response);
      break;
    case Kind::kTrustBundle:
      Fill(snapshot, *kind, snapshot.ListTrustBundles(org, token, limit), response);
      break;
    case Kind::kSecret:
      Fill(snapshot, *kind, snapshot.ListSecrets(org, token, limit), response);
      break;
    case Kind::kConfigMap:
      Fill(snapshot, *kind, snapshot.ListConfigMaps(org, token, limit), response);
      break;
    case Kind::kTokenIssuer:
      Fill(snapshot, *kind, snapshot.ListTokenIssuers(org, token, limit), response);
      break;
    case Kind::kDialectObject:
      Fill(snapshot, *kind, snapshot.ListDialectObjects(org, token, limit), response);
      break;
    case Kind::kSettings:
      if (!snapshot.ToResource(*kind, "gateway", response->add_resources()))
        response->clear_resources();
      break;
  }
  return absl::OkStatus();
}

absl::Status ListUses(const Snapshot& snapshot, const wire::WhoUsesRequest& request,
                      wire::WhoUsesResponse* response) {
  const std::string& id = request.certificate_id();
  if (id.size() < 64) return absl::InvalidArgumentError("certificate_id must be a certificate id");
  const std::string org = id.substr(0, id.size() - 64);
  std::vector<CertificateUse> uses = snapshot.WhoUses(org, id);
  const CertificateEntry* entry = snapshot.FindCertificateById(id);
  if (entry != nullptr && !entry->name.empty()) {
    for (CertificateUse& use : snapshot.WhoUses(org, absl::StrCat("name:", entry->name))) {
      uses.push_back(std::move(use));
    }
  }
  for (const CertificateUse& use : uses) {
    wire::Usage* usage = response->add_usages();
    usage->set_kind(std::string(KindName(use.kind)));
    usage->set_id(use.id);
    usage->set_how(use.how);
  }
  return absl::OkStatus();
}

void FillStatus(const ServiceParts& parts, wire::StatusResponse* response) {
  const SnapshotPtr snapshot = parts.writer->snapshot();
  response->set_store_id(snapshot->store_id());
  response->set_epoch(snapshot->epoch());
  response->set_revision(snapshot->revision());
  for (const ReplicaFacts& facts : parts.replicas->List())
    FillReplica(facts, response->add_replicas());
  for (const ReplicaFacts& facts : parts.replicas->Gone()) FillReplica(facts, response->add_gone());
  if (parts.certificate_not_after) {
    response->set_certificate_not_after_unix(absl::ToUnixSeconds(parts.certificate_not_after()));
  }
  StatusFacts facts = CollectStatus(*snapshot, parts.clock->Now());
  for (const auto& [kind, count] : facts.counts) (*response->mutable_counts())[kind] = count;
  for (std::string& text : facts.insecure) response->add_insecure(std::move(text));
  for (std::string& text : facts.pending) response->add_pending(std::move(text));
  for (std::string& text : facts.unusable)
    response->add_pending(std::move(text));  // for people: neither admits anybody
  for (std::string& text : facts.expiring) response->add_expiring(std::move(text));
  response->set_store_writable(parts.writer->status().store_writable);
}

}  // namespace sallyport::authsvc
