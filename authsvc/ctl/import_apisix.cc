// `sallyctl import apisix FILE`: what APISIX has in etcd, or what its Admin API answers, as one
// write.
#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/ctl/apisix_dump.h"
#include "authsvc/ctl/apply_request.h"
#include "authsvc/ctl/commands.h"
#include "authsvc/ctl/files.h"
#include "authsvc/ctl/output.h"
#include "authsvc/dialects/apisix/keyring.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc::ctl {
namespace {

namespace wire = ::sallyport::v1;
namespace apisix = dialects::apisix;
using apisix::Json;

// Of APISIX's own running, and says nothing of who may call what.
bool HasNoUse(absl::string_view name) {
  static constexpr absl::string_view kCollections[] = {"plugin_metadata", "protos", "plugins",
                                                       "gen_id", "data_plane"};
  const absl::string_view collection = name.substr(0, name.find('/'));
  return std::find(std::begin(kCollections), std::end(kCollections), collection) !=
         std::end(kCollections);
}

// "ssl/1" is how older versions keep what is "ssls/1" now.
std::string Renamed(std::string name) {
  if (absl::StartsWith(name, "ssl/")) name.insert(3, "s");
  return name;
}

absl::StatusOr<apisix::Keyring> KeyringOf(const Args& args) {
  std::vector<std::string> texts = args.GetList("--keyring");
  for (const std::string& text : texts) {
    if (text.size() != apisix::kKeyringBytes)
      return absl::InvalidArgumentError("--keyring needs a text of 16 characters");
  }
  return apisix::Keyring(std::move(texts));
}

constexpr absl::string_view kSayTexts =
    "say those of apisix.data_encryption.keyring and apisix.ssl.key_encrypt_salt";

void CleanseTexts(Json* value) {
  if (value->is_string()) return base::Cleanse(value->get_ptr<std::string*>());
  if (!value->is_structured()) return;
  for (Json& one : *value) CleanseTexts(&one);
}

// Opens what is sealed in an object. An error names a private key that stays sealed; `closed` is a
// secret that looks so: what was sealed with it, nobody could show.
absl::Status OpenSealed(const apisix::Keyring& keyring, const std::string& name, bool secrets,
                        std::string* json, std::string* closed) {
  Json document = Json::parse(*json, nullptr, false);
  if (!document.is_object()) return absl::OkStatus();  // authsvc says so
  const absl::string_view collection = absl::string_view(name).substr(0, name.find('/'));
  const absl::Cleanup cleanse = [&] { CleanseTexts(&document); };
  for (const std::string& path : keyring.OpenPrivateKeys(collection, &document)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": ", path, " is sealed, and not by a text of --keyring: ", kSayTexts));
  }
  if (secrets) {
    for (std::string& path : keyring.OpenSecrets(collection, &document)) *closed = std::move(path);
  }
  base::Cleanse(json);
  *json = document.dump(-1, ' ', false, Json::error_handler_t::replace);
  return absl::OkStatus();
}

absl::StatusOr<wire::ApplyRequest> MakeImport(Session& session, const Args& args) {
  const auto keyring = KeyringOf(args);
  if (!keyring.ok()) return keyring.status();
  auto content = ReadFile(args.words().front());
  if (!content.ok()) return content.status();
  const std::string prefix = args.Get("--prefix");
  auto objects = ReadApisixDump(*content, prefix.empty() ? "/apisix" : prefix);
  if (!objects.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(args.words().front(), ": ", objects.status().message()));
  }
  wire::ApplyRequest request;
  request.set_as("apisix");
  for (DumpedObject& object : *objects) {
    const std::string name = Renamed(std::move(object.name));
    if (HasNoUse(name)) {
      session.Warn(Printable(absl::StrCat(name, ": passed over, it has no use here")));
      continue;
    }
    std::string closed;
    auto status =
        OpenSealed(*keyring, name, !args.Has("--secrets-in-clear"), &object.json, &closed);
    if (!status.ok()) return status;
    if (!closed.empty()) {
      const std::string why = absl::StrCat(
          name, ": ", closed, " looks sealed, and not by a text of --keyring: ", kSayTexts,
          ", or --secrets-in-clear where data_encryption is off");
      if (args.Has("--strict")) return absl::InvalidArgumentError(why);
      session.Warn(Printable(absl::StrCat(why, "; it is left out")));
      continue;
    }
    wire::Document* const document = request.add_documents();
    document->set_name(name);
    document->set_content(std::move(object.json));
  }
  if (request.documents().empty())
    return absl::InvalidArgumentError(absl::StrCat(args.words().front(), " has no objects"));
  return request;
}

}  // namespace

int RunImportApisix(Session& session, const Args& args) {
  if (args.words().size() != 1)
    return session.Usage(
        "import apisix needs a file, or -: etcdctl get --prefix /apisix -w json, or answers of the "
        "Admin API");
  auto request = MakeImport(session, args);
  if (!request.ok()) return session.Fail(request.status());
  return Submit(session, args, *std::move(request));
}

}  // namespace sallyport::authsvc::ctl
