#include "authsvc/ctl/commands.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "authsvc/ctl/output.h"
#include "shared/base/text.h"
#include "shared/base/version.h"
#include "shared/config/reader.h"

namespace sallyport::authsvc::ctl {
namespace {

const FlagSpec kContext{"--context", "", true, "name or file of the context"};
const FlagSpec kHelp{"--help", "-h", false, "this text"};

std::string Pad(std::string text, size_t width) {
  text.append(text.size() < width ? width - text.size() : 1, ' ');
  return text;
}

std::string Overview() {
  std::string text =
      "sallyctl sets up and administers a sallyport installation.\n\nUsage: sallyctl COMMAND "
      "[flags]\n\n";
  for (const Command& command : Commands()) {
    absl::StrAppend(&text, "  ", Pad(absl::StrCat(command.name, " ", command.arguments), 28),
                    command.summary, "\n");
  }
  absl::StrAppend(
      &text, "\nEvery command: --help, --context NAME|FILE (else $SALLYPORT_CONTEXT, ",
      "~/.config/sallyport/config.yaml, /etc/sallyport/sallyctl.yaml).\n",
      "Exit codes: 0 done, 1 refused or a finding, 2 wrong usage, 3 not reachable, 4 not found.\n");
  return text;
}

std::string HelpOf(const Command& command) {
  std::string text =
      absl::StrCat("sallyctl ", command.name, ": ", command.summary, "\n\nUsage: sallyctl ",
                   command.name, " ", command.arguments, " [flags]\n\n");
  std::vector<FlagSpec> flags = command.flags;
  flags.push_back(kContext);
  flags.push_back(kHelp);
  for (const FlagSpec& flag : flags) {
    const std::string name = absl::StrCat(flag.alias.empty() ? "" : absl::StrCat(flag.alias, ", "),
                                          flag.name, flag.takes_value ? " VALUE" : "");
    absl::StrAppend(&text, "  ", Pad(name, 26), flag.help, "\n");
  }
  absl::StrAppend(&text, "\nExamples:\n");
  for (absl::string_view line : absl::StrSplit(command.examples, '\n'))
    absl::StrAppend(&text, "  ", line, "\n");
  return text;
}

// Commands whose first word is `word`: "cert" -> cert add, cert ls, …
std::vector<const Command*> Family(absl::string_view word) {
  std::vector<const Command*> family;
  for (const Command& command : Commands()) {
    if (absl::StartsWith(command.name, absl::StrCat(word, " "))) family.push_back(&command);
  }
  return family;
}

const Command* FindCommand(absl::string_view name) {
  if (name == "create cm") name = "create configmap";  // as kubectl calls it
  for (const Command& command : Commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

bool IsOutput(const Command& command, absl::string_view output) {
  return output.empty() || output == "table" || output == "json" || output == "yaml" ||
         (output == "name" && absl::StartsWith(command.name, "create "));
}

bool AsksForHelp(const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(),
                     [](const std::string& word) { return word == "--help" || word == "-h"; });
}

int UnknownCommand(Session& session, const std::string& word) {
  std::vector<std::string> known;
  for (const Command& command : Commands()) known.emplace_back(command.name);
  const std::string close = config::DidYouMean(word, known);
  return session.Usage(absl::StrCat(
      "no command '", word, "'", close.empty() ? "" : absl::StrCat(", did you mean '", close, "'?"),
      " (sallyctl --help lists all)"));
}

int RunFamily(Session& session, const std::vector<std::string>& words,
              const std::vector<const Command*>& family) {
  if (AsksForHelp(words)) {
    for (const Command* command : family) session.out() << HelpOf(*command) << '\n';
    return kDone;
  }
  std::vector<std::string> names;
  for (const Command* command : family) names.emplace_back(command->name);
  return session.Usage(absl::StrCat("which one? sallyctl ", absl::StrJoin(names, ", ")));
}

int RunCommand(Session& session, const Command& command, const std::vector<std::string>& words) {
  if (AsksForHelp(words)) {
    session.out() << HelpOf(command);
    return kDone;
  }
  std::vector<FlagSpec> flags = command.flags;
  flags.push_back(kContext);
  auto args = Args::Parse(words, flags);
  if (!args.ok()) {
    return session.Usage(absl::StrCat(std::string(args.status().message()), " (sallyctl ",
                                      command.name, " --help)"));
  }
  if (args->Has("--context")) session.set_context(args->Get("--context"));
  const std::string output = args->Get("--output");
  if (!IsOutput(command, output)) return session.Usage("-o must be table, json or yaml");
  return command.run(session, *args);
}

}  // namespace

int Run(Session& session, const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    (words.empty() ? session.err() : session.out()) << Overview();
    return words.empty() ? kUsage : kDone;
  }
  if (words[0] == "--version") return RunVersion(session, *Args::Parse({}, {}));
  const auto rest = [&words](size_t from) {
    return std::vector<std::string>(
        words.begin() + static_cast<ptrdiff_t>(std::min(from, words.size())), words.end());
  };
  // "get", "cert add", "create secret tls".
  for (size_t count = std::min<size_t>(words.size(), 3); count > 0; --count) {
    const std::string name =
        absl::StrJoin(words.begin(), words.begin() + static_cast<ptrdiff_t>(count), " ");
    if (const Command* command = FindCommand(name))
      return RunCommand(session, *command, rest(count));
  }
  const auto family = Family(words[0]);
  if (family.empty()) return UnknownCommand(session, words[0]);
  return RunFamily(session, rest(1), family);
}

int RunVersion(Session& session, const Args& args) {
  const std::string format = args.Get("--output");
  const std::string json =
      absl::StrCat("{\"program\":\"sallyctl\",\"version\":", base::JsonQuote(base::kVersion), "}");
  if (format == "json")
    PrintJson(session.out(), json);
  else if (format == "yaml")
    PrintYaml(session.out(), json);
  else
    session.out() << "sallyctl " << base::kVersion << '\n';
  return kDone;
}

int RunContext(Session& session, const Args& args) {
  const auto context = session.context();
  if (!context.ok()) return session.Fail(context.status());
  const std::string format = args.Get("--output");
  if (format == "json" || format == "yaml") {
    const std::string json = absl::StrCat("{\"context\":", base::JsonQuote(context->name),
                                          ",\"endpoint\":", base::JsonQuote(context->endpoint),
                                          ",\"tls_dir\":", base::JsonQuote(context->tls.path), "}");
    format == "json" ? PrintJson(session.out(), json) : PrintYaml(session.out(), json);
    return kDone;
  }
  PrintTable(session.out(), {"CONTEXT", "ENDPOINT", "TLS DIRECTORY"},
             {{context->name, context->endpoint, context->tls.path}});
  return kDone;
}

int RunCompletion(Session& session, const Args& args) {
  if (args.words().size() != 1 || (args.words()[0] != "bash" && args.words()[0] != "zsh")) {
    return session.Usage("sallyctl completion bash|zsh");
  }
  std::vector<std::string> first;
  std::string cases;
  for (const Command& command : Commands()) {
    const std::vector<std::string> parts = absl::StrSplit(command.name, ' ');
    if (std::find(first.begin(), first.end(), parts[0]) == first.end()) first.push_back(parts[0]);
    std::vector<std::string> flags;
    for (const FlagSpec& flag : command.flags) flags.emplace_back(flag.name);
    absl::StrAppend(&cases, "    '", command.name, "') words='", absl::StrJoin(flags, " "),
                    " --context --help';;\n");
  }
  for (const std::string& word : first) {
    std::vector<std::string> seconds;
    for (const Command* command : Family(word)) {
      seconds.emplace_back(command->name.substr(word.size() + 1));
    }
    if (!seconds.empty())
      absl::StrAppend(&cases, "    '", word, "') words='", absl::StrJoin(seconds, " "), "';;\n");
  }
  if (args.words()[0] == "zsh") session.out() << "autoload -U +X bashcompinit && bashcompinit\n";
  session.out()
      << "_sallyctl() {\n  local current=\"${COMP_WORDS[COMP_CWORD]}\" words='"
      << absl::StrJoin(first, " ")
      << "'\n  if [ \"$COMP_CWORD\" -gt 1 ]; then\n  words=''\n"
         "  for name in \"${COMP_WORDS[1]}\" \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\"; do\n  case "
         "\"$name\" in\n"
      << cases
      << "  esac\n  done\n  fi\n  COMPREPLY=($(compgen -W \"$words\" -f -- \"$current\"))\n}\n"
         "complete -F _sallyctl sallyctl\n";
  return kDone;
}

}  // namespace sallyport::authsvc::ctl
