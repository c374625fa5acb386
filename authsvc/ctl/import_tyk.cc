// `sallyctl import tyk DIR`: what a Tyk gateway reads from its own directory, as one document set.
// Where a file of certificates or a script is named, its content is sent: an id that came by the
// network is never a path (DESIGN 10).
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/ctl/apply_request.h"
#include "authsvc/ctl/commands.h"
#include "authsvc/ctl/files.h"
#include "authsvc/dialects/reader.h"

namespace sallyport::authsvc::ctl {
namespace {

namespace wire = ::sallyport::v1;
using Json = nlohmann::ordered_json;

constexpr char kPemMark[] = "-----BEGIN ";
constexpr size_t kMostCertificateBytes = 1 << 20;
constexpr size_t kMostScriptBytes = 1 << 20;

class TykDirectory {
 public:
  explicit TykDirectory(std::string root) : root_(std::move(root)) {}

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
    if (Exists(file)) Add(file, WithFiles(conf));
    if (request_.documents().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(root_, " has no tyk.conf, no apps and no policies: is it a gateway's?"));
    }
    return std::move(request_);
  }

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

  static absl::StatusOr<Json> ReadJson(const std::string& path) {
    auto content = ReadFile(path);
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
    wire::Document* const document = request_.add_documents();
    document->set_name(name);
    document->set_content(json.dump(-1, ' ', false, Json::error_handler_t::replace));
  }

  absl::Status Apps(const std::string& path) {
    const std::string directory = Place(path);
    if (!IsDirectory(directory)) return absl::OkStatus();
    auto files = FilesIn(directory, {".json"});
    if (!files.ok()) return files.status();
    for (const std::string& file : *files) {
      auto json = ReadJson(file);
      if (!json.ok()) return json.status();
      if (!IsOtherHalf(file, *json)) Add(file, WithFiles(*json));
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
      if (!all.ok()) return all.status();
      for (auto& [id, policy] : all->items()) AddPolicy(file, id, policy);
    }
    const std::string directory =
        Place(settings.is_object() ? Text(settings, "policy_path", "policies") : "policies");
    if (!IsDirectory(directory)) return absl::OkStatus();
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

  // A text that names a file of certificates here becomes what the file holds.
  [[nodiscard]] Json WithFiles(const Json& json) const {
    if (json.is_string()) return WithFile(json.get<std::string>());
    if (!json.is_structured()) return json;
    Json out = json;
    for (auto& item : out) item = WithFiles(item);
    if (out.is_object()) TakeScripts(&out);
    if (out.is_object()) TakePair(&out);
    return out;
  }

  // Key pairs of the gateway's own listeners, whatever their files are called.
  void TakePair(Json* object) const {
    for (const char* const name : {"cert_file", "key_file"}) {
      const auto found = object->find(name);
      if (found != object->end() && found->is_string())
        *found = Content(Place(found->get<std::string>()), found->get<std::string>());
    }
  }

  // Virtual endpoints of both kinds of definition.
  void TakeScripts(Json* object) const {
    std::string script;
    if (Text(*object, "function_source_type", "") == "file" &&
        Script(Text(*object, "function_source_uri", ""), &script)) {
      (*object)["function_source_type"] = "blob";
      (*object)["function_source_uri"] = script;
    }
    const auto endpoint = object->find("virtualEndpoint");
    if (endpoint != object->end() && endpoint->is_object() && Text(*endpoint, "body", "").empty() &&
        Script(Text(*endpoint, "path", ""), &script)) {
      endpoint->erase("path");
      (*endpoint)["body"] = script;
    }
  }

  // In Base64. False: there is none.
  bool Script(const std::string& text, std::string* script) const {
    const std::string file = absl::EndsWith(text, ".js") ? Place(text) : "";
    if (file.empty() || !Exists(file) || IsDirectory(file)) return false;
    const auto content = ReadFile(file);
    if (!content.ok() || content->size() > kMostScriptBytes) return false;
    *script = absl::Base64Escape(*content);
    return true;
  }

  [[nodiscard]] Json WithFile(const std::string& text) const {
    const bool path = absl::EndsWith(text, ".pem") || absl::EndsWith(text, ".crt") ||
                      absl::EndsWith(text, ".cert") || absl::EndsWith(text, ".key");
    return path ? Content(Place(text), text) : Json(text);
  }

  // What the file holds, or the text where that is no PEM.
  static Json Content(const std::string& file, const std::string& text) {
    if (text.empty() || absl::StrContains(text, kPemMark) || !Exists(file) || IsDirectory(file))
      return text;
    auto content = ReadFile(file);
    if (!content.ok() || content->size() > kMostCertificateBytes ||
        !absl::StrContains(*content, kPemMark))
      return text;
    return *std::move(content);
  }

  const std::string root_;
  wire::ApplyRequest request_;
};

}  // namespace

int RunImportTyk(Session& session, const Args& args) {
  if (args.words().size() != 1) return session.Usage("import tyk needs the gateway's directory");
  if (args.Has("--prune") && args.Get("--set").empty())
    return session.Usage("--prune needs --set NAME: only what came with that set is deleted");
  auto request = TykDirectory(args.words().front()).Read();
  if (!request.ok()) return session.Fail(request.status());
  return Submit(session, args, *std::move(request));
}

}  // namespace sallyport::authsvc::ctl
