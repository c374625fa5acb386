#include "authsvc/admin/tyk_api.h"

#include <deque>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "authsvc/admin/admission.h"
#include "authsvc/admin/handlers.h"
#include "authsvc/change/writer.h"
#include "shared/base/log.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc::admin {
namespace {

using admin_http::Request;
using admin_http::Responder;

struct Section {
  absl::string_view prefix;
  Response (*handle)(const Call& call);
};
constexpr Section kSections[] = {
    {"/tyk/certs", HandleCertificates},   {"/tyk/keys", HandleKeys},
    {"/tyk/policies", HandlePolicies},    {"/tyk/apis", HandleApis},
    {"/api/deployer", HandleApkDeployer},
};

bool IsApk(absl::string_view path) { return absl::StartsWith(path, "/api/deployer"); }

// Authorization: Bearer KEY
absl::string_view BearerOf(const Request& request) {
  absl::string_view value = request.Header("authorization").value_or("");
  const size_t blank = value.find(' ');
  if (blank == value.npos || !absl::EqualsIgnoreCase(value.substr(0, blank), "bearer")) return "";
  return absl::StripAsciiWhitespace(value.substr(blank));
}

const Section* FindSection(absl::string_view path) {
  for (const Section& section : kSections) {
    const bool inside =
        absl::StartsWith(path, section.prefix) &&
        (path.size() == section.prefix.size() || path[section.prefix.size()] == '/');
    if (inside) return &section;
  }
  return nullptr;
}

}  // namespace

class TykApi::Worker {
 public:
  Worker(TykApiOptions options, Writer* writer, const base::Clock* clock, ReloadWaiter waiter)
      : options_(std::move(options)),
        writer_(*writer),
        clock_(*clock),
        waiter_(std::move(waiter)),
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

  std::optional<Response> AdmitHead(const Request& head) const {
    if (head.path == "/tyk" || absl::StartsWith(head.path, "/tyk/") || IsApk(head.path)) {
      return KeyOf(head) == nullptr ? std::optional(RefuseKey(head)) : std::nullopt;
    }
    const bool has_body = head.Header("transfer-encoding").has_value() ||
                          head.Header("content-length").value_or("0") != "0";
    return has_body ? std::optional(ErrorAnswer(400, "no body is taken here")) : std::nullopt;
  }

  void Take(Request request, Responder responder) {
    if (request.path == "/hello") return responder.Send(Hello(request));
    const AdminKey* key = KeyOf(request);
    if (key == nullptr) return responder.Send(RefuseKey(request));
    if (!Enqueue({std::move(request), responder, key->name})) {
      responder.Send(ErrorAnswer(503, "too many administrative calls at once"));
    }
  }

 private:
  const AdminKey* KeyOf(const Request& request) const {
    return FindAdminKey(options_.keys, IsApk(request.path)
                                           ? BearerOf(request)
                                           : request.Header("x-tyk-authorization").value_or(""));
  }

  static Response RefuseKey(const Request& request) {
    // By the queue, not as base::Audit: a stranger must not be able to make this thread wait.
    base::Log(base::Level::kWarning, "audit",
              {{"what", "admin.call"},
               {"outcome", "wrong key"},
               {"peer", request.peer_address},
               {"request_id", request.request_id}});
    if (IsApk(request.path)) return RefuseApkCaller();
    return ErrorAnswer(403, "Attempted administrative access with invalid or missing key!");
  }

  struct Job {
    Request request;
    Responder responder;
    std::string who;
  };

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
    while (std::optional<Job> job = Next()) Serve(*job);
  }

  void Serve(const Job& job) {
    const Request& request = job.request;
    if (auto refused = CheckControlCertificate(*writer_.snapshot(), request, clock_.Now())) {
      return job.responder.Send(*std::move(refused));
    }
    if (request.path == "/tyk/reload" || request.path == "/tyk/reload/group") return Reload(job);
    const Section* section = FindSection(request.path);
    if (section == nullptr) return job.responder.Send(ErrorAnswer(404, "Not found"));
    std::string rest =
        request.path.substr(std::min(section->prefix.size() + 1, request.path.size()));
    job.responder.Send(
        section->handle({request, std::move(rest), job.who, options_, writer_, clock_}));
  }

  // Writes are live at once: only `block` has something to wait for.
  void Reload(const Job& job) {
    if (job.request.method != "GET") return job.responder.Send(MethodNotSupported());
    const auto block = job.request.Query("block");
    if (!block.has_value() || (*block != "true" && *block != "1") || waiter_ == nullptr) {
      return job.responder.Send(JsonAnswer({{"status", "ok"}, {"message", ""}}));
    }
    const auto now = writer_.snapshot();
    waiter_(now->epoch(), now->revision(), [responder = job.responder](bool applied) {
      responder.Send(
          applied ? JsonAnswer({{"status", "ok"}, {"message", ""}})
                  : ErrorAnswer(504, "not every connected data plane has the newest revision"));
    });
  }

  Response Hello(const Request& request) const {
    if (request.method != "GET" && request.method != "HEAD") return MethodNotSupported();
    const char* store = writer_.status().store_writable ? "pass" : "fail";
    return JsonAnswer(
        {{"status", store == std::string("pass") ? "pass" : "warn"},
         {"version", "sallyport/v1"},
         {"description", "sallyport-authsvc"},
         {"details", {{"store", {{"status", store}, {"componentType", "datastore"}}}}}});
  }

  const TykApiOptions options_;
  Writer& writer_;
  const base::Clock& clock_;
  const ReloadWaiter waiter_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<Job> jobs_;  // guarded by mutex_ while the thread runs
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: starts when the rest is there
};

TykApi::TykApi(TykApiOptions options, Writer* writer, const base::Clock* clock, ReloadWaiter waiter)
    : worker_(std::make_unique<Worker>(std::move(options), writer, clock, std::move(waiter))) {}

TykApi::~TykApi() = default;

std::optional<admin_http::Response> TykApi::AdmitHead(const admin_http::Request& head) const {
  return worker_->AdmitHead(head);
}

void TykApi::Handle(admin_http::Request request, admin_http::Responder responder) {
  worker_->Take(std::move(request), std::move(responder));
}

}  // namespace sallyport::authsvc::admin
