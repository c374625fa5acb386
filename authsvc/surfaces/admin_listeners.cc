// The listeners of the admin surface: where, with which certificate, and who is refused by the head
// of a request.
#include <utility>

#include "authsvc/surfaces/admin_surface.h"
#include "authsvc/surfaces/listener.h"
#include "shared/admin_http/router.h"

namespace sallyport::authsvc {
namespace {

// Into `out`.
absl::Status Open(const admin_http::ServerOptions& options, admin_http::Router router,
                  bool needs_certificate, std::unique_ptr<admin_http::Server>* out) {
  auto server = StartListener(options, std::move(router), needs_certificate);
  if (!server.ok()) return server.status();
  *out = *std::move(server);
  return absl::OkStatus();
}

}  // namespace

absl::Status AdminSurface::Listen() {
  const config::AdminConfig& admin = config_.admin;
  admin_http::Router router;
  for (const char* const place : {"/tyk", "/api/deployer", "/api/configurator"})
    router.Mount(place, TykHandler());
  router.Exact("/hello", TykHandler());
  if (admin.apisix_port == 0) router.Mount("/apisix", ApisixHandler());
  admin_http::ServerOptions options;
  options.address = admin.address;
  options.port = admin.port;
  options.max_body_bytes = admin.max_body_bytes;
  options.request_client_certificate = true;
  options.admit_head = [this, needed = admin.require_client_certificate](
                           const admin_http::Request& head) -> std::optional<admin_http::Response> {
    if (needed && head.peer_chain_der.empty()) return CertificateRequired(head);
    return IsApisix(head) ? apisix_->AdmitHead(head) : tyk_->AdmitHead(head);
  };
  if (!admin.plain_http_on_loopback) {
    if (!admin.has_certificate()) {
      return absl::InvalidArgumentError(
          "admin.tls_dir is not set (or set admin.plain_http_on_loopback on 127.0.0.1)");
    }
    options.certificate_file = admin.certificate();
    options.private_key_file = admin.key();
    if (admin.require_client_certificate) options.client_ca_file = admin.authorities();
  }
  return Open(options, std::move(router), admin.require_client_certificate, &admin_);
}

// A port of its own, with a certificate and a demand for clients' of its own.
absl::Status AdminSurface::ListenForApisix() {
  admin_http::ServerOptions options;
  options.address = config_.admin.apisix_address;
  options.port = config_.admin.apisix_port;
  options.max_body_bytes = config_.admin.max_body_bytes;
  options.name = "apisix";
  options.certificate_file = config_.admin.apisix_certificate();
  options.private_key_file = config_.admin.apisix_key();
  options.request_client_certificate = true;
  options.client_ca_file = config_.admin.apisix_authorities();
  const bool needed = config_.admin.apisix_require_client_certificate;
  options.admit_head =
      [this, needed](const admin_http::Request& head) -> std::optional<admin_http::Response> {
    if (needed && head.peer_chain_der.empty()) return CertificateRequired(head);
    return apisix_->AdmitHead(head);
  };
  admin_http::Router router;
  router.Mount("/apisix", ApisixHandler());
  return Open(options, std::move(router), needed, &apart_);
}

// For scripts that know nothing else; never beyond this machine.
absl::Status AdminSurface::ListenInPlainHttp() {
  admin_http::ServerOptions options;
  options.port = config_.admin.apisix_plain_http_port;
  options.max_body_bytes = config_.admin.max_body_bytes;
  options.name = "apisix";
  options.admit_head = [this](const admin_http::Request& head) { return apisix_->AdmitHead(head); };
  admin_http::Router router;
  router.Mount("/apisix", ApisixHandler());
  return Open(options, std::move(router), false, &plain_);
}

admin_http::Handler AdminSurface::TykHandler() {
  return [this](admin_http::Request request, admin_http::Responder responder) {
    tyk_->Handle(std::move(request), std::move(responder));
  };
}

admin_http::Handler AdminSurface::ApisixHandler() {
  return [this](admin_http::Request request, admin_http::Responder responder) {
    apisix_->Handle(std::move(request), std::move(responder));
  };
}

}  // namespace sallyport::authsvc
