#include "authsvc/ctl/client.h"

#include "absl/strings/str_cat.h"
#include "authsvc/ctl/files.h"
#include "shared/base/secret.h"
#include "shared/crypto/pem.h"

namespace sallyport::authsvc::ctl {
namespace {

absl::Status CheckDates(const std::string& pem, const std::string& path) {
  const auto bundle = crypto::ParsePem(pem);
  if (!bundle.ok())
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", std::string(bundle.status().message())));
  if (!bundle->chain.empty() && bundle->chain.front()->not_after < absl::Now()) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, " has expired: `sallyctl pki renew DIR` makes new control certificates"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const Context& context) {
  auto certificate = ReadFile(context.tls.certificate());
  auto key = ReadFile(context.tls.key());
  auto authorities = ReadFile(context.tls.authorities());
  for (const absl::Status& status : {certificate.status(), key.status(), authorities.status()}) {
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("context ", context.name, ": ",
                                                      std::string(status.message())));
    }
  }
  if (absl::Status status = CheckDates(*certificate, context.tls.certificate()); !status.ok())
    return status;
  grpc::SslCredentialsOptions options;
  options.pem_cert_chain = *std::move(certificate);
  options.pem_private_key = *std::move(key);
  options.pem_root_certs = *std::move(authorities);
  grpc::ChannelArguments arguments;
  if (!context.server_name.empty()) arguments.SetSslTargetNameOverride(context.server_name);
  arguments.SetMaxReceiveMessageSize(64 << 20);
  auto channel =
      grpc::CreateCustomChannel(context.endpoint, grpc::SslCredentials(options), arguments);
  base::Cleanse(&options.pem_private_key);
  return std::unique_ptr<Client>(new Client(context, channel));
}

Client::Client(const Context& context, const std::shared_ptr<grpc::Channel>& channel)
    : context_(context),
      channel_(channel),
      admin_(::sallyport::v1::Admin::NewStub(channel)),
      authorization_(::sallyport::v1::Authorization::NewStub(channel)) {}

absl::Status Client::Explain(const grpc::Status& status) const {
  std::string message = status.error_message();
  // On a channel that works UNAVAILABLE is authsvc's own word, such as that its store is locked.
  const bool answered = channel_->GetState(false) == GRPC_CHANNEL_READY;
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE && !answered) {
    message = absl::StrCat("authsvc at ", context_.endpoint, " does not answer (", message,
                           "). Is it running, and is the certificate in ", context_.tls.path,
                           " of its control CA?");
  } else if (status.error_code() == grpc::StatusCode::PERMISSION_DENIED) {
    message = absl::StrCat(message, " (certificate ", context_.tls.certificate(), ")");
  } else if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    message = absl::StrCat("authsvc at ", context_.endpoint, " did not answer in time");
  }
  return {static_cast<absl::StatusCode>(status.error_code()), message};
}

}  // namespace sallyport::authsvc::ctl
