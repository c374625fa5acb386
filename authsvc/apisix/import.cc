#include "authsvc/apisix/import.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/apisix/change.h"
#include "authsvc/change/writer.h"
#include "authsvc/dialects/apisix/differences.h"
#include "authsvc/dialects/reader.h"
#include "authsvc/snapshot/resource.h"
#include "authsvc/snapshot/snapshot_builder.h"
#include "shared/base/log.h"

namespace sallyport::authsvc::apisix {
namespace {

namespace wire = ::sallyport::v1;

constexpr int kImportTries = 3;  // against writes in between
constexpr size_t kMostObjects = 100'000;

// Who is referred to comes before who refers.
int Rank(absl::string_view collection) {
  static constexpr absl::string_view kOrder[] = {
      "ssls", "upstreams", "plugin_configs", "services", "consumers", "global_rules", "routes"};
  const auto* const at = std::find(std::begin(kOrder), std::end(kOrder), collection);
  return static_cast<int>(at - std::begin(kOrder));
}

struct Item {
  const dialect::Collection* collection = nullptr;
  std::string id;
  Json document;
  wire::ApplyResult* result = nullptr;
};

// "/apisix/routes/1": collection and id are what the last collection's name begins.
absl::Status ReadName(absl::string_view name, Item* item) {
  const size_t border = name.rfind('/');
  const size_t before =
      border == absl::string_view::npos || border == 0 ? border : name.rfind('/', border - 1);
  if (border == absl::string_view::npos || border + 1 == name.size())
    return absl::InvalidArgumentError("its name is no COLLECTION/ID");
  const absl::string_view collection = before == absl::string_view::npos
                                           ? name.substr(0, border)
                                           : name.substr(before + 1, border - before - 1);
  item->id = std::string(name.substr(border + 1));
  item->collection = dialect::FindCollection(collection);
  if (collection == "credentials") {
    return absl::InvalidArgumentError(
        "credentials of consumers do not exist here: put their plugins into the consumer");
  }
  if (item->collection == nullptr)
    return absl::InvalidArgumentError(absl::StrCat("Unsupported resource type: ", collection));
  if (!dialect::IsId(item->id))
    return absl::InvalidArgumentError(
        "its id must be 1 to 64 of letters, digits, '-', '_' and '.'");
  return absl::OkStatus();
}

absl::Status ReadItem(const wire::Document& document, Item* item) {
  item->result->set_id(document.name());
  item->result->set_kind("object");
  if (auto status = ReadName(document.name(), item); !status.ok()) return status;
  item->result->set_kind(std::string(item->collection->singular));
  item->result->set_id(item->id);
  if (auto checked = dialects::ReadJson(document.content()); !checked.ok()) return checked.status();
  item->document = Json::parse(document.content(), nullptr, false);
  if (!item->document.is_object()) return absl::InvalidArgumentError("it is no object in JSON");
  const bool consumer = item->collection->name == "consumers";
  const std::string inside =
      consumer ? dialect::Text(item->document, "username") : dialect::Id(item->document, "id");
  if (!inside.empty() && inside != item->id)
    return absl::InvalidArgumentError(absl::StrCat("its id inside is another one: ", inside));
  for (std::string& difference : dialect::Differences(*item->collection, item->document))
    item->result->add_warnings(std::move(difference));
  return absl::OkStatus();
}

void Refuse(const absl::Status& status, wire::ApplyResult* result) {
  result->set_outcome("refused");
  result->set_message(std::string(status.message()));
}

// Several writes as one: what a later one says of a resource holds.
class Merger {
 public:
  explicit Merger(SnapshotPtr before) : before_(before), now_(std::move(before)) {}

  // As it is once all that was added is written. Never stored.
  [[nodiscard]] const SnapshotPtr& now() const { return now_; }

  absl::Status Add(std::vector<Mutation> mutations, wire::ApplyResult* result) {
    SnapshotBuilder builder(now_);
    for (const Mutation& mutation : mutations) {
      if (mutation.op == Mutation::Op::kDelete) {
        builder.Erase(mutation.kind, mutation.id);
        continue;
      }
      v1::Resource resource = mutation.resource;
      resource.set_id(BodyId(resource));
      resource.set_revision(before_->revision() + 1);
      if (!mutation.private_key.empty())  // sealed later
        resource.mutable_certificate()->mutable_private_key()->set_ciphertext("given");
      if (auto status = builder.Put(std::move(resource)); !status.ok()) return status;
    }
    StoreState state = before_->state();
    state.revision = before_->revision() + 1;
    now_ = builder.Finish(state, nullptr);
    for (Mutation& mutation : mutations) Fold(std::move(mutation), result);
    return absl::OkStatus();
  }

  Write Take(std::vector<wire::ApplyResult*>* results) {
    Write write;
    write.expected_snapshot = before_->revision();
    for (const Place& place : order_) {
      Held& held = held_.at(place);
      const bool nothing = held.mutation.op == Mutation::Op::kDelete &&
                           before_->RevisionOf(place.first, place.second) == 0;
      if (nothing) continue;
      write.mutations.push_back(std::move(held.mutation));
      results->push_back(held.result);
    }
    return write;
  }

 private:
  using Place = std::pair<Kind, std::string>;
  struct Held {
    Mutation mutation;
    wire::ApplyResult* result = nullptr;
  };

  void Fold(Mutation mutation, wire::ApplyResult* result) {
    const bool put = mutation.op == Mutation::Op::kPut;
    const Place place =
        put ? Place(KindOf(mutation.resource).value_or(Kind::kApi), BodyId(mutation.resource))
            : Place(mutation.kind, mutation.id);
    const auto [at, fresh] = held_.try_emplace(place);
    if (fresh) order_.push_back(place);
    Held& held = at->second;
    if (put && mutation.private_key.empty())
      mutation.private_key = std::move(held.mutation.private_key);
    if (put && mutation.shared_secrets.empty())
      mutation.shared_secrets = std::move(held.mutation.shared_secrets);
    held.mutation = std::move(mutation);
    if (fresh) held.result = result;
  }

  const SnapshotPtr before_;
  SnapshotPtr now_;
  std::map<Place, Held> held_;
  std::vector<Place> order_;
};

class Importer {
 public:
  Importer(const SnapshotPtr& before, const Surroundings& surroundings, int64_t now,
           const wire::ApplyRequest& request, wire::ApplyResponse* response)
      : merger_(before), surroundings_(surroundings), now_(now) {
    response->set_revision(before->revision());
    for (const wire::Document& document : request.documents()) {
      Item item;
      item.result = response->add_results();
      const absl::Status status = ReadItem(document, &item);
      if (status.ok())
        items_.push_back(std::move(item));
      else
        NoteRefusal(status, item.result);
    }
    std::sort(items_.begin(), items_.end(), [](const Item& a, const Item& b) {
      return std::make_pair(Rank(a.collection->name), absl::string_view(a.id)) <
             std::make_pair(Rank(b.collection->name), absl::string_view(b.id));
    });
  }

  void PlanAll() {
    for (Item& item : items_) {
      const absl::Status status = PlanOne(&item);
      if (!status.ok()) NoteRefusal(status, item.result);
    }
    for (const auto& [warning, result] : warnings_) result->add_warnings(warning);
  }

  [[nodiscard]] bool refused() const { return refused_; }
  Write Take(std::vector<wire::ApplyResult*>* results) { return merger_.Take(results); }

 private:
  void NoteRefusal(const absl::Status& status, wire::ApplyResult* result) {
    Refuse(status, result);
    refused_ = true;
  }

  absl::Status PlanOne(Item* item) {
    const std::string stored_id = dialect::StoredId(item->collection->name, item->id);
    if (!seen_.insert(stored_id).second) return absl::InvalidArgumentError("it is given twice");
    const DialectObjectEntry* const stored = merger_.now()->FindDialectObject(stored_id);
    // What says nothing new keeps its time, and so stays as it is.
    if (stored != nullptr) {
      const Json old = Json::parse(stored->object.json(), nullptr, false);
      auto plan = Plan(*item, dialect::Integer(old, "update_time", now_));
      if (!plan.ok()) return plan.status();
      if (plan->value == old) return Add(*std::move(plan), item);
    }
    auto plan = Plan(*item, now_);
    return plan.ok() ? Add(*std::move(plan), item) : plan.status();
  }

  absl::StatusOr<ChangePlan> Plan(const Item& item, int64_t now) const {
    Change change;
    change.collection = item.collection;
    change.id = item.id;
    change.document = item.document;
    return PlanChange(merger_.now(), std::move(change), now, surroundings_);
  }

  absl::Status Add(ChangePlan plan, Item* item) {
    for (std::string& warning : plan.warnings) warnings_[std::move(warning)] = item->result;
    return merger_.Add(std::move(plan.write.mutations), item->result);
  }

  Merger merger_;
  const Surroundings& surroundings_;
  const int64_t now_;
  std::vector<Item> items_;
  std::set<std::string> seen_;
  // One route may be made anew several times: the last object that it was made for has its warning.
  std::map<std::string, wire::ApplyResult*> warnings_;
  bool refused_ = false;
};

// Of an object the worst of what became of its resources: one that changed makes it an update.
void FillOutcomes(const WriteResult& written, const std::vector<wire::ApplyResult*>& places) {
  for (size_t i = 0; i < places.size() && i < written.results.size(); ++i) {
    const MutationResult& one = written.results[i];
    wire::ApplyResult& result = *places[i];
    for (const std::string& warning : one.warnings) result.add_warnings(warning);
    const bool itself = one.kind == Kind::kDialectObject;
    const std::string outcome(OutcomeName(one.outcome));
    const bool changed = one.outcome != MutationResult::Outcome::kUnchanged;
    if (itself && (result.outcome().empty() || changed))
      result.set_outcome(outcome);
    else if (changed && result.outcome() != "created")
      result.set_outcome("updated");
  }
}

void Finish(wire::ApplyResponse* response) {
  for (wire::ApplyResult& result : *response->mutable_results()) {
    if (result.outcome().empty()) result.set_outcome("unchanged");
  }
}

bool IsAboutInput(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsAlreadyExists(status) ||
         absl::IsFailedPrecondition(status) || absl::IsNotFound(status);
}

}  // namespace

absl::StatusOr<wire::ApplyResponse> ImportObjects(Writer& writer, const base::Clock& clock,
                                                  absl::string_view who,
                                                  const wire::ApplyRequest& request,
                                                  const Surroundings& surroundings) {
  if (request.prune() || !request.set().empty())
    return absl::InvalidArgumentError("objects of APISIX have no set");
  if (static_cast<size_t>(request.documents_size()) > kMostObjects)
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMostObjects, " objects"));
  wire::ApplyResponse response;
  for (int attempt = 0;; ++attempt) {
    response.Clear();
    Importer importer(writer.snapshot(), surroundings, absl::ToUnixSeconds(clock.Now()), request,
                      &response);
    importer.PlanAll();
    if (importer.refused()) break;
    std::vector<wire::ApplyResult*> places;
    Write write = importer.Take(&places);
    write.dry_run = request.dry_run();
    write.strict = request.strict();
    const auto written = writer.Run(std::move(write));
    if (absl::IsAborted(written.status()) && attempt + 1 < kImportTries) continue;
    if (written.ok()) {
      FillOutcomes(*written, places);
      Finish(&response);
      response.set_applied(!request.dry_run());
      response.set_revision(written->revision);
      break;
    }
    if (!IsAboutInput(written.status())) return written.status();
    const auto failed = FailedMutation(written.status());
    const bool known = failed.has_value() && *failed < places.size();
    Refuse(written.status(), known ? places[*failed] : response.add_results());
    break;
  }
  if (!request.dry_run()) {
    base::Audit(base::Level::kInfo, {{"who", who},
                                     {"what", "apisix.import"},
                                     {"objects", response.results_size()},
                                     {"outcome", response.applied() ? "done" : "refused"},
                                     {"revision", response.revision()}});
  }
  return response;
}

}  // namespace sallyport::authsvc::apisix
