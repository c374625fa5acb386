// From argv and the environment to a Node: --config FILE, --set a.b=value, SALLYPORT_A__B and the
// service's own short flags. Order of precedence: file < environment < --set and flags, in order.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shared/config/node.h"

namespace sallyport::config {

// `--grpc-port 9443` and `--grpc-port=9443` both set `path`. A switch takes no value and sets
// "true".
struct ShortFlag {
  absl::string_view name;  // without the dashes
  absl::string_view path;
  absl::string_view help;
  bool is_switch = false;
};

struct CommandLine {
  Node root;
  std::string config_file;  // empty: none given
  bool check_config = false;
  bool print_settings = false;
  bool help = false;
  bool version = false;
};

// `args` without the program's name; `environment` as NAME=value. Unknown flags are errors with
// "did you mean". Reads the file.
[[nodiscard]] absl::StatusOr<CommandLine> ParseCommandLine(
    const std::vector<std::string>& args, const std::vector<std::string>& environment,
    const std::vector<ShortFlag>& flags);

[[nodiscard]] std::string HelpText(absl::string_view program, absl::string_view what,
                                   const std::vector<ShortFlag>& flags);

// The process's environment: the one place that reads it.
[[nodiscard]] std::vector<std::string> ProcessEnvironment();

}  // namespace sallyport::config
