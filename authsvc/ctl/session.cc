#include "authsvc/ctl/session.h"

#include "authsvc/ctl/output.h"

namespace sallyport::authsvc::ctl {

absl::StatusOr<Client*> Session::Connect() {
  if (client_ == nullptr) {
    auto context = FindContext(places_);
    if (!context.ok()) return context.status();
    auto client = Client::Connect(*context);
    if (!client.ok()) return client.status();
    client_ = *std::move(client);
  }
  return client_.get();
}

int Session::Fail(const absl::Status& status) {
  err_ << "sallyctl: " << std::string(status.message()) << '\n';
  return ExitCodeOf(status);
}

int Session::Usage(absl::string_view message) {
  err_ << "sallyctl: " << std::string(message) << '\n';
  return kUsage;
}

void Session::Warn(absl::string_view message) {
  err_ << "warning: " << std::string(message) << '\n';
}

}  // namespace sallyport::authsvc::ctl
