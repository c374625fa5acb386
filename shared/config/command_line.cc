#include "shared/config/command_line.h"

#include <unistd.h>

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "shared/config/reader.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace sallyport::config {
namespace {

struct Override {
  std::string path;
  std::string value;
  std::string origin;
};

class Parser {
 public:
  Parser(const std::vector<std::string>& args, const std::vector<ShortFlag>& flags)
      : args_(args), flags_(flags) {}

  absl::Status Run(CommandLine* out, std::vector<Override>* overrides) {
    while (next_ < args_.size()) {
      absl::Status status = One(out, overrides);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status One(CommandLine* out, std::vector<Override>* overrides) {
    absl::string_view arg = args_[next_++];
    if (arg == "-h") arg = "--help";
    if (!absl::ConsumePrefix(&arg, "--")) return Unexpected(arg);
    std::optional<std::string> value;
    if (const size_t equals = arg.find('='); equals != absl::string_view::npos) {
      value = std::string(arg.substr(equals + 1));
      arg = arg.substr(0, equals);
    }
    if (bool* simple = Simple(arg, out)) {
      *simple = true;
      return absl::OkStatus();
    }
    const ShortFlag* flag = FindFlag(arg);
    if (flag == nullptr && arg != "config" && arg != "set") return Unknown(arg);
    if (flag != nullptr && flag->is_switch) {
      overrides->push_back(
          {std::string(flag->path), value.value_or("true"), absl::StrCat("--", arg)});
      return absl::OkStatus();
    }
    if (!value.has_value()) {
      if (next_ >= args_.size()) {
        return absl::InvalidArgumentError(absl::StrCat("--", arg, " needs a value"));
      }
      value = args_[next_++];
    }
    return WithValue(arg, flag, *std::move(value), out, overrides);
  }

  static absl::Status WithValue(absl::string_view arg, const ShortFlag* flag, std::string value,
                                CommandLine* out, std::vector<Override>* overrides) {
    if (arg == "config") {
      if (!out->config_file.empty()) {
        return absl::InvalidArgumentError("--config is given twice; a service takes one file");
      }
      out->config_file = std::move(value);
      return absl::OkStatus();
    }
    if (flag != nullptr) {
      overrides->push_back({std::string(flag->path), std::move(value), absl::StrCat("--", arg)});
      return absl::OkStatus();
    }
    const size_t equals = value.find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("--set ", value, ": write it as --set path=value"));
    }
    const std::string path = value.substr(0, equals);
    overrides->push_back({path, value.substr(equals + 1), absl::StrCat("--set ", path)});
    return absl::OkStatus();
  }

  static bool* Simple(absl::string_view arg, CommandLine* out) {
    if (arg == "check-config") return &out->check_config;
    if (arg == "print-settings") return &out->print_settings;
    if (arg == "help") return &out->help;
    if (arg == "version") return &out->version;
    return nullptr;
  }

  const ShortFlag* FindFlag(absl::string_view name) const {
    for (const ShortFlag& flag : flags_) {
      if (flag.name == name) return &flag;
    }
    return nullptr;
  }

  absl::Status Unknown(absl::string_view arg) const {
    std::vector<std::string> known = {"config",         "set",  "check-config",
                                      "print-settings", "help", "version"};
    for (const ShortFlag& flag : flags_) known.emplace_back(flag.name);
    const std::string close = DidYouMean(arg, known);
    return absl::InvalidArgumentError(absl::StrCat(
        "unknown flag --", arg, close.empty() ? "" : absl::StrCat(", did you mean --", close, "?"),
        " (--help lists all; any setting: --set path=value)"));
  }

  static absl::Status Unexpected(absl::string_view arg) {
    return absl::InvalidArgumentError(absl::StrCat(
        "unexpected argument '", arg, "'; a configuration file goes by --config FILE"));
  }

  const std::vector<std::string>& args_;
  const std::vector<ShortFlag>& flags_;
  size_t next_ = 0;
};

absl::Status ApplyEnvironment(const std::vector<std::string>& environment, Node* root) {
  // Sorted, so that list items arrive in the order of their index.
  std::vector<std::pair<std::string, std::string>> ours;
  for (const std::string& entry : environment) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = entry.substr(0, equals);
    if (!PathOfVariable(name).empty()) ours.emplace_back(name, entry.substr(equals + 1));
  }
  std::sort(ours.begin(), ours.end(), [](const auto& a, const auto& b) {
    return a.first.size() != b.first.size() ? a.first.size() < b.first.size() : a.first < b.first;
  });
  for (const auto& [name, value] : ours) {
    absl::Status status = SetPath(root, PathOfVariable(name), value, name);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& args,
                                             const std::vector<std::string>& environment,
                                             const std::vector<ShortFlag>& flags) {
  CommandLine out;
  std::vector<Override> overrides;
  absl::Status status = Parser(args, flags).Run(&out, &overrides);
  if (!status.ok()) return status;
  if (out.help || out.version) return out;
  if (!out.config_file.empty()) {
    auto root = ReadYamlFile(out.config_file);
    if (!root.ok()) return root.status();
    out.root = *std::move(root);
  }
  status = ApplyEnvironment(environment, &out.root);
  for (const Override& item : overrides) {
    if (!status.ok()) break;
    status = SetPath(&out.root, item.path, item.value, item.origin);
  }
  if (!status.ok()) return status;
  return out;
}

std::string HelpText(absl::string_view program, absl::string_view what,
                     const std::vector<ShortFlag>& flags) {
  std::string text = absl::StrCat(what, "\n\nUsage: ", program,
                                  " [--config FILE] [--set path=value]... [flags]\n\n");
  const auto line = [&text](const std::string& flag, absl::string_view help) {
    absl::StrAppend(&text, "  ", flag, std::string(flag.size() < 28 ? 28 - flag.size() : 1, ' '),
                    help, "\n");
  };
  line("--config FILE", "the one YAML file with all settings");
  line("--set path=value", "any setting, e.g. --set limits.head_bytes=65536; lists by index");
  for (const ShortFlag& flag : flags) {
    line(absl::StrCat("--", flag.name, flag.is_switch ? "" : " VALUE"),
         absl::StrCat(flag.help, " (", flag.path, ")"));
  }
  line("--check-config", "say whether the configuration is usable, then exit");
  line("--print-settings", "print every setting with its value in force, then exit");
  line("--version", "print the version, then exit");
  absl::StrAppend(&text,
                  "\nEvery setting can also be given as an environment variable:\n"
                  "  grpc.port -> SALLYPORT_GRPC__PORT, listeners.0.port -> "
                  "SALLYPORT_LISTENERS__0__PORT\n"
                  "Order: file, then environment, then flags.\n");
  return text;
}

std::vector<std::string> ProcessEnvironment() {
  std::vector<std::string> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    all.emplace_back(*entry);
  return all;
}

}  // namespace sallyport::config
