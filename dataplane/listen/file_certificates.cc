#include "dataplane/listen/file_certificates.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/base/log.h"

namespace sallyport::dataplane {
namespace {

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

FileCertificates::FileCertificates(const TlsLibrary& library, CertificateWatch& watch, Poster& loop,
                                   std::vector<CertificatePaths> paths)
    : library_(library),
      watch_(watch),
      loop_(loop),
      alive_(std::make_shared<FileCertificates*>(this)) {
  for (CertificatePaths& pair : paths) held_.push_back({std::move(pair), nullptr});
}

FileCertificates::~FileCertificates() {
  for (const uint64_t id : watched_) watch_.Remove(id);
}

absl::Status FileCertificates::Take(Held* held, const CertificateTexts& texts) const {
  auto credential = ServerCredential::FromPem(library_, texts.chain_pem, texts.key_pem.Reveal());
  if (!credential.ok()) {
    return absl::Status(credential.status().code(), absl::StrCat(held->paths.certificate_file, ": ",
                                                                 credential.status().message()));
  }
  held->credential = *std::move(credential);
  return absl::OkStatus();
}

absl::Status FileCertificates::Load() {
  for (size_t index = 0; index < held_.size(); ++index) {
    const auto texts = ReadCertificateFiles(held_[index].paths);
    if (!texts.ok()) return texts.status();
    const absl::Status taken = Take(&held_[index], **texts);
    if (!taken.ok()) return taken;
    Watch(index, (*texts)->signature);
    TellExpiry(index);
  }
  return absl::OkStatus();
}

void FileCertificates::Watch(size_t index, std::string signature) {
  const std::weak_ptr<FileCertificates*> weak = alive_;
  watched_.push_back(
      watch_.Add(held_[index].paths, std::move(signature),
                 [loop = &loop_, weak, index](const absl::StatusOr<CertificateTextsPtr>& read) {
                   loop->Post([weak, index, read] {
                     const auto alive = weak.lock();
                     if (alive != nullptr) (*alive)->OnChanged(index, read);
                   });
                 }));
}

void FileCertificates::TellExpiry(size_t index) {
  watch_.InForce(watched_[index], held_[index].credential->not_after());
}

void FileCertificates::OnChanged(size_t index, const absl::StatusOr<CertificateTextsPtr>& read) {
  const absl::Status taken = read.ok() ? Take(&held_[index], **read) : read.status();
  if (taken.ok()) TellExpiry(index);
  base::Log(taken.ok() ? base::Level::kInfo : base::Level::kError, "listen.certificate_reload",
            {{"file", held_[index].paths.certificate_file}, {"result", taken}});
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
