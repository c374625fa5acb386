#include "authsvc/rpc/denied_callers.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "authsvc/rpc/role.h"
#include "shared/base/log.h"
#include "shared/base/text.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kMostBytes = 16 << 20;
constexpr absl::string_view kByKey = "spki-sha256:";

std::string StampOf(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) return {};
  return absl::StrCat(facts.st_dev, ":", facts.st_ino, ":", facts.st_size, ":",
                      facts.st_mtim.tv_sec, ".", facts.st_mtim.tv_nsec, ":", facts.st_ctim.tv_sec,
                      ".", facts.st_ctim.tv_nsec);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const DeniedCallers>> DeniedCallers::Parse(absl::string_view text) {
  auto list = std::make_shared<DeniedCallers>();
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    absl::string_view key = line;
    if (absl::ConsumePrefix(&key, kByKey) && key.size() == 64 && base::IsHex(key)) {
      list->keys_.insert(absl::AsciiStrToLower(key));
    } else if (absl::StartsWith(line, "spiffe://") &&
               line.find_first_of(" \t") == absl::string_view::npos) {
      list->names_.emplace(line);
    } else {
      return absl::InvalidArgumentError(absl::StrCat(
          "line ", number, " is neither spiffe://NAME nor spki-sha256: and 64 hexadecimal digits",
          line.size() == 64 && base::IsHex(line)
              ? " (a fingerprint does not do: the signature can be changed)"
              : ""));
    }
  }
  return list;
}

bool DeniedCallers::Covers(const DeniedCallers& other) const {
  return std::all_of(other.names_.begin(), other.names_.end(),
                     [this](const std::string& name) { return names_.contains(name); }) &&
         std::all_of(other.keys_.begin(), other.keys_.end(),
                     [this](const std::string& key) { return keys_.contains(key); });
}

bool DeniedCallers::Denies(const PeerCertificate& certificate) const {
  if (certificate.spki_sha256.empty() && by_key()) return true;  // it cannot be told
  return keys_.contains(certificate.spki_sha256) ||
         std::any_of(certificate.uri_sans.begin(), certificate.uri_sans.end(),
                     [this](const std::string& name) { return names_.contains(name); });
}

std::vector<std::string> DeniedCallers::Entries() const {
  std::vector<std::string> entries(names_.begin(), names_.end());
  for (const std::string& key : keys_) entries.push_back(absl::StrCat(kByKey, key));
  return entries;
}

std::vector<std::string> DenyNames(const PeerCertificate& certificate) {
  if (certificate.spki_sha256.empty()) return {};
  std::vector<std::string> names = certificate.uri_sans;
  names.push_back(absl::StrCat(kByKey, certificate.spki_sha256));
  return names;
}

bool MayNameDataplane(const RoleMap& roles, absl::string_view entry, absl::string_view group) {
  // A key may be anybody's, and so may a certificate that the configuration gives its role.
  if (absl::StartsWith(entry, kByKey) || !roles.only_spiffe()) return true;
  const auto peer = roles.FindSpiffe(entry);
  return !peer.has_value() || (peer->role == Role::kDataplane && peer->group == group);
}

absl::StatusOr<std::shared_ptr<const DeniedCallers>> ReadDeniedCallers(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  if (file.is_open() && file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (!file.is_open() || text.fail()) {
    return absl::NotFoundError(
        absl::StrCat("cannot read ", path, ": make it, empty if nobody is denied"));
  }
  if (text.str().size() > kMostBytes)
    return absl::InvalidArgumentError(absl::StrCat(path, " is larger than 16 MB"));
  auto list = DeniedCallers::Parse(text.str());
  if (!list.ok())
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", list.status().message()));
  return list;
}

absl::StatusOr<std::unique_ptr<DeniedCallersFile>> DeniedCallersFile::Start(std::string path,
                                                                            RoleMap* roles) {
  std::unique_ptr<DeniedCallersFile> file(new DeniedCallersFile(std::move(path), roles));
  file->stamp_ = StampOf(file->path_);
  auto list = ReadDeniedCallers(file->path_);
  if (!list.ok()) {
    return absl::Status(list.status().code(),
                        absl::StrCat("denied_callers_file: ", list.status().message()));
  }
  file->Take(*std::move(list));
  return file;
}

void DeniedCallersFile::Take(std::shared_ptr<const DeniedCallers> list) {
  in_force_ = list;
  roles_->Deny(std::move(list));
}

bool DeniedCallersFile::Look() {
  std::string stamp = StampOf(path_);
  if (stamp == stamp_ && !stamp.empty()) return false;
  auto list = ReadDeniedCallers(path_);
  if (list.ok() && !(*list)->Covers(*in_force_) && stamp != shrunk_) {
    shrunk_ = std::move(stamp);
    return false;
  }
  if (list.ok()) Take(*list);
  const absl::Status& status = list.status();
  // One of no use stays so until it changes; one that cannot be read is tried again.
  if (status.ok() || absl::IsInvalidArgument(status)) stamp_ = std::move(stamp);
  if (!status.ok() && status.ToString() == complaint_) return false;
  complaint_ = status.ok() ? std::string() : status.ToString();
  base::Log(status.ok() ? base::Level::kInfo : base::Level::kError, "rpc.denied_callers",
            {{"file", path_}, {"result", status}});
  return status.ok();
}

}  // namespace sallyport::authsvc
