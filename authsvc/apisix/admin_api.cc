#include "authsvc/apisix/admin_api.h"

#include <deque>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "authsvc/admin/admission.h"
#include "authsvc/apisix/resources.h"
#include "authsvc/change/writer.h"
#include "shared/base/log.h"
#include "shared/base/mutex.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc::apisix {
namespace {

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

bool IsOpen(const Request& request) {
  const bool head = request.method == "HEAD";
  return (request.path == "/apisix/status" && (head || request.method == "GET")) ||
         (request.path == kBase && head);
}

// "a/b/c" -> the first `count` parts; the last has the rest.
std::vector<std::string> Parts(absl::string_view path, int count) {
  return absl::StrSplit(path, absl::MaxSplits('/', count - 1));
}

}  // namespace

class AdminApi::Worker {
 public:
  Worker(AdminApiOptions options, Writer* writer, const base::Clock* clock)
      : options_(std::move(options)),
        writer_(*writer),
        clock_(*clock),
        thread_([this] { Run(); }) {}

  ~Worker() {
    {
      base::MutexLock lock(&mutex_);
      stopping_ = true;
      changed_.Signal();
    }
    thread_.join();
    for (const Job& job : jobs_) job.responder.Send(ErrorAnswer(503, "shutting down"));
  }

  std::optional<Response> Admit(const Request& head, std::string* who) const {
    if (IsOpen(head)) {  // a stranger's: nothing of it is kept
      const bool has_body = head.Header("transfer-encoding").has_value() ||
                            head.Header("content-length").value_or("0") != "0";
      return has_body ? std::optional(ErrorAnswer(400, "no body is taken here")) : std::nullopt;
    }
    const AdminKey* const key = FindKey(TokenOf(head));
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
    return ErrorAnswer(401, "failed to check token");
  }

  void Take(Request request, Responder responder) {
    std::string who;
    if (auto refused = Admit(request, &who)) return responder.Send(*std::move(refused));
    if (!Enqueue({std::move(request), responder, std::move(who)}))
      responder.Send(ErrorAnswer(503, "too many administrative calls at once"));
  }

 private:
  struct Job {
    Request request;
    Responder responder;
    std::string who;
  };

  // Takes the same time whichever it is.
  const AdminKey* FindKey(absl::string_view presented) const {
    const std::string hash = crypto::Sha256(presented);
    const AdminKey* found = nullptr;
    for (const AdminKey& key : options_.keys) {
      const bool equal = base::ConstantTimeEquals(key.sha256, hash);
      if (equal && key.sha256.size() == hash.size()) found = &key;
    }
    return presented.empty() ? nullptr : found;
  }

  bool Enqueue(Job job) {
    base::MutexLock lock(&mutex_);
    if (stopping_ || jobs_.size() >= options_.max_queue) return false;
    jobs_.push_back(std::move(job));
    changed_.Signal();
    return true;
  }

  std::optional<Job> Next() {
    base::MutexLock lock(&mutex_);
    while (jobs_.empty() && !stopping_) changed_.Wait(&mutex_);
    if (stopping_) return std::nullopt;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }

  void Run() {
    while (std::optional<Job> job = Next()) {
      Response response = Serve(*job);
      if (job->request.method == "HEAD") response.body.clear();
      job->responder.Send(std::move(response));
    }
  }

  Response Serve(const Job& job) const {
    const Request& request = job.request;
    if (IsOpen(request)) return JsonAnswer(200, {{"status", "ok"}});
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
    const Call call{request,
                    job.who,
                    writer_,
                    clock_,
                    options_.surroundings,
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

  Response Other(const Job& job, absl::string_view rest) const {
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
    if (absl::ConsumePrefix(&rest, "schema/validate/") && request.method == "POST") {
      const dialect::Collection* const collection = dialect::FindCollection(rest);
      if (collection == nullptr) return Unsupported(std::string(rest), request);
      return HandleValidate(
          {request, job.who, writer_, clock_, options_.surroundings, *collection, "", ""});
    }
    return ErrorAnswer(404, "not found");
  }

  const AdminApiOptions options_;
  Writer& writer_;
  const base::Clock& clock_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<Job> jobs_;  // guarded by mutex_ while the thread runs
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: starts when the rest is there
};

AdminApi::AdminApi(AdminApiOptions options, Writer* writer, const base::Clock* clock)
    : worker_(std::make_unique<Worker>(std::move(options), writer, clock)) {}

AdminApi::~AdminApi() = default;

std::optional<admin_http::Response> AdminApi::AdmitHead(const admin_http::Request& head) const {
  std::string who;
  return worker_->Admit(head, &who);
}

void AdminApi::Handle(admin_http::Request request, admin_http::Responder responder) {
  worker_->Take(std::move(request), std::move(responder));
}

admin_http::Response AdminApi::CertificateRequired() {
  return PageAnswer(400, "No required SSL certificate was sent");
}

}  // namespace sallyport::authsvc::apisix
