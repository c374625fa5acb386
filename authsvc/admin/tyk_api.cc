#include "authsvc/admin/tyk_api.h"

#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "authsvc/admin/admission.h"
#include "authsvc/admin/call_queue.h"
#include "authsvc/admin/deployer_token.h"
#include "authsvc/admin/handlers.h"
#include "authsvc/change/writer.h"
#include "shared/base/log.h"
#include "shared/base/mutex.h"
#include "shared/crypto/digest.h"

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
    {"/api/deployer", HandleApkDeployer}, {"/api/configurator", HandleApkConfigurator},
};

bool IsApk(absl::string_view path) {
  return absl::StartsWith(path, "/api/deployer") || absl::StartsWith(path, "/api/configurator");
}

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
        keys_(std::make_shared<const std::vector<AdminKey>>(options_.keys)),
        calls_(options_.max_queue, ErrorAnswer, [this](const AdmittedCall& call) { Serve(call); }) {
  }

  void SetKeys(std::vector<AdminKey> keys) {
    auto taken = std::make_shared<const std::vector<AdminKey>>(std::move(keys));
    base::MutexLock lock(&mutex_);
    keys_.swap(taken);
  }

  std::optional<Response> AdmitHead(const Request& head) const {
    if (head.path == "/tyk" || absl::StartsWith(head.path, "/tyk/") || IsApk(head.path)) {
      const auto who = CallerOf(head);
      return who.ok() ? std::nullopt : std::optional(RefuseCaller(head, who.status()));
    }
    const bool has_body = head.Header("transfer-encoding").has_value() ||
                          head.Header("content-length").value_or("0") != "0";
    return has_body ? std::optional(ErrorAnswer(400, "no body is taken here")) : std::nullopt;
  }

  void Take(Request request, Responder responder) {
    if (request.path == "/hello") return responder.Send(Hello(request));
    auto who = CallerOf(request);
    if (!who.ok()) return responder.Send(RefuseCaller(request, who.status()));
    calls_.Add({std::move(request), std::move(responder), *std::move(who)});
  }

 private:
  // The name of the key that it comes with, or of whom a signed token is.
  absl::StatusOr<std::string> CallerOf(const Request& request) const {
    std::shared_ptr<const std::vector<AdminKey>> keys;
    {
      base::MutexLock lock(&mutex_);
      keys = keys_;
    }
    const absl::string_view bearer = IsApk(request.path) ? BearerOf(request) : "";
    const AdminKey* const key = FindAdminKey(
        *keys, IsApk(request.path) ? bearer : request.Header("x-tyk-authorization").value_or(""));
    if (key != nullptr) return key->name;
    if (!LooksSigned(bearer)) return absl::NotFoundError("wrong key");
    std::string leaf;
    if (!request.peer_chain_der.empty()) leaf = crypto::Sha256(request.peer_chain_der.front());
    return CheckDeployerToken(*writer_.snapshot(), options_.deployer, options_.default_org_id,
                              {bearer, leaf, clock_.Now()});
  }

  static Response RefuseCaller(const Request& request, const absl::Status& why) {
    // By the queue, not as base::Audit: a stranger must not be able to make this thread wait.
    base::Log(base::Level::kWarning, "audit",
              {{"what", "admin.call"},
               {"outcome", std::string(why.message())},
               {"peer", request.peer_address},
               {"request_id", request.request_id}});
    if (IsApk(request.path)) return RefuseApkCaller(why);
    return ErrorAnswer(403, "Attempted administrative access with invalid or missing key!");
  }

  void Serve(const AdmittedCall& job) {
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
  void Reload(const AdmittedCall& job) {
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
  mutable base::Mutex mutex_;
  std::shared_ptr<const std::vector<AdminKey>> keys_ ABSL_GUARDED_BY(mutex_);
  CallQueue calls_;  // last: serves when the rest is there
};

TykApi::TykApi(TykApiOptions options, Writer* writer, const base::Clock* clock, ReloadWaiter waiter)
    : worker_(std::make_unique<Worker>(std::move(options), writer, clock, std::move(waiter))) {}

TykApi::~TykApi() = default;

std::optional<admin_http::Response> TykApi::AdmitHead(const admin_http::Request& head) const {
  return worker_->AdmitHead(head);
}

void TykApi::SetKeys(std::vector<AdminKey> keys) { worker_->SetKeys(std::move(keys)); }

void TykApi::Handle(admin_http::Request request, admin_http::Responder responder) {
  worker_->Take(std::move(request), std::move(responder));
}

}  // namespace sallyport::authsvc::admin
