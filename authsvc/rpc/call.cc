#include "authsvc/rpc/call.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "authsvc/rpc/meter.h"
#include "authsvc/rpc/parts.h"
#include "authsvc/rpc/peer.h"
#include "authsvc/rpc/server_end.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"

namespace sallyport::authsvc {
namespace {

// gRPC's own bound is one for the whole port, and Admin.Apply carries directories. What nothing
// legitimate needs is refused here, whoever calls: a question has eight certificates of 16 KB at
// most, one about trust a bundle.
constexpr size_t kSmall = 64 << 10;
constexpr size_t kQuestion = 256 << 10;
constexpr size_t kBundle = 2 << 20;

size_t MostBytes(absl::string_view service, absl::string_view method) {
  if (service == "Authorization") {
    if (method == "ResolveUpstream") return kSmall;
    return method == "Authorize" ? kQuestion : kBundle;
  }
  if (service == "Distribution") return kSmall;
  return std::numeric_limits<size_t>::max();
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

grpc::Status DeniedStatus() {
  return {grpc::StatusCode::PERMISSION_DENIED,
          "this control certificate is on the list of denied callers"};
}

grpc::Status CheckCaller(const ServiceParts& parts, const Peer& peer, absl::string_view service,
                         absl::string_view method, const google::protobuf::Message* request) {
  if (!MayCall(peer.role, service, method)) {
    base::Log(base::Level::kWarning, "rpc.refused",
              {{"method", absl::StrCat(service, ".", method)},
               {"role", RoleName(peer.role)},
               {"group", peer.group},
               {"name", peer.name},
               {"denied", peer.denied}});
    if (peer.denied) return DeniedStatus();
    return {grpc::StatusCode::PERMISSION_DENIED,
            absl::StrCat("role ", RoleName(peer.role), " may not call ", service, ".", method)};
  }
  const size_t of_role =
      peer.role == Role::kAdmin ? std::numeric_limits<size_t>::max() : parts.max_request_bytes;
  const size_t most = std::min(of_role, MostBytes(service, method));
  if (request != nullptr && request->ByteSizeLong() > most) {
    // Not RESOURCE_EXHAUSTED: a data plane would take it for a service that cannot answer just now.
    return {grpc::StatusCode::INVALID_ARGUMENT,
            absl::StrCat("the request is larger than ", most, " bytes")};
  }
  return grpc::Status::OK;
}

Call::Call(const ServiceParts& parts, grpc::CallbackServerContext* context,
           absl::string_view method)
    : parts_(&parts),
      context_(context),
      method_(method),
      reactor_(context->DefaultReactor()),
      peer_(PeerOf(*context, *parts.roles)),
      start_(parts.clock->Monotonic()) {}

bool Call::Admit(const google::protobuf::Message& request) {
  const size_t dot = method_.find('.');
  const grpc::Status status =
      CheckCaller(*parts_, peer_, method_.substr(0, dot), method_.substr(dot + 1), &request);
  if (!status.ok()) Finish(status);
  return status.ok();
}

void Call::Finish(const grpc::Status& status) {
  parts_->meter->Call(method_, status.error_code(), parts_->clock->Monotonic() - start_);
  CallHasEnded();
  reactor_->Finish(status);
}

bool Call::Abandoned() const {
  return context_->IsCancelled() || context_->deadline() < std::chrono::system_clock::now();
}

std::string Call::Who() const {
  return absl::StrCat(RoleName(peer_.role), "/", peer_.group, "/", peer_.name);
}

}  // namespace sallyport::authsvc
