// Which authsvc a command talks to, and as whom: an address and a directory with tls.crt, tls.key,
// ca.crt.
//
//   --context NAME|FILE, else $SALLYPORT_CONTEXT (a name or a file), else the current one of
//   ~/.config/sallyport/config.yaml, else /etc/sallyport/sallyctl.yaml.
//
// A context file: {endpoint: host:port, tls_dir: DIR, server_name: NAME (optional)}. config.yaml:
// {current: NAME, contexts: {NAME: {…}}}.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shared/config/tls_files.h"

namespace sallyport::authsvc::ctl {

struct Context {
  std::string name;
  std::string endpoint = "127.0.0.1:9443";
  config::TlsDirectory tls;
  std::string server_name;
};

struct ContextPlaces {
  std::string flag;      // --context
  std::string variable;  // $SALLYPORT_CONTEXT
  std::string home;      // $HOME
  std::string system = "/etc/sallyport/sallyctl.yaml";
};

// NotFound says what to do.
[[nodiscard]] absl::StatusOr<Context> FindContext(const ContextPlaces& places);

}  // namespace sallyport::authsvc::ctl
