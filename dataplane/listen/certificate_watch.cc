#include "dataplane/listen/certificate_watch.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

std::string SignatureOf(const std::string& path) {
  struct stat facts = {};
  if (stat(path.c_str(), &facts) != 0) return {};
  // ctime as well: a key that could not be read changes by chmod alone.
  return absl::StrCat(facts.st_dev, ":", facts.st_ino, ":", facts.st_size, ":",
                      facts.st_mtim.tv_sec, ".", facts.st_mtim.tv_nsec, ":", facts.st_ctim.tv_sec,
                      ".", facts.st_ctim.tv_nsec);
}

// Empty: one of them is not there.
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

}  // namespace

absl::StatusOr<CertificateTextsPtr> ReadCertificateFiles(const CertificatePaths& paths) {
  auto texts = std::make_shared<CertificateTexts>();
  texts->signature = SignatureOf(paths);
  absl::StatusOr<std::string> chain = ReadFile(paths.certificate_file);
  if (!chain.ok()) return chain.status();
  absl::StatusOr<std::string> key = ReadFile(paths.key_file);
  if (!key.ok()) return key.status();
  texts->chain_pem = *std::move(chain);
  texts->key_pem = base::Secret(*std::move(key));
  return CertificateTextsPtr(std::move(texts));
}

CertificateWatch::~CertificateWatch() {
  std::thread thread;
  {
    const base::MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.SignalAll();
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

uint64_t CertificateWatch::Add(CertificatePaths paths, std::string signature, Changed changed) {
  const base::MutexLock lock(&mutex_);
  const uint64_t id = ++last_id_;
  watched_[id] = {std::move(paths), std::move(signature),
                  std::make_shared<const Changed>(std::move(changed)), absl::InfiniteFuture()};
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  return id;
}

void CertificateWatch::Remove(uint64_t id) {
  const base::MutexLock lock(&mutex_);
  watched_.erase(id);
  while (looking_at_ == id) looked_.Wait(&mutex_);
}

void CertificateWatch::InForce(uint64_t id, absl::Time not_after) {
  const base::MutexLock lock(&mutex_);
  const auto found = watched_.find(id);
  if (found != watched_.end()) found->second.not_after = not_after;
}

absl::Time CertificateWatch::SoonestExpiry() const {
  const base::MutexLock lock(&mutex_);
  absl::Time soonest = absl::InfiniteFuture();
  for (const auto& [id, watched] : watched_) soonest = std::min(soonest, watched.not_after);
  return soonest;
}

uint64_t CertificateWatch::Next(uint64_t id) {
  const auto next = watched_.upper_bound(id);
  return next == watched_.end() ? 0 : next->first;
}

void CertificateWatch::Look(uint64_t id) {
  const Watched before = watched_[id];
  looking_at_ = id;
  mutex_.Unlock();
  std::string signature = SignatureOf(before.paths);
  if (!signature.empty() && signature != before.signature) {
    (*before.changed)(ReadCertificateFiles(before.paths));
  }
  mutex_.Lock();
  looking_at_ = 0;
  looked_.SignalAll();
  const auto now = watched_.find(id);
  if (now != watched_.end() && !signature.empty()) now->second.signature = std::move(signature);
}

void CertificateWatch::Run() {
  const base::MutexLock lock(&mutex_);
  while (!stopping_) {
    wake_.WaitWithTimeout(&mutex_, interval_);
    for (uint64_t id = Next(0); id != 0 && !stopping_; id = Next(id)) Look(id);
  }
}

}  // namespace sallyport::dataplane
