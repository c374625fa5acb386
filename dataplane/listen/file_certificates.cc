#include "dataplane/listen/file_certificates.h"

#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/base/log.h"
#include "shared/base/secret.h"

namespace sallyport::dataplane {
namespace {

std::string SignatureOf(const std::string& path) {
  struct stat facts = {};
  if (stat(path.c_str(), &facts) != 0) return {};
  return absl::StrCat(facts.st_dev, ":", facts.st_ino, ":", facts.st_size, ":",
                      facts.st_mtim.tv_sec, ".", facts.st_mtim.tv_nsec);
}

std::string SignatureOf(const CertificatePaths& paths) {
  const std::string certificate = SignatureOf(paths.certificate_file);
  const std::string key = SignatureOf(paths.key_file);
  return certificate.empty() || key.empty() ? std::string() : absl::StrCat(certificate, "/", key);
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path));
  }
  return text.str();
}

bool Names(const ServerCredential& credential, absl::string_view sni) {
  const size_t dot = sni.find('.');
  for (const std::string& name : credential.names()) {
    if (name == sni) return true;
    if (dot != absl::string_view::npos && absl::StartsWith(name, "*.") &&
        absl::string_view(name).substr(1) == sni.substr(dot)) {
      return true;
    }
  }
  return false;
}

}  // namespace

FileCertificates::FileCertificates(const TlsLibrary& library, std::vector<CertificatePaths> paths)
    : library_(library) {
  for (CertificatePaths& pair : paths) held_.push_back({std::move(pair), "", nullptr});
}

absl::Status FileCertificates::Read(Held* held) const {
  held->signature = SignatureOf(held->paths);
  const absl::StatusOr<std::string> chain = ReadFile(held->paths.certificate_file);
  if (!chain.ok()) return chain.status();
  absl::StatusOr<std::string> key = ReadFile(held->paths.key_file);
  if (!key.ok()) return key.status();
  const base::Secret secret(*std::move(key));
  auto credential = ServerCredential::FromPem(library_.context(), *chain, secret.Reveal());
  if (!credential.ok()) {
    return absl::Status(credential.status().code(),
                        absl::StrCat(held->paths.certificate_file, ": ",
                                     credential.status().message()));
  }
  held->credential = *std::move(credential);
  return absl::OkStatus();
}

absl::Status FileCertificates::Load() {
  for (Held& held : held_) {
    const absl::Status read = Read(&held);
    if (!read.ok()) return read;
  }
  return absl::OkStatus();
}

void FileCertificates::Refresh() {
  for (Held& held : held_) {
    const std::string signature = SignatureOf(held.paths);
    if (signature.empty() || signature == held.signature) continue;
    const absl::Status read = Read(&held);
    base::Log(read.ok() ? base::Level::kInfo : base::Level::kError, "listen.certificate_reload",
              {{"file", held.paths.certificate_file}, {"result", read}});
  }
}

std::shared_ptr<const ServerCredential> FileCertificates::Find(absl::string_view sni) const {
  for (const Held& held : held_) {
    if (held.credential != nullptr && Names(*held.credential, sni)) return held.credential;
  }
  return nullptr;
}

std::shared_ptr<const ServerCredential> FileCertificates::Default() const {
  return held_.empty() ? nullptr : held_.front().credential;
}

}  // namespace sallyport::dataplane
