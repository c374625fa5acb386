#include "authsvc/apisix/change.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/apisix/closed.h"
#include "authsvc/apisix/standing_alone.h"
#include "authsvc/apisix/strict.h"
#include "authsvc/dialects/apisix/material.h"
#include "authsvc/dialects/apisix/plugins.h"
#include "authsvc/dialects/apisix/route.h"
#include "authsvc/dialects/apisix/upstream.h"
#include "authsvc/snapshot/resource.h"

namespace sallyport::authsvc::apisix {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr absl::string_view kApiPrefix = "Api ";

bool Is(const Json* a, const Json* b) { return a == nullptr || b == nullptr ? a == b : *a == *b; }

std::set<std::string> CertificatesOf(const v1::DialectObject* object) {
  std::set<std::string> ids;
  if (object == nullptr) return ids;
  ids.insert(object->server_certificate_ids().begin(), object->server_certificate_ids().end());
  ids.insert(object->certificate_ids().begin(), object->certificate_ids().end());
  return ids;
}

class Planner {
 public:
  Planner(const SnapshotPtr& snapshot, Change change, int64_t now_unix,
          const Surroundings& surroundings)
      : snapshot_(*snapshot),
        objects_(snapshot),
        change_(std::move(change)),
        collection_(*change_.collection),
        now_(now_unix),
        surroundings_(surroundings) {
    stored_ = snapshot_.FindDialectObject(dialect::StoredId(collection_.name, change_.id));
    plan_.write.expected_snapshot = snapshot_.revision();
  }

  // Of no object: routes alone.
  absl::StatusOr<ChangePlan> Refresh(bool trusted) {
    objects_.set_trusted(trusted);
    if (auto status = Routes(); !status.ok()) return status;
    return std::move(plan_);
  }

  absl::StatusOr<ChangePlan> Run() {
    absl::Status status = change_.document.has_value() ? Put() : Delete();
    if (status.ok()) status = Routes();
    if (!status.ok()) return status;
    Finish();
    return std::move(plan_);
  }

 private:
  absl::Status Put() {
    Json& document = *change_.document;
    if (auto status = dialect::CheckFields(collection_, document); !status.ok()) return status;
    if (auto status = OpenKeys(surroundings_.keyring, collection_, &document); !status.ok())
      return status;
    Stamp(&document);
    const v1::DialectObject* const old = stored_ == nullptr ? nullptr : &stored_->object;
    auto status =
        dialect::TakeMaterial(collection_, change_.id, old, now_, surroundings_.environment,
                              &document, &object_, &converted_);
    if (!status.ok()) return status;
    for (const auto& warning : converted_.warnings) plan_.warnings.push_back(warning.message);
    object_.set_json(document.dump());
    objects_.Put(object_);
    if (collection_.name == "ssls") {
      if (status = CheckNames(); !status.ok()) return status;
    }
    plan_.value = document;
    return CheckAlone(collection_, document, object_, objects_);
  }

  void Stamp(Json* document) const {
    if (collection_.name != "consumers") (*document)["id"] = change_.id;
    int64_t created = now_;
    if (stored_ != nullptr) {
      const Json old = Json::parse(stored_->object.json(), nullptr, false);
      created = dialect::Integer(old, "create_time", now_);
    }
    (*document)["create_time"] = created;
    (*document)["update_time"] = now_;
  }

  // Two SSL objects of one server name: what a client meets would be left to chance.
  absl::Status CheckNames() {
    absl::Status status;
    const std::set<std::string> names(object_.server_names().begin(), object_.server_names().end());
    const Json* const client = dialect::Get(*change_.document, "client");
    objects_.ForEach("ssls", [&](absl::string_view id, const dialect::Object& other) {
      if (id == change_.id || !status.ok()) return;
      for (const std::string& name : other.object->server_names()) {
        if (names.count(name) == 0) continue;
        const bool same = Is(client, dialect::Get(*other.document, "client"));
        if (same && change_.force) continue;
        status = dialect::Plain(absl::StrCat("SNI ", name, " is that of ssl [", id, "]",
                                             same ? ": ?force=true lets both serve it"
                                                  : ", which asks for other client certificates"));
        return;
      }
    });
    return status;
  }

  absl::Status Delete() {
    if (stored_ == nullptr) return absl::NotFoundError("Key not found");
    objects_.Remove(collection_.name, change_.id);
    if (change_.force) return absl::OkStatus();
    const std::string user = UserOf(objects_, collection_, change_.id);
    if (user.empty()) return absl::OkStatus();
    return dialect::Plain(absl::StrCat("can not delete this ", collection_.singular, ", ", user,
                                       " is still using it now"));
  }

  // --- routes that mean something else now
  [[nodiscard]] bool TouchesAll() const {
    if (collection_.name.empty() || collection_.name == "global_rules") return true;
    if (collection_.name != "ssls") return false;
    const v1::DialectObject none;
    const v1::DialectObject& old = stored_ == nullptr ? none : stored_->object;
    const Json before = Json::parse(old.json(), nullptr, false);
    const Json* const client =
        change_.document.has_value() ? dialect::Get(*change_.document, "client") : nullptr;
    const auto differ = [](const auto& a, const auto& b) {
      return !std::equal(a.begin(), a.end(), b.begin(), b.end());
    };
    return differ(old.server_names(), object_.server_names()) ||
           differ(old.certificate_ids(), object_.certificate_ids()) ||
           !Is(dialect::Get(before, "client"), client) ||
           dialect::Text(before, "type") == "client" ||
           (change_.document.has_value() && dialect::Text(*change_.document, "type") == "client");
  }

  // How a stored document names an object: what this service wrote itself has no blanks.
  static bool Names(const v1::DialectObject& holder, absl::string_view member,
                    absl::string_view id) {
    const absl::string_view json = holder.json();
    return absl::StrContains(json, absl::StrCat("\"", member, "\":\"", id, "\"")) ||
           absl::StrContains(json, absl::StrCat("\"", member, "\":", id));
  }

  // Routes that may refer to the object: too many do no harm.
  [[nodiscard]] std::vector<std::string> Touched() const {
    std::vector<std::string> routes, services;
    if (collection_.name == "routes") return {change_.id};
    const bool upstream = collection_.name == "upstreams";
    if (collection_.name == "services") services.push_back(change_.id);
    if (upstream) {
      objects_.ForEachStored("services", [&](absl::string_view id, const v1::DialectObject& one) {
        if (Names(one, "upstream_id", change_.id)) services.emplace_back(id);
      });
    }
    const bool all = TouchesAll();
    objects_.ForEachStored("routes", [&](absl::string_view id, const v1::DialectObject& one) {
      bool touched =
          all || (upstream && Names(one, "upstream_id", change_.id)) ||
          (collection_.name == "plugin_configs" && Names(one, "plugin_config_id", change_.id));
      for (const std::string& service : services)
        touched = touched || Names(one, "service_id", service);
      if (touched) routes.emplace_back(id);
    });
    return routes;
  }

  absl::Status Routes() {
    if (collection_.name == "consumers") return absl::OkStatus();
    const std::vector<std::string> touched = Touched();
    if (touched.empty()) return absl::OkStatus();
    const dialect::SslIndex ssls(objects_);
    for (const std::string& id : touched) {
      const dialect::Object route = objects_.Find("routes", id);
      if (route.object == nullptr) continue;  // it is what goes
      if (auto status = Convert(id, route, ssls); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Convert(absl::string_view id, const dialect::Object& route,
                       const dialect::SslIndex& ssls) {
    const bool own = collection_.name == "routes";
    std::vector<v1::Api> apis;
    std::vector<std::string> warnings;
    absl::Status status = dialect::ConvertRoute(id, route, objects_, ssls, &apis, &warnings);
    if (!status.ok() && own) return status;
    if (!status.ok()) {
      // What it needs was taken away by force: it keeps its place, where another route would else
      // serve what this one guarded, at the names of all SSL objects of now.
      bool closed = true;
      const std::vector<v1::Api> stood = ClosedApis(snapshot_, *route.object, &closed);
      apis.clear();
      const absl::Status placed = dialect::PlaceAgain(id, route, objects_, ssls, stood, &apis);
      if (!placed.ok()) return placed;
      const bool taken = change_.force && !change_.document.has_value();
      if (!taken && !closed)
        return absl::Status(status.code(), absl::StrCat("route [", id, "]: ", status.message()));
      warnings = {absl::StrCat("route [", id, "] serves nothing now: ", status.message())};
    }
    plan_.warnings.insert(plan_.warnings.end(), warnings.begin(), warnings.end());
    SetApis(*route.object, apis, own);
    return absl::OkStatus();
  }

  void SetApis(const v1::DialectObject& route, const std::vector<v1::Api>& apis, bool own) {
    v1::DialectObject next = route;
    next.clear_resources();
    for (const std::string& made : route.resources()) {
      if (!absl::StartsWith(made, kApiPrefix)) next.add_resources(made);
    }
    std::set<std::string> kept;
    for (const v1::Api& api : apis) {
      next.add_resources(absl::StrCat(kApiPrefix, api.id()));
      kept.insert(api.id());
      const ApiEntry* const there = snapshot_.FindApi(api.id());
      if (there != nullptr && MessageDifferencer::Equals(there->api, api)) continue;
      Mutation& mutation = plan_.write.mutations.emplace_back();
      mutation.resource.set_dialect(std::string(dialect::kDialect));
      *mutation.resource.mutable_api() = api;
    }
    const DialectObjectEntry* const before = snapshot_.FindDialectObject(route.id());
    if (before != nullptr) RemoveApis(before->object, kept);
    if (own)
      object_ = std::move(next);
    else if (!MessageDifferencer::Equals(next, before->object))
      PutObject(std::move(next));
  }

  void RemoveApis(const v1::DialectObject& before, const std::set<std::string>& kept) {
    for (const std::string& made : before.resources()) {
      if (!absl::StartsWith(made, kApiPrefix)) continue;
      const std::string api = made.substr(kApiPrefix.size());
      if (kept.count(api) == 0) Erase(Kind::kApi, api);
    }
  }

  void PutObject(v1::DialectObject object) {
    Mutation& mutation = plan_.write.mutations.emplace_back();
    mutation.resource.set_dialect(std::string(dialect::kDialect));
    *mutation.resource.mutable_dialect_object() = std::move(object);
  }

  void Erase(Kind kind, const std::string& id) {
    Mutation& mutation = plan_.write.mutations.emplace_back();
    mutation.op = Mutation::Op::kDelete;
    mutation.kind = kind;
    mutation.id = id;
    mutation.missing_ok = true;
  }

  // --- the object itself and what it brought
  void Finish() {
    AddConverted();
    if (collection_.name == "ssls") {
      if (auto listener = StrictMutation(snapshot_, objects_, surroundings_.strict))
        plan_.write.mutations.push_back(*std::move(listener));
    }
    if (change_.document.has_value()) {
      PutObject(object_);
    } else {
      Erase(Kind::kDialectObject, dialect::StoredId(collection_.name, change_.id));
      if (collection_.name == "routes") RemoveApis(stored_->object, {});
    }
    if (stored_ == nullptr) return;
    const std::set<std::string> made(object_.resources().begin(), object_.resources().end());
    for (const std::string& one : stored_->object.resources()) {
      if (made.count(one) != 0 || absl::StartsWith(one, kApiPrefix)) continue;
      const size_t blank = one.find(' ');
      const auto kind = ParseKind(absl::string_view(one).substr(0, blank));
      if (kind.has_value() && blank != std::string::npos) Erase(*kind, one.substr(blank + 1));
    }
    RemoveCertificates();
  }

  void AddConverted() {
    std::set<std::pair<int, std::string>> seen;
    for (dialects::Converted& converted : converted_.resources) {
      if (!seen.emplace(converted.resource.body_case(), converted.resource.id()).second) continue;
      v1::Resource& resource = converted.resource;
      if (resource.has_certificate()) {
        const CertificateEntry* const there = snapshot_.FindCertificateById(resource.id());
        if (there != nullptr && (converted.private_key.empty() || there->has_private_key()))
          continue;
        if (there != nullptr) {
          resource.mutable_certificate()->set_name(there->name);
          resource.mutable_certificate()->set_source(there->source);
        }
      }
      Mutation& mutation = plan_.write.mutations.emplace_back();
      mutation.resource = std::move(resource);
      mutation.private_key = std::move(converted.private_key);
      mutation.shared_secrets = std::move(converted.shared_secrets);
    }
  }

  // Certificates that came by this dialect and that nothing else has.
  void RemoveCertificates() {
    const std::set<std::string> now = CertificatesOf(&object_);
    for (const std::string& id : CertificatesOf(&stored_->object)) {
      if (now.count(id) != 0) continue;
      const CertificateEntry* const entry = snapshot_.FindCertificateById(id);
      if (entry == nullptr || entry->source != dialect::kDialect || UsedElsewhere(id)) continue;
      Erase(Kind::kCertificate, id);
    }
  }

  [[nodiscard]] bool UsedElsewhere(const std::string& id) const {
    const std::vector<CertificateUse> uses = snapshot_.WhoUses(dialect::kOrg, id);
    return std::any_of(uses.begin(), uses.end(), [&](const CertificateUse& use) {
      if (use.kind == Kind::kDialectObject) return use.id != stored_->object.id();
      return use.id == dialect::kTrusted || !absl::StartsWith(use.id, "apisix.");
    });
  }

  const Snapshot& snapshot_;
  StoredObjects objects_;
  Change change_;
  const dialect::Collection& collection_;
  const int64_t now_;
  const Surroundings& surroundings_;
  const DialectObjectEntry* stored_ = nullptr;
  v1::DialectObject object_;
  dialects::Conversion converted_;
  ChangePlan plan_;
};

}  // namespace

absl::StatusOr<ChangePlan> PlanChange(const SnapshotPtr& snapshot, Change change, int64_t now_unix,
                                      const Surroundings& surroundings) {
  return Planner(snapshot, std::move(change), now_unix, surroundings).Run();
}

absl::StatusOr<ChangePlan> PlanRefresh(const SnapshotPtr& snapshot, bool trusted,
                                       const Surroundings& surroundings) {
  static const dialect::Collection kAll{"", "", {}};
  Change change;
  change.collection = &kAll;
  change.force = true;  // a route that serves nothing, since what it needs was taken, stays so
  return Planner(snapshot, std::move(change), 0, surroundings).Refresh(trusted);
}

absl::Status CheckDocument(const dialect::Collection& collection, Json document, int64_t now_unix,
                           const Surroundings& surroundings) {
  if (auto status = dialect::CheckFields(collection, document); !status.ok()) return status;
  if (auto status = OpenKeys(surroundings.keyring, collection, &document); !status.ok())
    return status;
  v1::DialectObject object;
  dialects::Conversion out;
  auto status = dialect::TakeMaterial(collection, "0", nullptr, now_unix, surroundings.environment,
                                      &document, &object, &out);
  if (!status.ok()) return status;
  if (collection.name == "routes") return CheckRouteAlone(std::move(document), object);
  return CheckAlone(collection, document, object, StoredObjects(Snapshot::Empty()));
}

}  // namespace sallyport::authsvc::apisix
