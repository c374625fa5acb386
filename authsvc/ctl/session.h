// What one run of sallyctl has: where it prints, which context, the connection when it is needed.
#pragma once

#include <memory>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authsvc/ctl/client.h"
#include "authsvc/ctl/context.h"

namespace sallyport::authsvc::ctl {

class Args;

class Session {
 public:
  Session(std::ostream& out, std::ostream& err, ContextPlaces places)
      : out_(out), err_(err), places_(std::move(places)) {}

  [[nodiscard]] std::ostream& out() { return out_; }
  [[nodiscard]] std::ostream& err() { return err_; }
  void set_context(const std::string& name) { places_.flag = name; }
  [[nodiscard]] absl::StatusOr<Context> context() const { return FindContext(places_); }
  // Connects at the first call.
  [[nodiscard]] absl::StatusOr<Client*> Connect();
  // Prints the error and gives its exit code.
  int Fail(const absl::Status& status);
  int Usage(absl::string_view message);
  void Warn(absl::string_view message);

 private:
  std::ostream& out_;
  std::ostream& err_;
  ContextPlaces places_;
  std::unique_ptr<Client> client_;
};

}  // namespace sallyport::authsvc::ctl
