// `sallyctl import tyk DIR`: what a Tyk gateway reads from its own directory, as one document set.
// Where a file of certificates or a script is named, its content is sent: an id that came by the
// network is never a path (DESIGN 10). At those places alone, and from the directory and those that
// --files-from names: who may write a definition must not choose what else root reads. Definitions
// and policies themselves are read from there alone too, wherever tyk.conf or a link leads.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/ctl/apply_request.h"
#include "authsvc/ctl/certificate_filler.h"
#include "authsvc/ctl/commands.h"
#include "authsvc/ctl/files.h"
#include "authsvc/ctl/output.h"
#include "authsvc/dialects/reader.h"

namespace sallyport::authsvc::ctl {
namespace {

namespace wire = ::sallyport::v1;
using Json = nlohmann::ordered_json;

constexpr size_t kMostScriptBytes = 1 << 20;

class TykDirectory {
 public:
  TykDirectory(std::string root, std::vector<std::string> files_from) : root_(std::move(root)) {
    options_.directory = root_;
    options_.files_from = std::move(files_from);
    options_.locate = [this](const std::string& path) { return Place(path); };
    options_.others_find_missing = true;
  }

  absl::StatusOr<wire::ApplyRequest> Read() {
    if (!IsDirectory(root_))
      return absl::InvalidArgumentError(absl::StrCat(root_, " is not a directory"));
    Json conf = Json::object();
    const std::string file = Place("tyk.conf");
    if (Exists(file)) {
      auto read = ReadJson(file);
      if (!read.ok()) return read.status();
      conf = *read;
    }
    if (auto status = Policies(conf); !status.ok()) return status;
    if (auto status = Apps(Text(conf, "app_path", "apps")); !status.ok()) return status;
    if (Exists(file)) {
      if (auto status = AddWithFiles(file, std::move(conf)); !status.ok()) return status;
    }
    if (request_.documents().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(root_, " has no tyk.conf, no apps and no policies: is it a gateway's?"));
    }
    return std::move(request_);
  }
  // Files whose private key is in what was read.
  [[nodiscard]] const std::vector<std::string>& private_keys() const { return private_keys_; }

 private:
  // Relative paths are the gateway's directory's. One that leads nowhere is of the machine that the
  // directory was copied from: what of it is there counts.
  [[nodiscard]] std::string Place(const std::string& path) const {
    const std::filesystem::path root(root_), given(path);
    if (given.is_absolute() && (Exists(path) || IsDirectory(path))) return path;
    std::filesystem::path last = root / given.relative_path();
    for (std::filesystem::path rest = given.relative_path(); !rest.empty();) {
      const std::string place = (root / rest).string();
      if (Exists(place) || IsDirectory(place)) return place;
      std::filesystem::path shorter;
      for (auto part = std::next(rest.begin()); part != rest.end(); ++part) shorter /= *part;
      rest = std::move(shorter);
    }
    return last.string();
  }

  static std::string Text(const Json& object, const char* name, const char* otherwise) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_string()) return otherwise;
    const std::string text = found->get<std::string>();
    return text.empty() ? otherwise : text;
  }

  [[nodiscard]] std::vector<std::string> MayReadFrom() const {
    std::vector<std::string> directories = options_.files_from;
    directories.push_back(root_);
    return directories;
  }

  // What of tyk.conf leads there, before why it is not read.
  static absl::Status At(absl::string_view setting, const absl::Status& status) {
    if (status.ok()) return status;
    return absl::Status(status.code(),
                        absl::StrCat("tyk.conf: ", setting, ": ", status.message(),
                                     "; let it lead into the directory, or allow the other one"));
  }

  [[nodiscard]] absl::StatusOr<Json> ReadJson(const std::string& path) const {
    auto content = ReadFileWithin(path, MayReadFrom(), kMostFileBytes);
    if (!content.ok()) return content.status();
    // Bounded in depth and size, no name twice: as authsvc will read it.
    if (const auto node = dialects::ReadJson(*content); !node.ok())
      return absl::InvalidArgumentError(absl::StrCat(path, ": ", node.status().message()));
    Json json = Json::parse(*content, nullptr, false);
    if (json.is_discarded() || !json.is_object())
      return absl::InvalidArgumentError(absl::StrCat(path, " is not a JSON object"));
    return json;
  }

  void Add(const std::string& name, const Json& json) {
    AddText(name, json.dump(-1, ' ', false, Json::error_handler_t::replace));
  }

  void AddText(const std::string& name, std::string content) {
    wire::Document* const document = request_.add_documents();
    document->set_name(name);
    document->set_content(std::move(content));
  }

  // Scripts and certificates that it names by their files become what the files hold.
  absl::Status AddWithFiles(const std::string& name, Json json) {
    if (auto status = TakeAllScripts(&json); !status.ok())
      return absl::InvalidArgumentError(absl::StrCat(name, ": ", status.message()));
    std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    auto document = dialects::ReadJson(text);
    if (!document.ok()) {  // larger than before: authsvc says why not
      AddText(name, std::move(text));
      return absl::OkStatus();
    }
    const auto filled = FillCertificates(options_, &*document, &private_keys_);
    if (!filled.ok())
      return absl::InvalidArgumentError(absl::StrCat(name, ": ", filled.status().message()));
    AddText(name, *filled ? dialects::ToJson(*document) : std::move(text));
    return absl::OkStatus();
  }

  absl::Status Apps(const std::string& path) {
    const std::string directory = Place(path);
    if (!IsDirectory(directory)) return absl::OkStatus();
    if (auto status = CheckDirectoryWithin(directory, MayReadFrom()); !status.ok())
      return At("app_path", status);
    auto files = FilesIn(directory, {".json"});
    if (!files.ok()) return files.status();
    for (const std::string& file : *files) {
      auto json = ReadJson(file);
      if (!json.ok()) return json.status();
      if (IsOtherHalf(file, *json)) continue;
      if (auto status = AddWithFiles(file, *std::move(json)); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // Tyk keeps a Classic rendering, ID.json, of each OAS API beside its definition, ID-oas.json.
  static bool IsOtherHalf(const std::string& file, const Json& json) {
    const auto oas = json.find("is_oas");
    if (oas == json.end() || !oas->is_boolean() || !oas->get<bool>()) return false;
    return Exists(absl::StrCat(absl::StripSuffix(file, ".json"), "-oas.json"));
  }

  // One file of all by id, or a directory with a file of each.
  absl::Status Policies(const Json& conf) {
    const Json settings = conf.value("policies", Json::object());
    const std::string source =
        settings.is_object() ? Text(settings, "policy_source", "file") : "file";
    if (source != "file") {
      return absl::InvalidArgumentError(
          absl::StrCat("tyk.conf: policies.policy_source is ", source,
                       ": only files can be read; export the policies and set it to file"));
    }
    const std::string file =
        Place(settings.is_object() ? Text(settings, "policy_record_name", "policies/policies.json")
                                   : "policies/policies.json");
    if (Exists(file) && !IsDirectory(file)) {
      auto all = ReadJson(file);
      if (absl::IsPermissionDenied(all.status()))
        return At("policies.policy_record_name", all.status());
      if (!all.ok()) return all.status();
      for (auto& [id, policy] : all->items()) AddPolicy(file, id, policy);
    }
    const std::string directory =
        Place(settings.is_object() ? Text(settings, "policy_path", "policies") : "policies");
    if (!IsDirectory(directory)) return absl::OkStatus();
    if (auto status = CheckDirectoryWithin(directory, MayReadFrom()); !status.ok())
      return At("policies.policy_path", status);
    auto files = FilesIn(directory, {".json"});
    if (!files.ok()) return files.status();
    for (const std::string& each : *files) {
      if (each == file) continue;
      auto policy = ReadJson(each);
      if (!policy.ok()) return policy.status();
      AddPolicy(each, std::filesystem::path(each).stem().string(), *policy);
    }
    return absl::OkStatus();
  }

  void AddPolicy(const std::string& file, const std::string& id, Json policy) {
    if (policy.is_object() && Text(policy, "id", "").empty()) policy["id"] = id;
    Add(absl::StrCat(file, " (", id, ")"), policy);
  }

  static Json* Member(Json* object, const char* name) {
    if (object == nullptr || !object->is_object()) return nullptr;
    const auto found = object->find(name);
    return found == object->end() ? nullptr : &*found;
  }

  // Virtual endpoints of both kinds of definition.
  [[nodiscard]] absl::Status TakeAllScripts(Json* json) const {
    absl::Status status;
    if (Json* const versions = Member(Member(json, "version_data"), "versions");
        versions != nullptr && versions->is_structured()) {
      for (Json& version : *versions) {
        Json* const scripts = Member(Member(&version, "extended_paths"), "virtual");
        if (scripts == nullptr || !scripts->is_array()) continue;
        for (Json& script : *scripts) status.Update(TakeClassic(&script));
      }
    }
    Json* const middleware = Member(Member(json, "x-tyk-api-gateway"), "middleware");
    if (Json* const operations = Member(middleware, "operations");
        operations != nullptr && operations->is_structured()) {
      for (Json& operation : *operations)
        status.Update(TakeOas(Member(&operation, "virtualEndpoint")));
    }
    return status;
  }

  [[nodiscard]] absl::Status TakeClassic(Json* object) const {
    if (!object->is_object() || Text(*object, "function_source_type", "") != "file")
      return absl::OkStatus();
    std::string script;
    auto status = Script(Text(*object, "function_source_uri", ""), &script);
    if (!script.empty()) {
      (*object)["function_source_type"] = "blob";
      (*object)["function_source_uri"] = script;
    }
    return status;
  }

  [[nodiscard]] absl::Status TakeOas(Json* endpoint) const {
    if (endpoint == nullptr || !endpoint->is_object() || !Text(*endpoint, "body", "").empty())
      return absl::OkStatus();
    std::string script;
    auto status = Script(Text(*endpoint, "path", ""), &script);
    if (!script.empty()) {
      endpoint->erase("path");
      (*endpoint)["body"] = script;
    }
    return status;
  }

  // In Base64. Empty: there is none, which authsvc says.
  [[nodiscard]] absl::Status Script(const std::string& text, std::string* script) const {
    if (!absl::EndsWith(text, ".js")) return absl::OkStatus();
    const auto content = ReadFileWithin(Place(text), MayReadFrom(), kMostScriptBytes);
    if (absl::IsNotFound(content.status())) return absl::OkStatus();
    if (content.ok()) *script = absl::Base64Escape(*content);
    return content.status();
  }

  const std::string root_;
  FillOptions options_;
  std::vector<std::string> private_keys_;
  wire::ApplyRequest request_;
};

}  // namespace

int RunImportTyk(Session& session, const Args& args) {
  if (args.words().size() != 1) return session.Usage("import tyk needs the gateway's directory");
  if (args.Has("--prune") && args.Get("--set").empty())
    return session.Usage("--prune needs --set NAME: only what came with that set is deleted");
  TykDirectory directory(args.words().front(), args.GetAll("--files-from"));
  auto request = directory.Read();
  if (!request.ok()) return session.Fail(request.status());
  for (const std::string& file : directory.private_keys())
    session.err() << "sallyctl: the private key in " << Printable(file) << " is sent\n";
  return Submit(session, args, *std::move(request));
}

}  // namespace sallyport::authsvc::ctl
