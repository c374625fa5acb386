#include "authsvc/ctl/manifest.h"

#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "authsvc/ctl/certificate_filler.h"
#include "authsvc/dialects/node.h"
#include "authsvc/dialects/reader.h"

namespace sallyport::authsvc::ctl {
namespace {

using dialects::Node;

std::optional<ApisixObject> AsApisixObject(const Node& document) {
  const Node* const spec = document.IsObject() ? document.Find("spec") : nullptr;
  if (spec == nullptr || document.Text("kind") != "ApisixObject" ||
      !absl::StartsWith(document.Text("apiVersion"), "sallyport/"))
    return std::nullopt;
  return ApisixObject{std::string(document.Text("id")), dialects::ToJson(*spec)};
}

}  // namespace

absl::StatusOr<Manifest> ReadManifest(const std::string& path, std::string content,
                                      const ManifestOptions& options) {
  Manifest manifest;
  auto documents = dialects::ReadDocuments(content);
  if (!documents.ok()) {
    manifest.content = std::move(content);
    manifest.others = true;
    return manifest;
  }
  std::vector<std::string> texts;
  bool filled = false;
  FillOptions places;
  places.directory = path == "-" ? "" : std::filesystem::path(path).parent_path().string();
  places.as = options.as;
  places.files_from = options.files_from;
  for (Node& document : *documents) {
    if (document.IsArray()) {  // as `get -o json` prints several
      std::vector<Node> left;
      for (Node& item : document.items) {
        if (auto object = AsApisixObject(item); object.has_value())
          manifest.apisix.push_back(*std::move(object));
        else
          left.push_back(std::move(item));
      }
      document.items = std::move(left);
      if (document.items.empty()) continue;
    } else if (auto object = AsApisixObject(document); object.has_value()) {
      manifest.apisix.push_back(*std::move(object));
      continue;
    }
    manifest.others = true;
    auto changed = FillCertificates(places, &document, &manifest.private_keys);
    if (!changed.ok()) return changed.status();
    filled = filled || *changed;
    texts.push_back(dialects::ToJson(document));
  }
  manifest.others = manifest.others || manifest.apisix.empty();
  manifest.content = filled ? absl::StrJoin(texts, "\n---\n") : std::move(content);
  return manifest;
}

}  // namespace sallyport::authsvc::ctl
