#include "authsvc/surfaces/listener.h"

#include <utility>

#include "absl/strings/match.h"
#include "authsvc/apisix/admin_api.h"

namespace sallyport::authsvc {

bool IsApisix(const admin_http::Request& head) {
  return head.path == "/apisix" || absl::StartsWith(head.path, "/apisix/");
}

admin_http::Response CertificateRequired(const admin_http::Request& head) {
  if (IsApisix(head)) return apisix::AdminApi::CertificateRequired(!head.peer_error.empty());
  admin_http::Response refusal;
  refusal.status = 403;
  refusal.body = R"({"error":"client certificate required"})";
  return refusal;
}

absl::StatusOr<std::unique_ptr<admin_http::Server>> StartListener(
    const admin_http::ServerOptions& options, admin_http::Router router, bool needs_certificate) {
  return admin_http::Server::Start(
      options, [router = std::move(router), needs_certificate](admin_http::Request request,
                                                               admin_http::Responder responder) {
        if (needs_certificate && request.peer_chain_der.empty())
          return responder.Send(CertificateRequired(request));
        router.Handle(std::move(request), std::move(responder));
      });
}

}  // namespace sallyport::authsvc
