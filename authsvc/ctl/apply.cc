#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "authsvc/ctl/apply_request.h"
#include "authsvc/ctl/commands.h"
#include "authsvc/ctl/export_file.h"
#include "authsvc/ctl/files.h"
#include "authsvc/ctl/manifest.h"
#include "authsvc/ctl/output.h"
#include "shared/base/reason.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc::ctl {
namespace {

namespace wire = ::sallyport::v1;

absl::StatusOr<std::vector<std::string>> Expand(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (!IsDirectory(path)) {
      files.push_back(path);
      continue;
    }
    auto inside = FilesIn(path, {".json", ".yaml", ".yml", ".apk-conf"});
    if (!inside.ok()) return inside.status();
    if (inside->empty())
      return absl::InvalidArgumentError(
          absl::StrCat(path, " has no .json, .yaml, .yml or .apk-conf file"));
    files.insert(files.end(), inside->begin(), inside->end());
  }
  return files;
}

absl::Status AddExport(const std::string& name, const std::string& content,
                       const std::string& open_with, wire::ApplyRequest* request) {
  auto documents = ReadExport(content, open_with);
  if (!documents.ok())
    return absl::Status(documents.status().code(),
                        absl::StrCat(name, ": ", documents.status().message()));
  for (ExportedDocument& one : *documents) {
    wire::Document* const document = request->add_documents();
    document->set_name(absl::StrCat(name, ":", one.line));
    document->set_content(std::move(one.json));
  }
  return absl::OkStatus();
}

absl::StatusOr<wire::ApplyRequest> MakeRequest(Session& session,
                                               const std::vector<std::string>& paths,
                                               const Args& args) {
  wire::ApplyRequest request;
  const std::string open_with = args.Get("--open-with");
  const ManifestOptions options{args.Get("--as"), args.GetAll("--files-from")};
  bool opened = false;
  size_t others = 0;
  std::vector<ApisixObject> objects;
  auto files = Expand(paths);
  if (!files.ok()) return files.status();
  for (const std::string& path : *files) {
    auto content = ReadFile(path);
    if (!content.ok()) return content.status();
    const std::string name = path == "-" ? "standard input" : path;
    if (IsExport(*content)) {
      if (auto status = AddExport(name, *content, open_with, &request); !status.ok()) return status;
      session.err() << "sallyctl: " << Printable(absl::StrCat(name, ": ", ExportSummary(*content)))
                    << " (who made it, it cannot say)\n";
      opened = true;
      continue;
    }
    auto manifest = ReadManifest(path, *std::move(content), options);
    if (!manifest.ok())
      return absl::InvalidArgumentError(absl::StrCat(name, ": ", manifest.status().message()));
    for (const std::string& file : manifest->private_keys)
      session.err() << "sallyctl: the private key in " << Printable(file) << " is sent\n";
    for (ApisixObject& object : manifest->apisix) objects.push_back(std::move(object));
    if (!manifest->others) continue;
    ++others;
    wire::Document* document = request.add_documents();
    document->set_name(name);
    document->set_content(std::move(manifest->content));
  }
  if (!objects.empty() && !request.documents().empty()) {
    return absl::InvalidArgumentError(
        "objects of APISIX (kind ApisixObject) are applied alone: put them into files of their "
        "own");
  }
  if (opened && (others > 0 || !objects.empty()))
    return absl::InvalidArgumentError("an export is applied alone, without other documents");
  if (opened) request.set_as("stored");
  for (ApisixObject& object : objects) {
    request.set_as("apisix");
    wire::Document* document = request.add_documents();
    document->set_name(std::move(object.name));
    document->set_content(std::move(object.json));
  }
  if (!open_with.empty() && !opened)
    return absl::InvalidArgumentError("--open-with is for an export: there is none");
  return request;
}

std::string CallerText(const wire::AffectedCaller& caller) {
  std::string text = caller.identity().empty() ? "a caller" : caller.identity();
  if (!caller.key_id().empty()) absl::StrAppend(&text, " (key ", caller.key_id(), ")");
  if (!caller.leaf_sha256().empty()) absl::StrAppend(&text, " (leaf ", caller.leaf_sha256(), ")");
  return absl::StrCat(
      text, ", last let in ",
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(caller.last_unix_ms()),
                       absl::UTCTimeZone()),
      ",");
}

std::string ReasonText(const wire::AffectedCaller& caller) {
  return std::string(base::ReasonName(base::ReasonFromNumber(caller.reason())));
}

std::string AsJson(const wire::ApplyResponse& response) {
  nlohmann::ordered_json json;
  json["applied"] = response.applied();
  json["revision"] = response.revision();
  json["results"] = nlohmann::ordered_json::array();
  for (const wire::ApplyResult& result : response.results()) {
    nlohmann::ordered_json item = {
        {"kind", result.kind()}, {"id", result.id()}, {"outcome", result.outcome()}};
    if (!result.message().empty()) item["message"] = result.message();
    for (const std::string& warning : result.warnings()) item["warnings"].push_back(warning);
    json["results"].push_back(std::move(item));
  }
  for (const wire::AffectedCaller& caller : response.would_be_refused()) {
    json["wouldBeRefused"].push_back({{"identity", caller.identity()},
                                      {"key", caller.key_id()},
                                      {"leaf", caller.leaf_sha256()},
                                      {"api", caller.api_id()},
                                      {"reason", ReasonText(caller)},
                                      {"detail", caller.detail()},
                                      {"lastUnixMs", caller.last_unix_ms()}});
  }
  return json.dump();
}

void PrintResults(Session& session, const wire::ApplyResponse& response, bool dry_run) {
  for (const wire::ApplyResult& result : response.results()) {
    const bool dry_run_diff = dry_run && result.outcome() == "updated";
    session.out() << Printable(absl::StrCat(result.kind(), "/", result.id(), " ", result.outcome(),
                                            dry_run ? " (dry run)" : "",
                                            result.message().empty() || dry_run_diff
                                                ? ""
                                                : absl::StrCat(": ", result.message())))
                  << '\n';
    if (dry_run_diff) {
      for (absl::string_view line : absl::StrSplit(result.message(), '\n', absl::SkipEmpty()))
        session.out() << "  " << Printable(line) << '\n';
    }
    for (const std::string& warning : result.warnings()) {
      session.Warn(Printable(absl::StrCat(result.kind(), "/", result.id(), ": ", warning)));
    }
  }
  for (const wire::AffectedCaller& caller : response.would_be_refused()) {
    session.Warn(
        Printable(absl::StrCat(CallerText(caller), " would be refused by API ", caller.api_id(),
                               ": ", ReasonText(caller), ": ", caller.detail())));
  }
}

bool Refused(const wire::ApplyResponse& response) {
  for (const wire::ApplyResult& result : response.results()) {
    if (result.outcome() == "refused") return true;
  }
  return false;
}

}  // namespace

int Submit(Session& session, const Args& args, wire::ApplyRequest request) {
  if (std::string as = args.Get("--as"); !as.empty()) request.set_as(std::move(as));
  request.set_set(args.Get("--set"));
  request.set_prune(args.Has("--prune"));
  request.set_dry_run(args.Has("--dry-run"));
  request.set_strict(args.Has("--strict"));
  request.set_namespace_(args.Get("--namespace"));
  auto client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  wire::ApplyResponse response;
  const absl::Status status = (*client)->Call(&wire::Admin::Stub::Apply, (*client)->admin(),
                                              request, &response, absl::Minutes(5));
  for (wire::Document& document : *request.mutable_documents())
    base::Cleanse(document.mutable_content());
  if (absl::IsResourceExhausted(status)) {
    return session.Fail(absl::ResourceExhaustedError(absl::StrCat(
        status.message(), ": apply fewer documents at once (or raise grpc.max_admin_bytes)")));
  }
  if (!status.ok()) return session.Fail(status);
  const std::string format = args.Get("--output");
  if (format == "json") {
    PrintJson(session.out(), AsJson(response));
  } else if (format == "yaml") {
    PrintYaml(session.out(), AsJson(response));
  } else {
    PrintResults(session, response, request.dry_run());
  }
  if (!Refused(response)) return kDone;
  session.err() << "sallyctl: nothing was applied: one refusal refuses all\n";
  return kRefused;
}

int RunApply(Session& session, const Args& args) {
  std::vector<std::string> paths = args.GetList("--file");
  paths.insert(paths.end(), args.words().begin(), args.words().end());
  if (paths.empty()) return session.Usage("apply needs -f FILE, -f DIR or -f -");
  if (args.Has("--prune") && args.Get("--set").empty()) {
    return session.Usage("--prune needs --set NAME: only what came with that set is deleted");
  }
  auto request = MakeRequest(session, paths, args);
  if (!request.ok()) return session.Fail(request.status());
  return Submit(session, args, *std::move(request));
}

}  // namespace sallyport::authsvc::ctl
