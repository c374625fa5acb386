#include "dataplane/sync/grpc/target.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace sallyport::dataplane {
namespace {

grpc::ChannelArguments Arguments(const GrpcAuthsvcOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2000);  // also the time for one attempt
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Each channel has a connection of its own: a snapshot never stands before a decision.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(16 << 20);
  if (!options.server_name.empty()) arguments.SetSslTargetNameOverride(options.server_name);
  return arguments;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(
    const GrpcAuthsvcOptions& options) {
  if (options.plaintext_for_tests) return grpc::InsecureChannelCredentials();
  if (options.tls_directory.empty()) {
    return absl::InvalidArgumentError(
        "authsvc.tls_dir must be set: the auth service is only spoken to over mutual TLS");
  }
  const std::string directory = options.tls_directory;
  for (const char* name : {"/tls.key", "/tls.crt", "/ca.crt"}) {
    if (access(absl::StrCat(directory, name).c_str(), R_OK) != 0) {
      return absl::NotFoundError(absl::StrCat("cannot read ", directory, name));
    }
  }
  namespace tls = grpc::experimental;
  tls::TlsChannelCredentialsOptions out;
  out.set_certificate_provider(std::make_shared<tls::FileWatcherCertificateProvider>(
      directory + "/tls.key", directory + "/tls.crt", directory + "/ca.crt",
      static_cast<unsigned>(std::max<int64_t>(1, absl::ToInt64Seconds(options.refresh)))));
  out.watch_root_certs();
  out.watch_identity_key_cert_pairs();
  out.set_verify_server_certs(true);
  out.set_certificate_verifier(std::make_shared<tls::HostNameCertificateVerifier>());
  return tls::TlsCredentials(out);
}

Target::Target(std::string name, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
               const GrpcAuthsvcOptions& options)
    : address(std::move(name)), breaker(options.breaker_failures) {
  const grpc::ChannelArguments arguments = Arguments(options);
  const auto calls = grpc::CreateCustomChannel(address, credentials, arguments);
  const auto stream = grpc::CreateCustomChannel(address, credentials, arguments);
  authorization = v1::Authorization::NewStub(calls);
  distribution = v1::Distribution::NewStub(calls);
  subscription = v1::Distribution::NewStub(stream);
  telemetry = v1::Telemetry::NewStub(stream);
}

TargetList::TargetList(const GrpcAuthsvcOptions& options,
                       const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  for (const std::string& address : options.targets) {
    all_.push_back(std::make_unique<Target>(address, credentials, options));
  }
}

std::vector<Target*> TargetList::Candidates() const {
  std::vector<Target*> out;
  const size_t first = preferred_.load(std::memory_order_relaxed);
  for (size_t i = 0; i < all_.size(); ++i) {
    Target* const target = all_[(first + i) % all_.size()].get();
    if (!target->breaker.Open()) out.push_back(target);
  }
  return out;
}

void TargetList::Prefer(const Target* target) {
  for (size_t i = 0; i < all_.size(); ++i) {
    if (all_[i].get() == target) preferred_.store(i, std::memory_order_relaxed);
  }
}

bool TargetList::AllBroken() const {
  return std::all_of(all_.begin(), all_.end(),
                     [](const auto& target) { return target->breaker.Open(); });
}

}  // namespace sallyport::dataplane
