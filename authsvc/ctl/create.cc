// `sallyctl create secret tls|generic` and `create configmap`: kubectl's flags, a document of
// Kubernetes, and the same way in as `apply`.
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "authsvc/ctl/calls.h"
#include "authsvc/ctl/commands.h"
#include "authsvc/ctl/files.h"
#include "authsvc/ctl/kube_hash.h"
#include "authsvc/ctl/output.h"
#include "shared/base/secret.h"
#include "shared/base/utf8.h"

namespace sallyport::authsvc::ctl {
namespace {

namespace wire = ::sallyport::v1;
using Data = std::map<std::string, std::string>;

absl::Status Add(Data* data, const std::string& name, std::string value) {
  if (data->emplace(name, std::move(value)).second) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is given twice"));
}

absl::Status AddFile(Data* data, const std::string& name, const std::string& path) {
  auto content = ReadFile(path);
  if (!content.ok()) return content.status();
  return Add(data, name, *std::move(content));
}

// [NAME=]FILE, or a directory: its files by their names.
absl::Status AddSource(Data* data, const std::string& source) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(source, absl::MaxSplits('=', 1));
  const bool named = absl::StrContains(source, "=");
  const std::string& path = named ? parts.second : parts.first;
  if (named) return AddFile(data, parts.first, path);
  const auto name = [](const std::string& file) {
    return std::filesystem::path(file).filename().string();
  };
  if (!IsDirectory(path)) return AddFile(data, name(path), path);
  auto files = FilesIn(path, {""});
  if (!files.ok()) return files.status();
  for (const std::string& file : *files) {
    if (auto status = AddFile(data, name(file), file); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status AddLiteral(Data* data, const std::string& literal) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(literal, absl::MaxSplits('=', 1));
  if (!absl::StrContains(literal, "=") || parts.first.empty())
    return absl::InvalidArgumentError("--from-literal needs NAME=VALUE");
  return Add(data, parts.first, parts.second);
}

absl::Status AddEnvFile(Data* data, const std::string& path) {
  auto content = ReadFile(path);
  if (!content.ok()) return content.status();
  for (absl::string_view line : absl::StrSplit(*content, '\n')) {
    while (!line.empty() && absl::ascii_isspace(static_cast<unsigned char>(line.front())))
      line.remove_prefix(1);
    if (absl::EndsWith(line, "\r")) line.remove_suffix(1);
    if (line.empty() || line[0] == '#') continue;
    if (auto status = AddLiteral(data, std::string(line)); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": needs lines NAME=VALUE"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Data> ReadData(const Args& args) {
  Data data;
  for (const std::string& source : args.GetList("--from-file")) {
    if (auto status = AddSource(&data, source); !status.ok()) return status;
  }
  for (const std::string& literal : args.GetAll("--from-literal")) {
    if (auto status = AddLiteral(&data, literal); !status.ok()) return status;
  }
  for (const std::string& path : args.GetAll("--from-env-file")) {
    if (auto status = AddEnvFile(&data, path); !status.ok()) return status;
  }
  return data;
}

nlohmann::ordered_json Object(const Args& args, absl::string_view kind) {
  nlohmann::ordered_json json = {
      {"apiVersion", "v1"}, {"kind", std::string(kind)}, {"metadata", {{"name", args.words()[0]}}}};
  if (args.Has("--namespace")) json["metadata"]["namespace"] = args.Get("--namespace");
  return json;
}

// kubectl's create refuses what is there.
absl::Status MustBeNew(Session& session, absl::string_view kind, const Args& args,
                       const std::string& name) {
  auto client = session.Connect();
  if (!client.ok()) return client.status();
  const std::string space = args.Has("--namespace") ? args.Get("--namespace") : "default";
  const std::string id = absl::StrCat(space, "/", name);
  const auto found = GetOne(**client, std::string(kind), id);
  if (absl::IsNotFound(found.status())) return absl::OkStatus();
  if (!found.ok()) return found.status();
  return absl::AlreadyExistsError(
      absl::StrCat(kind, " ", id, " exists: change it by `sallyctl apply`"));
}

std::string NameOf(const nlohmann::ordered_json& object) {
  return object.at("metadata").at("name").get<std::string>();
}

// What -o asks for. False: nothing.
bool PrintObject(Session& session, const std::string& format,
                 const nlohmann::ordered_json& object) {
  if (format == "json") {
    PrintJson(session.out(), object.dump());
  } else if (format == "yaml") {
    PrintYaml(session.out(), object.dump());
  } else if (format == "name") {
    session.out() << absl::AsciiStrToLower(object.at("kind").get<std::string>()) << "/"
                  << Printable(NameOf(object)) << '\n';
  } else {
    return false;
  }
  return true;
}

int Send(Session& session, const Args& args, absl::string_view kind,
         const nlohmann::ordered_json& object, bool dry_run) {
  if (auto status = MustBeNew(session, kind, args, NameOf(object)); !status.ok())
    return session.Fail(status);
  wire::ApplyRequest request;
  request.mutable_documents()->Add()->set_name("create");
  request.mutable_documents(0)->set_content(object.dump());
  request.set_dry_run(dry_run);
  wire::ApplyResponse response;
  auto client = session.Connect();
  const absl::Status status =
      (*client)->Call(&wire::Admin::Stub::Apply, (*client)->admin(), request, &response);
  base::Cleanse(request.mutable_documents(0)->mutable_content());
  if (!status.ok()) return session.Fail(status);
  int code = kDone;
  const std::string format = args.Get("--output");
  const bool lines = format.empty() || format == "table";
  for (const wire::ApplyResult& result : response.results()) {
    if (result.outcome() == "refused") {
      code = kRefused;
      session.err() << "sallyctl: " << Printable(result.message()) << '\n';
    } else if (lines && result.kind() == kind) {
      session.out() << kind << "/" << Printable(result.id()) << " " << result.outcome()
                    << (dry_run ? " (dry run)" : "") << '\n';
    }
    for (const std::string& warning : result.warnings()) session.Warn(Printable(warning));
  }
  if (code == kDone) PrintObject(session, format, object);
  return code;
}

int Create(Session& session, const Args& args, absl::string_view kind,
           nlohmann::ordered_json object) {
  const std::string dry_run = args.Get("--dry-run");
  if (!dry_run.empty() && dry_run != "none" && dry_run != "server" && dry_run != "client")
    return session.Usage("--dry-run must be none, server or client");
  if (args.Has("--append-hash"))
    object["metadata"]["name"] = absl::StrCat(NameOf(object), "-", KubeHash(object));
  if (dry_run != "client") return Send(session, args, kind, object, dry_run == "server");
  if (!PrintObject(session, args.Get("--output"), object))
    session.out() << kind << "/" << Printable(NameOf(object)) << " created (dry run)\n";
  return kDone;
}

int CreateSecret(Session& session, const Args& args, const std::string& type, const Data& data) {
  nlohmann::ordered_json object = Object(args, "Secret");
  object["type"] = type;
  object["data"] = nlohmann::ordered_json::object();
  for (const auto& [name, value] : data) object["data"][name] = absl::Base64Escape(value);
  return Create(session, args, "Secret", object);
}

bool HasName(const Args& args) { return args.words().size() == 1 && !args.words()[0].empty(); }

}  // namespace

int RunCreateSecretTls(Session& session, const Args& args) {
  if (!HasName(args) || !args.Has("--cert") || !args.Has("--key"))
    return session.Usage("create secret tls NAME --cert FILE --key FILE");
  Data data;
  absl::Status status = AddFile(&data, "tls.crt", args.Get("--cert"));
  if (status.ok()) status = AddFile(&data, "tls.key", args.Get("--key"));
  if (!status.ok()) return session.Fail(status);
  return CreateSecret(session, args, "kubernetes.io/tls", data);
}

int RunCreateSecretGeneric(Session& session, const Args& args) {
  if (!HasName(args)) return session.Usage("create secret generic NAME [--from-file FILE ...]");
  const auto data = ReadData(args);
  if (!data.ok()) return session.Fail(data.status());
  return CreateSecret(session, args, args.Has("--type") ? args.Get("--type") : "Opaque", *data);
}

int RunCreateConfigMap(Session& session, const Args& args) {
  if (!HasName(args)) return session.Usage("create configmap NAME [--from-file FILE ...]");
  const auto data = ReadData(args);
  if (!data.ok()) return session.Fail(data.status());
  nlohmann::ordered_json object = Object(args, "ConfigMap");
  object["data"] = nlohmann::ordered_json::object();
  for (const auto& [name, value] : *data) {
    if (base::IsUtf8(value))
      object["data"][name] = value;
    else
      object["binaryData"][name] = absl::Base64Escape(value);
  }
  return Create(session, args, "ConfigMap", object);
}

}  // namespace sallyport::authsvc::ctl
