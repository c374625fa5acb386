#include "authsvc/apisix/admin_api.h"

#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "authsvc/admin/admission.h"
#include "authsvc/admin/call_queue.h"
#include "authsvc/apisix/import.h"
#include "authsvc/apisix/resources.h"
#include "authsvc/change/writer.h"
#include "shared/base/log.h"
#include "shared/base/mutex.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc::apisix {
namespace {

using admin::AdmittedCall;
using admin::CallQueue;
using admin_http::Request;
using admin_http::Responder;

constexpr absl::string_view kBase = "/apisix/admin";

bool IsRead(const Request& request) { return request.method == "GET" || request.method == "HEAD"; }

std::string CookieOf(const Request& request, absl::string_view name) {
  for (const auto& [header, value] : request.headers) {
    if (header != "cookie") continue;
    for (const absl::string_view part : absl::StrSplit(value, ';')) {
      absl::string_view one = absl::StripAsciiWhitespace(part);
      if (absl::ConsumePrefix(&one, name) && absl::ConsumePrefix(&one, "="))
        return std::string(one);
    }
  }
  return "";
}

std::string TokenOf(const Request& request) {
  if (const auto query = request.Query("api_key")) return std::string(*query);
  if (const auto header = request.Header("x-api-key")) return std::string(*header);
  return CookieOf(request, "x_api_key");
}

bool IsPreflight(const Request& request) {
  return request.method == "OPTIONS" &&
         (request.path == kBase || absl::StartsWith(request.path, "/apisix/admin/"));
}

bool IsOpen(const Request& request) {
  const bool head = request.method == "HEAD";
  return (request.path == "/apisix/status" && (head || request.method == "GET")) ||
         (request.path == kBase && head) || IsPreflight(request);
}

// For browsers (reference apisix.md A1.1). Never Access-Control-Allow-Credentials: a page may call
// with a key that it was given, not with a cookie or certificate that the browser holds.
Response WithCors(const Request& request, const AdminApiSettings& settings, Response response) {
  const bool admin = request.path == kBase || absl::StartsWith(request.path, "/apisix/admin/");
  if (!settings.cors || !admin) return response;
  response.headers.emplace_back("Access-Control-Allow-Origin", "*");
  response.headers.emplace_back("Access-Control-Expose-Headers", "*");
  response.headers.emplace_back("Access-Control-Max-Age", "3600");
  if (!IsPreflight(request)) return response;
  response.headers.emplace_back("Access-Control-Allow-Methods",
                                "POST, GET, PUT, OPTIONS, DELETE, PATCH");
  response.headers.emplace_back("Access-Control-Allow-Headers", "*, X-API-KEY, Content-Type");
  return response;
}

// To whoever has no key, at once: no place is taken from those who have one. A preflight is a
// browser's that asks whether it may call.
Response Open(const Request& request) {
  if (!IsPreflight(request)) return JsonAnswer(200, {{"status", "ok"}});
  Response response = JsonAnswer(200, Json::object());
  response.content_type = "text/plain";
  response.body.clear();
  return response;
}

// "ssl" as APISIX names schemas, or as the collection.
const dialect::Collection* SchemaNamed(absl::string_view name) {
  for (const dialect::Collection& collection : dialect::Collections()) {
    if (collection.singular == name || collection.name == name) return &collection;
  }
  return nullptr;
}

// "a/b/c" -> the first `count` parts; the last has the rest.
std::vector<std::string> Parts(absl::string_view path, int count) {
  return absl::StrSplit(path, absl::MaxSplits('/', count - 1));
}

}  // namespace

class AdminApi::Worker {
 public:
  Worker(AdminApiOptions options, Writer* writer, const base::Clock* clock)
      : writer_(*writer),
        clock_(*clock),
        settings_(std::make_shared<const AdminApiSettings>(std::move(options.settings))),
        calls_(options.max_queue, ErrorAnswer, [this](const AdmittedCall& call) { Run(call); }) {}

  void Set(AdminApiSettings settings) {
    auto taken = std::make_shared<const AdminApiSettings>(std::move(settings));
    base::MutexLock lock(&mutex_);
    settings_.swap(taken);
  }

  absl::StatusOr<::sallyport::v1::ApplyResponse> Import(
      absl::string_view who, const ::sallyport::v1::ApplyRequest& request) const {
    return ImportObjects(writer_, clock_, who, request, InForce()->surroundings);
  }

  std::optional<Response> Admit(const Request& head, std::string* who) const {
    if (IsOpen(head)) {  // a stranger's: nothing of it is kept
      const bool has_body = head.Header("transfer-encoding").has_value() ||
                            head.Header("content-length").value_or("0") != "0";
      return has_body ? std::optional(ErrorAnswer(400, "no body is taken here")) : std::nullopt;
    }
    const auto settings = InForce();
    const AdminKey* const key = FindKey(*settings, TokenOf(head));
    if (key != nullptr && (!key->viewer || IsRead(head))) {
      *who = key->name;
      return std::nullopt;
    }
    // By the queue, not as base::Audit: a stranger must not be able to make this thread wait.
    base::Log(base::Level::kWarning, "audit",
              {{"what", "apisix.call"},
               {"outcome", key == nullptr ? "wrong key" : "viewer"},
               {"peer", head.peer_address},
               {"request_id", head.request_id}});
    return WithCors(head, *settings, ErrorAnswer(401, "failed to check token"));
  }

  void Take(Request request, Responder responder) {
    std::string who;
    if (auto refused = Admit(request, &who)) return responder.Send(*std::move(refused));
    if (IsOpen(request)) return responder.Send(Finished(request, Open(request)));
    calls_.Add({std::move(request), std::move(responder), std::move(who)});
  }

 private:
  std::shared_ptr<const AdminApiSettings> InForce() const {
    base::MutexLock lock(&mutex_);
    return settings_;
  }

  // Takes the same time whichever it is.
  static const AdminKey* FindKey(const AdminApiSettings& settings, absl::string_view presented) {
    const std::string hash = crypto::Sha256(presented);
    const AdminKey* found = nullptr;
    for (const AdminKey& key : settings.keys) {
      const bool equal = base::ConstantTimeEquals(key.sha256, hash);
      if (equal && key.sha256.size() == hash.size()) found = &key;
    }
    return presented.empty() ? nullptr : found;
  }

  void Run(const AdmittedCall& call) const {
    call.responder.Send(Finished(call.request, Serve(call)));
  }

  Response Finished(const Request& request, Response response) const {
    if (request.method == "HEAD") response.body.clear();
    return WithCors(request, *InForce(), std::move(response));
  }

  Response Serve(const AdmittedCall& job) const {
    const Request& request = job.request;
    // Where the gateway's settings ask administrators for a certificate, this is no way around it.
    if (admin::CheckControlCertificate(*writer_.snapshot(), request, clock_.Now()).has_value())
      return CertificateRequired();
    absl::string_view rest = request.path;
    if (!absl::ConsumePrefix(&rest, kBase) || !absl::ConsumePrefix(&rest, "/"))
      return ErrorAnswer(404, "not found");
    if (absl::StartsWith(rest, "schema/") || absl::StartsWith(rest, "plugins/"))
      return Other(job, rest);
    const std::vector<std::string> parts = Parts(rest, 3);
    const dialect::Collection* const collection = dialect::FindCollection(parts[0]);
    if (collection == nullptr) return Unsupported(parts[0], request);
    const auto settings = InForce();
    const Call call{request,
                    job.who,
                    writer_,
                    clock_,
                    settings->surroundings,
                    *collection,
                    parts.size() > 1 ? parts[1] : "",
                    parts.size() > 2 ? parts[2] : ""};
    if (IsRead(request)) return HandleRead(call);
    for (const char* const method : {"PUT", "POST", "PATCH", "DELETE"}) {
      if (request.method == method) return HandleWrite(call);
    }
    return ErrorAnswer(404, "not found");
  }

  static Response Unsupported(const std::string& name, const Request& request) {
    if (name == "stream_routes" && !IsRead(request))
      return ErrorAnswer(400, "stream mode is disabled, can not add stream routes");
    return ErrorAnswer(404, absl::StrCat("Unsupported resource type: ", name));
  }

  Response Other(const AdmittedCall& job, absl::string_view rest) const {
    const Request& request = job.request;
    if (rest == "plugins/list" && IsRead(request)) {
      Json names = Json::array();
      for (const dialect::Plugin& plugin : dialect::Plugins()) {
        if (!plugin.on_consumer) names.push_back(std::string(plugin.name));
      }
      return JsonAnswer(200, names);
    }
    if (rest == "plugins/reload" && request.method == "PUT") {
      Response response = JsonAnswer(200, Json::object());
      response.content_type = "text/plain";
      response.body = "done\n";
      return response;
    }
    if (absl::StartsWith(rest, "plugins/") && IsRead(request)) return Schema(request, rest);
    if (absl::ConsumePrefix(&rest, "schema/validate/") && request.method == "POST") {
      const dialect::Collection* const collection = dialect::FindCollection(rest);
      if (collection == nullptr) return Unsupported(std::string(rest), request);
      return HandleValidate(
          {request, job.who, writer_, clock_, InForce()->surroundings, *collection, "", ""});
    }
    if (absl::ConsumePrefix(&rest, "schema/") && IsRead(request)) return Schema(request, rest);
    return ErrorAnswer(404, "not found");
  }

  // Which fields there are: of a resource, or of a plugin (of a consumer with
  // ?schema_type=consumer).
  static Response Schema(const Request& request, absl::string_view name) {
    if (absl::ConsumePrefix(&name, "plugins/")) {
      const bool on_consumer = request.Query("schema_type").value_or("") == "consumer";
      for (const dialect::Plugin& plugin : dialect::Plugins()) {
        if (plugin.name == name && plugin.on_consumer == on_consumer)
          return JsonAnswer(200, dialect::JsonSchema(plugin.fields));
      }
      return ErrorAnswer(404, "not found plugin");
    }
    const dialect::Collection* const collection = SchemaNamed(name);
    return collection == nullptr ? ErrorAnswer(404, "not found schema")
                                 : JsonAnswer(200, dialect::JsonSchema(collection->fields));
  }

  Writer& writer_;
  const base::Clock& clock_;
  mutable base::Mutex mutex_;
  std::shared_ptr<const AdminApiSettings> settings_ ABSL_GUARDED_BY(mutex_);
  CallQueue calls_;  // last: serves when the rest is there
};

AdminApi::AdminApi(AdminApiOptions options, Writer* writer, const base::Clock* clock)
    : worker_(std::make_unique<Worker>(std::move(options), writer, clock)) {}

AdminApi::~AdminApi() = default;

std::optional<admin_http::Response> AdminApi::AdmitHead(const admin_http::Request& head) const {
  std::string who;
  return worker_->Admit(head, &who);
}

absl::StatusOr<::sallyport::v1::ApplyResponse> AdminApi::Import(
    absl::string_view who, const ::sallyport::v1::ApplyRequest& request) const {
  return worker_->Import(who, request);
}

void AdminApi::Set(AdminApiSettings settings) { worker_->Set(std::move(settings)); }

void AdminApi::Handle(admin_http::Request request, admin_http::Responder responder) {
  worker_->Take(std::move(request), std::move(responder));
}

admin_http::Response AdminApi::CertificateRequired(bool wrong) {
  return PageAnswer(400,
                    wrong ? "The SSL certificate error" : "No required SSL certificate was sent");
}

}  // namespace sallyport::authsvc::apisix
