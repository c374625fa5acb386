// The connection of one sallyctl run. Blocking calls with a deadline; errors say what to do. Not
// thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authsvc/ctl/context.h"
#include "sallyport/v1/admin.grpc.pb.h"
#include "sallyport/v1/decision.grpc.pb.h"

namespace sallyport::authsvc::ctl {

class Client {
 public:
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Client>> Connect(const Context& context);

  [[nodiscard]] ::sallyport::v1::Admin::Stub& admin() { return *admin_; }
  [[nodiscard]] ::sallyport::v1::Authorization::Stub& authorization() { return *authorization_; }

  // Client.Call(&Stub::Get, admin(), request, &response)
  template <typename Stub, typename Request, typename Response>
  absl::Status Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    Stub& stub, const Request& request, Response* response,
                    absl::Duration limit = absl::Seconds(30)) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(limit));
    return Explain((stub.*method)(&context, request, response));
  }
  // With what to do where the cause is known.
  [[nodiscard]] absl::Status Explain(const grpc::Status& status) const;

 private:
  Client(const Context& context, const std::shared_ptr<grpc::Channel>& channel);

  const Context context_;
  const std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<::sallyport::v1::Admin::Stub> admin_;
  std::unique_ptr<::sallyport::v1::Authorization::Stub> authorization_;
};

}  // namespace sallyport::authsvc::ctl
