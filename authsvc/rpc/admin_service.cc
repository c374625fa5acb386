#include "authsvc/rpc/admin_service.h"

#include "authsvc/admin/apply.h"
#include "authsvc/change/credentials.h"
#include "authsvc/push/replicas.h"
#include "authsvc/rpc/admin_reads.h"
#include "authsvc/rpc/admin_worker.h"
#include "authsvc/rpc/admin_writes.h"
#include "authsvc/rpc/recent_callers.h"
#include "authsvc/rpc/watch_stream.h"
#include "shared/base/log.h"

namespace sallyport::authsvc {

namespace wire = ::sallyport::v1;

namespace {

constexpr size_t kMostAffected = 1000;

void Audit(const Call& call, absl::string_view action, absl::string_view kind, absl::string_view id,
           const absl::Status& status) {
  base::Audit(
      status.ok() ? base::Level::kInfo : base::Level::kWarning,
      {{"who", call.Who()}, {"action", action}, {"kind", kind}, {"id", id}, {"result", status}});
}

}  // namespace

void AdminService::Later(Call call, std::function<absl::Status()> work) {
  const bool taken = parts_.worker->Do([call, work = std::move(work)]() mutable {
    if (call.Abandoned()) return call.Finish(absl::CancelledError("the caller did not wait"));
    call.Finish(work());
  });
  if (!taken)
    call.Finish(absl::ResourceExhaustedError("too many admin calls are waiting; try again"));
}

grpc::ServerUnaryReactor* AdminService::Put(grpc::CallbackServerContext* context,
                                            const wire::PutRequest* request,
                                            wire::PutResponse* response) {
  Call call(parts_, context, "Admin.Put");
  if (!call.Admit(*request)) return call.reactor();
  Later(call, [this, call, request, response] {
    const absl::Status status = PutResource(parts_, *request, response);
    Audit(call, "put", KindTextOf(request->resource()), request->resource().id(), status);
    return status;
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* AdminService::Apply(grpc::CallbackServerContext* context,
                                              const wire::ApplyRequest* request,
                                              wire::ApplyResponse* response) {
  Call call(parts_, context, "Admin.Apply");
  if (!call.Admit(*request)) return call.reactor();
  Later(call, [this, call, request, response] {
    const admin::Preview preview = [this](const Snapshot& before, const Snapshot& after,
                                          wire::ApplyResponse* answered) {
      for (wire::AffectedCaller& caller : parts_.recent->Refused(before, after, kMostAffected))
        *answered->add_would_be_refused() = std::move(caller);
    };
    const bool apisix = request->as() == kApisixObjects && parts_.import_apisix;
    auto answer =
        apisix ? parts_.import_apisix(call.Who(), *request)
               : admin::Apply(*parts_.writer, *parts_.clock, call.Who(), parts_.default_org_id,
                              *request, {}, preview, parts_.apk_sandbox_hosts);
    if (answer.ok()) *response = std::move(*answer);
    return answer.status();
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* AdminService::Get(grpc::CallbackServerContext* context,
                                            const wire::GetRequest* request,
                                            wire::GetResponse* response) {
  Call call(parts_, context, "Admin.Get");
  if (!call.Admit(*request)) return call.reactor();
  if (request->with_document()) {
    Later(call, [this, request, response] {
      return ReadWithDocument(*parts_.writer, *request, response);
    });
    return call.reactor();
  }
  call.Finish(GetResource(*parts_.writer->snapshot(), *request, response));
  return call.reactor();
}

grpc::ServerUnaryReactor* AdminService::List(grpc::CallbackServerContext* context,
                                             const wire::ListRequest* request,
                                             wire::ListResponse* response) {
  Call call(parts_, context, "Admin.List");
  if (!call.Admit(*request)) return call.reactor();
  call.Finish(ListResources(*parts_.writer->snapshot(), *request, response));
  return call.reactor();
}

grpc::ServerUnaryReactor* AdminService::Delete(grpc::CallbackServerContext* context,
                                               const wire::DeleteRequest* request,
                                               wire::DeleteResponse* response) {
  Call call(parts_, context, "Admin.Delete");
  if (!call.Admit(*request)) return call.reactor();
  Later(call, [this, call, request, response] {
    const absl::Status status = DeleteResource(parts_, *request, response);
    Audit(call, request->force() ? "delete-force" : "delete", request->kind(), request->id(),
          status);
    return status;
  });
  return call.reactor();
}

grpc::ServerWriteReactor<wire::WatchEvent>* AdminService::Watch(
    grpc::CallbackServerContext* context, const wire::WatchRequest* request) {
  return StartWatch(parts_, context, *request);
}

grpc::ServerUnaryReactor* AdminService::WhoUses(grpc::CallbackServerContext* context,
                                                const wire::WhoUsesRequest* request,
                                                wire::WhoUsesResponse* response) {
  Call call(parts_, context, "Admin.WhoUses");
  if (!call.Admit(*request)) return call.reactor();
  call.Finish(ListUses(*parts_.writer->snapshot(), *request, response));
  return call.reactor();
}

grpc::ServerUnaryReactor* AdminService::AddCertificate(grpc::CallbackServerContext* context,
                                                       const wire::AddCertificateRequest* request,
                                                       wire::AddCertificateResponse* response) {
  Call call(parts_, context, "Admin.AddCertificate");
  if (!call.Admit(*request)) return call.reactor();
  Later(call, [this, call, request, response] {
    const absl::Status status = AddCertificateTo(parts_, *request, response);
    Audit(call, "add", "Certificate", response->id(), status);
    return status;
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* AdminService::CreateKey(grpc::CallbackServerContext* context,
                                                  const wire::CreateKeyRequest* request,
                                                  wire::CreateKeyResponse* response) {
  Call call(parts_, context, "Admin.CreateKey");
  if (!call.Admit(*request)) return call.reactor();
  Later(call, [this, call, request, response] {
    const absl::Status status = CreateKeyIn(parts_, *request, response);
    Audit(call, "create", "Key", response->id(), status);
    return status;
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* AdminService::RotateKey(grpc::CallbackServerContext* context,
                                                  const wire::RotateKeyRequest* request,
                                                  wire::CreateKeyResponse* response) {
  Call call(parts_, context, "Admin.RotateKey");
  if (!call.Admit(*request)) return call.reactor();
  Later(call, [this, call, request, response] {
    auto made = authsvc::RotateKey(*parts_.writer, request->id(), request->keep_old());
    if (made.ok()) FillKey(std::move(*made), response);
    Audit(call, "rotate", "Key", request->id(), made.status());
    return made.status();
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* AdminService::Status(grpc::CallbackServerContext* context,
                                               const wire::StatusRequest* request,
                                               wire::StatusResponse* response) {
  Call call(parts_, context, "Admin.Status");
  if (!call.Admit(*request)) return call.reactor();
  Later(call, [this, response] {
    FillStatus(parts_, response);
    return absl::OkStatus();
  });
  return call.reactor();
}

}  // namespace sallyport::authsvc
