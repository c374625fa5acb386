#include "authsvc/ctl/manifest.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "authsvc/ctl/certificate_file.h"
#include "authsvc/ctl/files.h"
#include "authsvc/dialects/node.h"
#include "authsvc/dialects/reader.h"

namespace sallyport::authsvc::ctl {
namespace {

using dialects::Node;

// Members whose texts, or lists or maps of texts, are ids of certificates in Tyk's documents. Those
// of the second list are used with their private keys.
constexpr absl::string_view kPublicPlaces[] = {"client_certificates", "pinned_public_keys",
                                               "allowlist", "publicKeys",
                                               "mtls_static_certificate_bindings"};
constexpr absl::string_view kPairPlaces[] = {"upstream_certificates", "certificates",
                                             "ssl_certificates"};
constexpr uintmax_t kMostFileBytes = 1 << 20;
constexpr absl::string_view kPemMark = "-----BEGIN ";
constexpr char kTykConf[] = "certificates";  // of tyk.conf: an object of lists and a map
constexpr char kMapping[] = "domainToCertificateMapping";  // of Tyk OAS: objects with a certificate

template <size_t kCount>
bool Contains(const absl::string_view (&names)[kCount], absl::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

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
  explicit FileFiller(const std::string& manifest)
      : directory_(manifest == "-" ? std::filesystem::path()
                                   : std::filesystem::path(manifest).parent_path()) {}

  // True: something was filled in.
  absl::StatusOr<bool> Fill(Node* document) {
    Walk(document, "");
    if (!status_.ok()) return status_;
    return filled_;
  }

 private:
  void Walk(Node* node, const std::string& path) {
    for (size_t i = 0; i < node->items.size(); ++i)
      Walk(&node->items[i], absl::StrCat(path, "[", i, "]"));
    for (auto& [name, value] : node->members) {
      const std::string place = path.empty() ? name : absl::StrCat(path, ".", name);
      if (name == kTykConf && value.IsObject()) {
        for (auto& [use, ids] : value.members)
          Ids(&ids, absl::StrCat(place, ".", use), use == "upstream");
      } else if (name == kMapping) {
        Mapping(&value, place);
      } else if (Contains(kPairPlaces, name)) {
        Ids(&value, place, true);
      } else if (Contains(kPublicPlaces, name)) {
        Ids(&value, place, false);
      } else {
        Walk(&value, place);
      }
    }
  }

  void Mapping(Node* list, const std::string& place) {
    for (size_t i = 0; i < list->items.size(); ++i) {
      Node& item = list->items[i];
      Node* const id = item.IsObject() ? item.Find("certificate") : nullptr;
      if (id != nullptr) Ids(id, absl::StrCat(place, "[", i, "].certificate"), true);
    }
  }

  // A text, a list of them, a map to either; what else stands there is looked at as anywhere.
  void Ids(Node* node, const std::string& place, bool with_key) {
    if (node->IsString()) return Text(node, place, with_key);
    for (size_t i = 0; i < node->items.size(); ++i) {
      const std::string item = absl::StrCat(place, "[", i, "]");
      if (node->items[i].IsString())
        Text(&node->items[i], item, with_key);
      else
        Walk(&node->items[i], item);
    }
    for (auto& [name, value] : node->members) {
      const std::string member = absl::StrCat(place, "[\"", name, "\"]");
      if (value.IsString() || value.IsArray())
        Ids(&value, member, with_key);
      else
        Walk(&value, member);
    }
  }

  void Text(Node* node, const std::string& place, bool with_key) {
    if (!status_.ok() || absl::StrContains(node->text, kPemMark)) return;
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

  [[nodiscard]] absl::StatusOr<std::string> Read(const std::string& text, bool with_key) const {
    const std::filesystem::path given(text);
    const std::string file = (given.is_absolute() ? given : directory_ / given).string();
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error)) {
      return absl::NotFoundError(absl::StrCat(
          "there is no file ", file, " (a certificate's id, name:NAME or a file may stand here)"));
    }
    if (std::filesystem::file_size(file, error) > kMostFileBytes || error)
      return absl::InvalidArgumentError(absl::StrCat(file, " is larger than 1 MB"));
    auto read = ReadCertificateFile(file, "");
    if (!read.ok()) return read.status();
    if (!with_key || !read->has_private_key()) return read->PublicPem();
    return std::string(read->FullPem().Reveal());
  }

  const std::filesystem::path directory_;
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

absl::StatusOr<Manifest> ReadManifest(const std::string& path, std::string content) {
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
    auto changed = FileFiller(path).Fill(&document);
    if (!changed.ok()) return changed.status();
    filled = filled || *changed;
    texts.push_back(dialects::ToJson(document));
  }
  manifest.others = manifest.others || manifest.apisix.empty();
  manifest.content = filled ? absl::StrJoin(texts, "\n---\n") : std::move(content);
  return manifest;
}

}  // namespace sallyport::authsvc::ctl
