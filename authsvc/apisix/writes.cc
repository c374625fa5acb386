// PUT, POST, PATCH and DELETE of the Admin API (reference apisix.md A1.3).
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "authsvc/apisix/change.h"
#include "authsvc/apisix/patch.h"
#include "authsvc/apisix/resources.h"
#include "shared/base/log.h"

namespace sallyport::authsvc::apisix {
namespace {

constexpr int kWriteTries = 8;  // against writes in between

std::string KeyOf(const Call& call, absl::string_view id) {
  return absl::StrCat("/apisix/", call.collection.name, "/", id);
}

Response Refusal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound: return NotFound();
    case absl::StatusCode::kInvalidArgument:
      return ErrorAnswer(400, absl::StrCat("invalid configuration: ", status.message()));
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists: return ErrorAnswer(400, status.message());
    case absl::StatusCode::kAborted: return ErrorAnswer(503, "value changed before overwritten");
    default: break;
  }
  Response response = ErrorAnswer(503, "the store does not take writes now");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

void Audit(const Call& call, absl::string_view id, const absl::Status& status, uint64_t revision) {
  const std::string what = absl::StrCat("apisix.", call.collection.name, ".", call.request.method);
  base::Audit(status.ok() ? base::Level::kInfo : base::Level::kWarning,
              {{"who", call.who},
               {"what", what},
               {"id", id},
               {"revision", revision},
               {"outcome", status.ok() ? "done" : "refused"},
               {"peer", call.request.peer_address},
               {"request_id", call.request.request_id}});
}

void AddWarnings(const std::vector<std::string>& warnings, Response* response) {
  for (size_t i = 0; i < warnings.size() && i < 20; ++i) {
    std::string text = warnings[i];
    for (char& c : text) {
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
    }
    response->headers.emplace_back("X-Sallyport-Warning", text);
  }
}

struct Done {
  bool existed = false;
  Json value;
  std::string id;
  std::vector<std::string> warnings;
};

// What a call makes of the object as it is now (null: none): the document, or an answer.
using Make = std::function<std::optional<Response>(const SnapshotPtr& snapshot, Change* change)>;

std::optional<Response> Run(const Call& call, const Make& make, Done* done) {
  absl::Status status;
  for (int attempt = 0; attempt < kWriteTries; ++attempt) {
    const SnapshotPtr snapshot = call.writer.snapshot();
    Change change;
    change.collection = &call.collection;
    change.id = call.id;
    change.force = call.force();
    if (auto answer = make(snapshot, &change)) return answer;
    done->id = change.id;
    done->existed =
        snapshot->FindDialectObject(dialect::StoredId(call.collection.name, change.id)) != nullptr;
    auto plan = PlanChange(snapshot, std::move(change), absl::ToUnixSeconds(call.clock.Now()),
                           call.surroundings);
    status = plan.status();
    if (status.ok()) {
      const auto written = call.writer.Run(std::move(plan->write));
      status = written.status();
      if (written.ok()) {
        done->value = std::move(plan->value);
        done->warnings = std::move(plan->warnings);
        for (std::string& warning : written->AllWarnings())
          done->warnings.push_back(std::move(warning));
        Audit(call, done->id, status, written->revision);
        return std::nullopt;
      }
    }
    if (!absl::IsAborted(status)) break;
  }
  Audit(call, done->id, status, 0);
  return Refusal(status);
}

// The id of path and body, which must be the same where both say it.
std::optional<Response> TakeId(const Call& call, const Json& document, std::string* id) {
  const bool consumer = call.collection.name == "consumers";
  const std::string inside =
      consumer ? dialect::Text(document, "username") : dialect::Id(document, "id");
  *id = call.id.empty() ? inside : call.id;
  if (id->empty()) {
    return ErrorAnswer(400, consumer ? "invalid configuration: property \"username\" is required"
                                     : absl::StrCat("missing ", call.collection.singular, " id"));
  }
  if (!inside.empty() && inside != *id)
    return ErrorAnswer(400, absl::StrCat("wrong ", call.collection.singular, " id"));
  if (!dialect::IsId(*id) && !consumer)
    return ErrorAnswer(400,
                       "invalid configuration: property \"id\" validation failed: object "
                       "matches none of the required");
  return std::nullopt;
}

std::optional<Response> CheckTimes(const Json& document) {
  for (const char* const name : {"create_time", "update_time"}) {
    if (document.contains(name)) {
      return ErrorAnswer(400,
                         absl::StrCat("invalid configuration: the property is forbidden:  ", name));
    }
  }
  return std::nullopt;
}

std::optional<Response> CheckTtl(const Call& call) {
  const auto ttl = call.request.Query("ttl");
  if (!ttl.has_value()) return std::nullopt;
  double seconds = 0;
  return ErrorAnswer(400,
                     absl::SimpleAtod(*ttl, &seconds)
                         ? "invalid argument ttl: objects that end by themselves do not exist here"
                         : "invalid argument ttl: should be a number");
}

Response Envelope(const Call& call, const Done& done, int status) {
  Response response = JsonAnswer(status, {{"key", KeyOf(call, done.id)}, {"value", done.value}});
  AddWarnings(done.warnings, &response);
  return response;
}

Response Put(const Call& call) {
  Json document;
  if (auto answer = CheckTtl(call)) return *answer;
  if (auto answer = ReadBody(call.request, &document)) return *answer;
  std::string id;
  if (auto answer = TakeId(call, document, &id)) return *answer;
  if (auto answer = CheckTimes(document)) return *answer;
  Done done;
  const auto make = [&](const SnapshotPtr&, Change* change) -> std::optional<Response> {
    change->id = id;
    change->document = document;
    return std::nullopt;
  };
  if (auto answer = Run(call, make, &done)) return *answer;
  return Envelope(call, done, done.existed ? 200 : 201);
}

Response Post(const Call& call) {
  Json document;
  if (auto answer = CheckTtl(call)) return *answer;
  if (!call.id.empty())
    return ErrorAnswer(400,
                       absl::StrCat("wrong ", call.collection.singular, " id, do not need it"));
  if (auto answer = ReadBody(call.request, &document)) return *answer;
  if (!dialect::Id(document, "id").empty())
    return ErrorAnswer(400,
                       absl::StrCat("wrong ", call.collection.singular, " id, do not need it"));
  if (auto answer = CheckTimes(document)) return *answer;
  Done done;
  const auto make = [&](const SnapshotPtr& snapshot, Change* change) -> std::optional<Response> {
    change->id = absl::StrFormat("%020d", snapshot->revision() + 1);
    change->document = document;
    return std::nullopt;
  };
  if (auto answer = Run(call, make, &done)) return *answer;
  return Envelope(call, done, 201);
}

Response Patch(const Call& call) {
  Json patch;
  if (call.id.empty())
    return ErrorAnswer(400, absl::StrCat("missing ", call.collection.singular, " id"));
  const bool whole = call.sub_path.empty();
  if (!whole && call.request.body.empty()) return ErrorAnswer(400, "missing new configuration");
  if (auto answer = ReadBody(call.request, &patch)) return *answer;
  if (whole && !patch.is_object()) return ErrorAnswer(400, "invalid request body: no object");
  Done done;
  const auto make = [&](const SnapshotPtr& snapshot, Change* change) -> std::optional<Response> {
    const auto* const entry =
        snapshot->FindDialectObject(dialect::StoredId(call.collection.name, call.id));
    if (entry == nullptr) return NotFound();
    Json document = Json::parse(entry->object.json(), nullptr, false);
    if (whole) {
      Merge(patch, &document);
    } else if (auto status = SetAt(call.sub_path, patch, &document); !status.ok()) {
      return ErrorAnswer(400, status.message());
    }
    std::string id;
    if (auto answer = TakeId(call, document, &id)) return answer;
    change->document = std::move(document);
    return std::nullopt;
  };
  if (auto answer = Run(call, make, &done)) return *answer;
  return Envelope(call, done, 200);
}

Response Delete(const Call& call) {
  if (call.id.empty())
    return ErrorAnswer(400, absl::StrCat("missing ", call.collection.singular, " id"));
  Done done;
  const auto make = [](const SnapshotPtr&, Change*) -> std::optional<Response> {
    return std::nullopt;
  };
  if (auto answer = Run(call, make, &done)) return *answer;
  Response response = JsonAnswer(200, {{"deleted", "1"}, {"key", KeyOf(call, call.id)}});
  AddWarnings(done.warnings, &response);
  return response;
}

}  // namespace

Response HandleWrite(const Call& call) {
  const bool posts = call.Is("POST"), patches = call.Is("PATCH");
  if ((posts && !call.collection.posts) || (patches && !call.collection.patches)) {
    return ErrorAnswer(405, absl::StrCat("not supported `", call.request.method, "` method for ",
                                         call.collection.singular));
  }
  if (!call.sub_path.empty() && !patches) return ErrorAnswer(404, "not found");
  if (posts) return Post(call);
  if (patches) return Patch(call);
  return call.Is("PUT") ? Put(call) : Delete(call);
}

Response HandleValidate(const Call& call) {
  Json document;
  if (auto answer = ReadBody(call.request, &document)) return *answer;
  const absl::Status status =
      CheckDocument(call.collection, std::move(document), absl::ToUnixSeconds(call.clock.Now()),
                    call.surroundings);
  if (!status.ok()) return ErrorAnswer(400, status.message());
  Response response = JsonAnswer(200, Json::object());
  response.body.clear();
  return response;
}

}  // namespace sallyport::authsvc::apisix
