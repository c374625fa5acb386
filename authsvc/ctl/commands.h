// The table of commands, their help, and the way from argv to one of them.
#pragma once

#include <string>
#include <vector>

#include "authsvc/ctl/args.h"
#include "authsvc/ctl/session.h"

namespace sallyport::authsvc::ctl {

struct Command {
  absl::string_view name;  // "apply", "cert add"
  absl::string_view arguments;
  absl::string_view summary;
  absl::string_view examples;  // lines
  std::vector<FlagSpec> flags;
  int (*run)(Session&, const Args&);
};

[[nodiscard]] const std::vector<Command>& Commands();

// `words`: argv without the program's name. Returns the exit code.
int Run(Session& session, const std::vector<std::string>& words);

int RunApply(Session& session, const Args& args);
int RunExport(Session& session, const Args& args);
int RunImportApisix(Session& session, const Args& args);
int RunImportTyk(Session& session, const Args& args);
int RunGet(Session& session, const Args& args);
int RunDelete(Session& session, const Args& args);
int RunCertAdd(Session& session, const Args& args);
int RunCertList(Session& session, const Args& args);
int RunCertShow(Session& session, const Args& args);
int RunCertRemove(Session& session, const Args& args);
int RunKeyCreate(Session& session, const Args& args);
int RunKeyList(Session& session, const Args& args);
int RunKeyShow(Session& session, const Args& args);
int RunKeyRemove(Session& session, const Args& args);
int RunKeyEnable(Session& session, const Args& args);
int RunKeyDisable(Session& session, const Args& args);
int RunKeyRotate(Session& session, const Args& args);
int RunExplain(Session& session, const Args& args);
int RunWatch(Session& session, const Args& args);
int RunDoctor(Session& session, const Args& args);
int RunCreateSecretTls(Session& session, const Args& args);
int RunCreateSecretGeneric(Session& session, const Args& args);
int RunCreateConfigMap(Session& session, const Args& args);
int RunInit(Session& session, const Args& args);
int RunPkiRenew(Session& session, const Args& args);
int RunPkiIssue(Session& session, const Args& args);
int RunContext(Session& session, const Args& args);
int RunCompletion(Session& session, const Args& args);
int RunVersion(Session& session, const Args& args);

}  // namespace sallyport::authsvc::ctl
