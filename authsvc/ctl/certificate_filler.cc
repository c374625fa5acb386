#include "authsvc/ctl/certificate_filler.h"

#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "authsvc/ctl/certificate_file.h"
#include "authsvc/ctl/certificate_places.h"
#include "authsvc/ctl/files.h"
#include "authsvc/dialects/references.h"

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
  FileFiller(const FillOptions& options, std::vector<std::string>* private_keys)
      : options_(options), directories_(options.files_from), private_keys_(private_keys) {
    directories_.push_back(options.directory);
  }

  // True: something was filled in.
  absl::StatusOr<bool> Fill(Node* document) {
    for (const CertificatePlace& place : FindCertificatePlaces(document, options_.as)) Place(place);
    if (!status_.ok()) return status_;
    return filled_;
  }

 private:
  using What = CertificatePlace::What;

  void Place(const CertificatePlace& place) {
    may_be_key_ = place.what != What::kCertificate;
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
      Fail(place, content.status());
    }
  }

  void Text(Node* node, const std::string& place, bool with_key) {
    std::vector<std::string> parts = absl::StrSplit(node->text, ',');
    bool paths = false;
    for (std::string& part : parts) {
      const std::string text(absl::StripAsciiWhitespace(part));
      if (!IsPath(text) && !IsGatewaysFile(text)) continue;
      auto pem = Read(text, with_key);
      if (!pem.ok()) return Fail(place, pem.status());
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

  // In a gateway's own directory files without a directory are more than what ends in .pem.
  [[nodiscard]] bool IsGatewaysFile(absl::string_view text) const {
    return options_.others_find_missing &&
           (absl::EndsWith(text, ".cert") || absl::EndsWith(text, ".key"));
  }

  void Fail(const std::string& place, const absl::Status& status) {
    if (options_.others_find_missing && absl::IsNotFound(status)) return;
    status_ = absl::InvalidArgumentError(absl::StrCat(
        place, ": ", may_be_key_ ? dialects::WhyNotRead(status) : std::string(status.message())));
  }

  [[nodiscard]] std::string FileOf(const std::string& text) const {
    if (options_.locate != nullptr) return options_.locate(text);
    const std::filesystem::path given(text);
    return (given.is_absolute() ? given : std::filesystem::path(options_.directory) / given)
        .string();
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

  const FillOptions& options_;
  std::vector<std::string> directories_;
  std::vector<std::string>* const private_keys_;
  absl::Status status_;
  bool filled_ = false;
  bool may_be_key_ = false;  // what stands at the place that is looked at
};

}  // namespace

absl::StatusOr<bool> FillCertificates(const FillOptions& options, Node* document,
                                      std::vector<std::string>* private_keys) {
  return FileFiller(options, private_keys).Fill(document);
}

}  // namespace sallyport::authsvc::ctl
