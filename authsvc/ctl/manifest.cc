#include "authsvc/ctl/manifest.h"

#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "authsvc/ctl/certificate_file.h"
#include "authsvc/ctl/certificate_places.h"
#include "authsvc/ctl/files.h"
#include "authsvc/dialects/node.h"
#include "authsvc/dialects/reader.h"

namespace sallyport::authsvc::ctl {
namespace {

using dialects::Node;

constexpr size_t kMostCertificateBytes = 1 << 20;
constexpr absl::string_view kPemMark = "-----BEGIN ";

// As authsvc tells them from ids.
bool IsPath(absl::string_view text) {
  if (absl::StartsWith(text, "name:") || absl::StrContains(text, kPemMark) ||
      absl::StrContains(text, "://"))
    return false;
  return absl::StrContains(text, "/") || absl::EndsWith(text, ".pem") ||
         absl::EndsWith(text, ".crt");
}

class FileFiller {
 public:
  FileFiller(const std::string& manifest, const ManifestOptions& options,
             std::vector<std::string>* private_keys)
      : directory_(manifest == "-" ? std::filesystem::path()
                                   : std::filesystem::path(manifest).parent_path()),
        directories_(options.files_from),
        private_keys_(private_keys) {
    directories_.push_back(directory_.string());
  }

  // True: something was filled in.
  absl::StatusOr<bool> Fill(Node* document, absl::string_view as) {
    for (const CertificatePlace& place : FindCertificatePlaces(document, as)) Place(place);
    if (!status_.ok()) return status_;
    return filled_;
  }

 private:
  using What = CertificatePlace::What;

  void Place(const CertificatePlace& place) {
    if (!status_.ok() || absl::StrContains(place.node->text, kPemMark)) return;
    if (place.what == What::kFile || place.what == What::kKeyFile)
      return File(place.node, place.path, place.what == What::kKeyFile);
    Text(place.node, place.path, place.what == What::kWithKey);
  }

  // Nothing but a file's name stands there.
  void File(Node* node, const std::string& place, bool key) {
    if (node->text.empty()) return;
    auto content = key ? ReadKey(node->text) : Read(node->text, false);
    if (content.ok()) {
      node->text = *std::move(content);
      filled_ = true;
    } else {
      status_ = absl::InvalidArgumentError(absl::StrCat(place, ": ", content.status().message()));
    }
  }

  void Text(Node* node, const std::string& place, bool with_key) {
    std::vector<std::string> parts = absl::StrSplit(node->text, ',');
    bool paths = false;
    for (std::string& part : parts) {
      const std::string text(absl::StripAsciiWhitespace(part));
      if (!IsPath(text)) continue;
      auto pem = Read(text, with_key);
      if (!pem.ok()) {
        status_ = absl::InvalidArgumentError(absl::StrCat(place, ": ", pem.status().message()));
        return;
      }
      part = *std::move(pem);
      paths = true;
    }
    if (!paths) return;
    filled_ = true;
    if (parts.size() == 1) {
      node->text = std::move(parts.front());
      return;
    }
    node->type = Node::Type::kArray;  // of pins: "id,id" and a list are the same
    node->text.clear();
    for (std::string& part : parts) {
      Node& item = node->items.emplace_back();
      item.type = Node::Type::kString;
      item.text = std::move(part);
    }
  }

  [[nodiscard]] std::string FileOf(const std::string& text) const {
    const std::filesystem::path given(text);
    return (given.is_absolute() ? given : directory_ / given).string();
  }

  [[nodiscard]] absl::StatusOr<std::string> ReadKey(const std::string& text) {
    const std::string file = FileOf(text);
    auto content = ReadFileWithin(file, directories_, kMostCertificateBytes);
    if (!content.ok()) return content.status();
    if (!absl::StrContains(*content, "PRIVATE KEY-----"))
      return absl::InvalidArgumentError(absl::StrCat(file, " holds no private key (PEM)"));
    private_keys_->push_back(file);
    return content;
  }

  [[nodiscard]] absl::StatusOr<std::string> Read(const std::string& text, bool with_key) {
    const std::string file = FileOf(text);
    auto content = ReadFileWithin(file, directories_, kMostCertificateBytes);
    if (absl::IsNotFound(content.status())) {
      return absl::NotFoundError(absl::StrCat(
          content.status().message(), " (a certificate's id, name:NAME or a file may stand here)"));
    }
    if (!content.ok()) return content.status();
    auto read = ParseCertificateFile(file, *std::move(content), "");
    if (!read.ok()) return read.status();
    if (!with_key || !read->has_private_key()) return read->PublicPem();
    private_keys_->push_back(file);
    return std::string(read->FullPem().Reveal());
  }

  const std::filesystem::path directory_;
  std::vector<std::string> directories_;
  std::vector<std::string>* const private_keys_;
  absl::Status status_;
  bool filled_ = false;
};

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
    auto changed = FileFiller(path, options, &manifest.private_keys).Fill(&document, options.as);
    if (!changed.ok()) return changed.status();
    filled = filled || *changed;
    texts.push_back(dialects::ToJson(document));
  }
  manifest.others = manifest.others || manifest.apisix.empty();
  manifest.content = filled ? absl::StrJoin(texts, "\n---\n") : std::move(content);
  return manifest;
}

}  // namespace sallyport::authsvc::ctl
