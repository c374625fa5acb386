// One unary call: who calls, may they, how long did it take. Copyable; Finish exactly once.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "authsvc/rpc/role.h"
#include "google/protobuf/message.h"
#include "grpcpp/grpcpp.h"

namespace sallyport::authsvc {

struct ServiceParts;

// The same code and message; details that are not for the wire are dropped.
[[nodiscard]] grpc::Status ToGrpc(const absl::Status& status);

// What a caller on the deny list is told.
[[nodiscard]] grpc::Status DeniedStatus();

// PERMISSION_DENIED when the role may not call this, INVALID_ARGUMENT when the request is larger
// than the role may send or the method has use for.
[[nodiscard]] grpc::Status CheckCaller(const ServiceParts& parts, const Peer& peer,
                                       absl::string_view service, absl::string_view method,
                                       const google::protobuf::Message* request);

class Call {
 public:
  // `method` as "Admin.Put": a constant.
  Call(const ServiceParts& parts, grpc::CallbackServerContext* context, absl::string_view method);

  // True: go on. False: the call was refused and is finished.
  [[nodiscard]] bool Admit(const google::protobuf::Message& request);
  void Finish(const grpc::Status& status);
  void Finish(const absl::Status& status) { Finish(ToGrpc(status)); }

  [[nodiscard]] const Peer& peer() const { return peer_; }
  [[nodiscard]] grpc::ServerUnaryReactor* reactor() const { return reactor_; }
  // The caller has given up, or its time is over: do not start work for it.
  [[nodiscard]] bool Abandoned() const;
  // "role/group/name", for the audit log.
  [[nodiscard]] std::string Who() const;

 private:
  const ServiceParts* parts_;
  grpc::CallbackServerContext* context_;
  absl::string_view method_;
  grpc::ServerUnaryReactor* reactor_;
  Peer peer_;
  absl::Duration start_;
};

}  // namespace sallyport::authsvc
