#include "authsvc/ctl/export_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "authsvc/change/secret_names.h"
#include "authsvc/ctl/certificate_file.h"
#include "authsvc/ctl/files.h"
#include "authsvc/dialects/reader.h"
#include "authsvc/dialects/stored.h"
#include "authsvc/snapshot/resource.h"
#include "authsvc/store/kind.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/random.h"
#include "shared/crypto/recipient.h"

namespace sallyport::authsvc::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::string_view kBegin = "{\"apiVersion\":\"sallyport/v1\",\"kind\":\"Export\",";
constexpr absl::string_view kEnd = "{\"apiVersion\":\"sallyport/v1\",\"kind\":\"ExportEnd\",";
constexpr absl::string_view kPassphrase = "passphrase:";
constexpr char kFileKey[] = "export";
constexpr size_t kFileKeySize = 32;
constexpr int kFormat = 1;

absl::Status Of(absl::string_view file, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(file, " ", status.message()));
}

absl::StatusOr<std::unique_ptr<const crypto::Sealer>> SealerWith(base::Secret key) {
  std::vector<crypto::MasterKey> keys;
  keys.push_back({kFileKey, std::move(key)});
  return crypto::Sealer::Create(std::move(keys));
}

absl::StatusOr<crypto::WrappedKey> Wrap(const std::string& seal_to, absl::string_view key) {
  absl::string_view path = seal_to;
  if (absl::ConsumePrefix(&path, kPassphrase)) {
    const auto passphrase = ReadPassword(std::string(path));
    if (!passphrase.ok()) return passphrase.status();
    return crypto::WrapForPassphrase(passphrase->Reveal(), key);
  }
  const auto pem = ReadFile(seal_to);
  if (!pem.ok()) return pem.status();
  auto wrapped = crypto::WrapForPublicKey(*pem, key);
  if (!wrapped.ok()) return Of(seal_to, wrapped.status());
  return wrapped;
}

absl::StatusOr<base::Secret> Unwrap(const std::string& open_with,
                                    const crypto::WrappedKey& wrapped) {
  absl::string_view path = open_with;
  const bool by_passphrase = absl::ConsumePrefix(&path, kPassphrase);
  auto content = ReadPassword(std::string(path));
  if (!content.ok()) return content.status();
  auto key = by_passphrase ? crypto::UnwrapWithPassphrase(content->Reveal(), wrapped)
                           : crypto::UnwrapWithPrivateKey(content->Reveal(), wrapped);
  if (!key.ok()) return Of(path, key.status());
  return key;
}

std::string SealedText(const crypto::Sealed& sealed) {
  return absl::StrCat(absl::Base64Escape(sealed.wrapped_data_key), ".",
                      absl::Base64Escape(sealed.ciphertext));
}

absl::StatusOr<base::Secret> OpenText(const crypto::Sealer& sealer, const crypto::SealPlace& place,
                                      absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  crypto::Sealed sealed;
  sealed.master_key_id = kFileKey;
  if (parts.size() != 2 || !absl::Base64Unescape(parts[0], &sealed.wrapped_data_key) ||
      !absl::Base64Unescape(parts[1], &sealed.ciphertext))
    return absl::DataLossError("a sealed value was changed");
  return sealer.Open(place, sealed);
}

std::string TextOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// What is too deep would be refused where it is applied, and is walked by recursion here.
bool IsTooDeep(absl::string_view line) {
  int depth = 0;
  bool text = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (text && c == '\\') ++i;
    if (c == '"') text = !text;
    if (text) continue;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth > dialects::ReadLimits().max_depth) return true;
  }
  return false;
}

absl::StatusOr<Json> ParseLine(absl::string_view line) {
  if (IsTooDeep(line)) return absl::DataLossError("the export was changed: a line is too deep");
  Json json = Json::parse(line.begin(), line.end(), nullptr, false);
  if (json.is_discarded() || !json.is_object())
    return absl::DataLossError("the export was changed: a line is no JSON object");
  return json;
}

absl::StatusOr<crypto::WrappedKey> WrappedOf(const Json& sealed_to) {
  crypto::WrappedKey wrapped;
  wrapped.method = TextOf(sealed_to, "method");
  wrapped.recipient = TextOf(sealed_to, "recipient");
  if (!absl::Base64Unescape(TextOf(sealed_to, "given"), &wrapped.given) ||
      !absl::Base64Unescape(TextOf(sealed_to, "wrapped"), &wrapped.wrapped))
    return absl::DataLossError("the export was changed: sealedTo");
  return wrapped;
}

// Kind and id of what a line holds, as its secrets are bound to.
std::string RecordOf(const Json& document) {
  const auto resource = document.find("resource");
  if (resource == document.end() || !resource->is_object() || resource->size() != 1) return "";
  const auto body = resource->begin();
  return body->is_object() ? absl::StrCat(body.key(), "/", TextOf(*body, "id")) : "";
}

class ExportReader {
 public:
  explicit ExportReader(absl::string_view content) : content_(content) {}

  absl::StatusOr<std::vector<ExportedDocument>> Read(const std::string& open_with) {
    if (auto status = Frame(); !status.ok()) return status;
    if (auto status = Key(open_with); !status.ok()) return status;
    if (auto status = Digest(); !status.ok()) return status;
    std::vector<ExportedDocument> documents;
    for (size_t i = 1; i + 1 < lines_.size(); ++i) {
      auto opened = Open(lines_[i]);
      if (!opened.ok())
        return absl::Status(opened.status().code(),
                            absl::StrCat("line ", i + 1, ": ", opened.status().message()));
      documents.push_back({static_cast<int>(i + 1), *std::move(opened)});
    }
    return documents;
  }

 private:
  absl::Status Frame() {
    lines_ = absl::StrSplit(content_, '\n', absl::SkipEmpty());
    if (lines_.size() < 2 || !absl::StartsWith(lines_.back(), kEnd))
      return absl::DataLossError("the export is cut off: its last line is missing");
    auto begin = ParseLine(lines_.front());
    auto end = ParseLine(lines_.back());
    if (!begin.ok()) return begin.status();
    if (!end.ok()) return absl::DataLossError("the export is cut off: its last line is not whole");
    begin_ = *std::move(begin);
    end_ = *std::move(end);
    const auto format = begin_.find("format");
    if (format == begin_.end() || *format != kFormat)
      return absl::InvalidArgumentError("the export is of another version's format");
    const auto count = end_.find("resources");
    if (count == end_.end() || *count != lines_.size() - 2)
      return absl::DataLossError("the export is cut off, or lines were put into it");
    id_ = TextOf(begin_, "id");
    return absl::OkStatus();
  }

  absl::Status Key(const std::string& open_with) {
    const auto sealed_to = begin_.find("sealedTo");
    if (sealed_to == begin_.end()) {
      if (open_with.empty()) return absl::OkStatus();
      return absl::InvalidArgumentError(
          "the export is not sealed, its secrets were left out: leave out --open-with");
    }
    auto wrapped = WrappedOf(*sealed_to);
    if (!wrapped.ok()) return wrapped.status();
    if (open_with.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the export is sealed: say --open-with ",
          wrapped->recipient.empty() ? std::string("passphrase:FILE")
                                     : absl::StrCat("FILE, the private key whose public key has "
                                                    "SHA-256 ",
                                                    wrapped->recipient)));
    }
    auto key = Unwrap(open_with, *wrapped);
    if (!key.ok()) return key.status();
    auto sealer = SealerWith(*std::move(key));
    if (!sealer.ok()) return sealer.status();
    sealer_ = *std::move(sealer);
    return absl::OkStatus();
  }

  absl::Status Digest() {
    const size_t covered = static_cast<size_t>(lines_.back().data() - content_.data());
    const std::string digest = base::Hex(crypto::Sha256(content_.substr(0, covered)));
    if (TextOf(end_, "sha256") != digest)
      return absl::DataLossError("the export was changed: its SHA-256 is another");
    if (sealer_ == nullptr) return absl::OkStatus();
    const auto sealed = OpenText(*sealer_, {id_, "end", "sha256"}, TextOf(end_, "seal"));
    if (!sealed.ok() || sealed->Reveal() != digest)
      return absl::DataLossError("the export was changed by somebody who could not seal it");
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Open(absl::string_view line) {
    auto document = ParseLine(line);
    if (!document.ok()) return document.status();
    if (TextOf(*document, "kind") != "Stored" || document->contains("secrets"))
      return absl::InvalidArgumentError("is no resource of an export");
    const auto sealed = document->find("sealed");
    if (sealed == document->end()) return std::string(line);
    if (sealer_ == nullptr || !sealed->is_object())
      return absl::DataLossError("has a sealed value, in an export that is not sealed");
    const std::string record = RecordOf(*document);
    Json secrets = Json::object();
    for (const auto& [name, value] : sealed->items()) {
      if (!value.is_string()) return absl::DataLossError("a sealed value was changed");
      const auto opened = OpenText(*sealer_, {id_, record, name}, value.get<std::string>());
      if (!opened.ok()) return opened.status();
      secrets[name] = absl::Base64Escape(opened->Reveal());
    }
    document->erase("sealed");
    (*document)["secrets"] = std::move(secrets);
    return document->dump();
  }

  absl::string_view content_;
  std::vector<absl::string_view> lines_;
  Json begin_, end_;
  std::string id_;
  std::unique_ptr<const crypto::Sealer> sealer_;
};

}  // namespace

absl::StatusOr<ExportWriter> ExportWriter::Begin(absl::string_view facts,
                                                 const std::string& seal_to) {
  ExportWriter writer;
  writer.id_ = crypto::RandomHex(16);
  writer.text_ =
      absl::StrCat(kBegin, "\"format\":", kFormat, ",\"id\":\"", writer.id_, "\",", facts);
  if (!seal_to.empty()) {
    base::Secret key(crypto::RandomBytes(kFileKeySize));
    auto wrapped = Wrap(seal_to, key.Reveal());
    if (!wrapped.ok()) return wrapped.status();
    auto sealer = SealerWith(std::move(key));
    if (!sealer.ok()) return sealer.status();
    writer.sealer_ = *std::move(sealer);
    absl::StrAppend(&writer.text_, ",\"sealedTo\":{\"method\":\"", wrapped->method,
                    "\",\"recipient\":\"", wrapped->recipient, "\",\"given\":\"",
                    absl::Base64Escape(wrapped->given), "\",\"wrapped\":\"",
                    absl::Base64Escape(wrapped->wrapped), "\"}");
  }
  writer.text_ += "}\n";
  return writer;
}

absl::Status ExportWriter::Add(const v1::Resource& resource, const SecretsByName& secrets) {
  auto plain = dialects::StoredJson(resource, "sealed", "");
  if (!plain.ok()) return plain.status();
  if (sealer_ != nullptr && !secrets.empty()) {
    auto document = ParseLine(*plain);
    if (!document.ok()) return document.status();
    const std::string record = RecordOf(*document);
    Json sealed = Json::object();
    for (const auto& [name, secret] : secrets) {
      const auto one = sealer_->Seal({id_, record, name}, secret.Reveal());
      if (!one.ok()) return one.status();
      sealed[name] = SealedText(*one);
    }
    plain = dialects::StoredJson(resource, "sealed", sealed.dump());
    if (!plain.ok()) return plain.status();
  }
  absl::StrAppend(&text_, *plain, "\n");
  ++count_;
  return absl::OkStatus();
}

absl::StatusOr<std::string> ExportWriter::Finish() && {
  const std::string digest = base::Hex(crypto::Sha256(text_));
  absl::StrAppend(&text_, kEnd, "\"resources\":", count_, ",\"sha256\":\"", digest, "\"");
  if (sealer_ != nullptr) {
    const auto seal = sealer_->Seal({id_, "end", "sha256"}, digest);
    if (!seal.ok()) return seal.status();
    absl::StrAppend(&text_, ",\"seal\":\"", SealedText(*seal), "\"");
  }
  text_ += "}\n";
  return std::move(text_);
}

bool IsExport(absl::string_view content) { return absl::StartsWith(content, kBegin); }

std::string ExportSummary(absl::string_view content) {
  const std::vector<absl::string_view> lines = absl::StrSplit(content, '\n', absl::SkipEmpty());
  std::map<std::string, size_t> kinds;
  for (size_t i = 1; i + 1 < lines.size(); ++i) {
    const auto document = ParseLine(lines[i]);
    if (document.ok()) ++kinds[std::string(*absl::StrSplit(RecordOf(*document), '/').begin())];
  }
  std::vector<std::string> counts;
  for (const auto& [kind, count] : kinds) counts.push_back(absl::StrCat(count, " ", kind));
  const auto begin = ParseLine(lines.empty() ? "" : lines.front());
  const auto fact = [&](const char* name) { return begin.ok() ? TextOf(*begin, name) : ""; };
  return absl::StrCat("an export of store ", fact("store"), ", made ", fact("made"), ": ",
                      absl::StrJoin(counts, ", "));
}

std::vector<std::string> RestoreDoubts(absl::string_view content, uint64_t max_admin_bytes) {
  std::vector<std::string> doubts;
  if (content.size() > kMostFileBytes) {
    doubts.push_back(absl::StrCat("the export has ", content.size(),
                                  " bytes, but `sallyctl apply` reads files of at most ",
                                  kMostFileBytes));
  }
  if (content.size() > max_admin_bytes) {
    doubts.push_back(absl::StrCat("the export has ", content.size(),
                                  " bytes: where it is applied, grpc.max_admin_bytes must be as "
                                  "much; here it is ",
                                  max_admin_bytes));
  }
  const size_t most = dialects::ReadLimits().max_bytes;
  for (const absl::string_view line : absl::StrSplit(content, '\n')) {
    if (line.size() <= most && !absl::StrContains(line, kPrivateKeyMark)) continue;
    const auto document = ParseLine(line);
    const std::string what = document.ok() ? RecordOf(*document) : std::string("a line");
    if (line.size() > most) {
      doubts.push_back(
          absl::StrCat(what, " has ", line.size(), " bytes; at most ", most, " are taken again"));
    } else {
      doubts.push_back(absl::StrCat(what,
                                    " holds a private key in clear, as an older version stored it, "
                                    "and is not taken again: apply its document anew"));
    }
  }
  return doubts;
}

absl::StatusOr<std::vector<ExportedDocument>> ReadExport(const std::string& content,
                                                         const std::string& open_with) {
  return ExportReader(content).Read(open_with);
}

}  // namespace sallyport::authsvc::ctl
