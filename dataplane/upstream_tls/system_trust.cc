#include "dataplane/upstream_tls/system_trust.h"

#include <dirent.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "dataplane/upstream_tls/pem_file.h"
#include "shared/base/log.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kMaxFileBytes = 16u << 20;

SystemTrustOptions WithDefaults(SystemTrustOptions options) {
  if (options.directories.empty() && options.files.empty()) {
    options.directories.emplace_back(X509_get_default_cert_dir());
    options.files.emplace_back(X509_get_default_cert_file());
  }
  return options;
}

// Empty when it is no regular file.
std::string SignatureOf(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return {};
  return absl::StrCat(facts.st_dev, ".", facts.st_ino, ".", facts.st_size, ".",
                      facts.st_mtim.tv_sec, ".", facts.st_mtim.tv_nsec, ".", facts.st_ctim.tv_sec,
                      ".", facts.st_ctim.tv_nsec);
}

void LogSkipped(const std::string& path, absl::string_view why) {
  base::Log(base::Level::kWarning, "upstream_trust.file_skipped", {{"file", path}, {"why", why}});
}

}  // namespace

SystemTrust::SystemTrust(SystemTrustOptions options)
    : options_(WithDefaults(std::move(options))), current_(TrustAnchors::Build({}, nullptr)) {}

SystemTrust::~SystemTrust() {
  {
    const base::MutexLock lock(&mutex_);
    stop_ = true;
    wake_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
}

void SystemTrust::Start() {
  Refresh();
  thread_ = std::thread([this] { Watch(); });
}

void SystemTrust::Watch() {
  while (true) {
    {
      const base::MutexLock lock(&mutex_);
      if (!stop_) wake_.WaitWithTimeout(&mutex_, options_.poll);
      if (stop_) return;
    }
    Refresh();
  }
}

TrustAnchorsPtr SystemTrust::current() const {
  const base::MutexLock lock(&mutex_);
  return current_;
}

// False when the directory cannot be listed: what was read from it stays.
bool SystemTrust::ListDirectory(const std::string& directory, Signatures* found) {
  DIR* const handle = opendir(directory.c_str());
  if (handle == nullptr) {
    const int error = errno;
    if (unreadable_.insert(directory).second) {
      base::Log(base::Level::kWarning, "upstream_trust.directory_unreadable",
                {{"directory", directory}, {"why", std::strerror(error)}});
    }
    return false;
  }
  unreadable_.erase(directory);
  while (const dirent* const entry = readdir(handle)) {
    const std::string path = absl::StrCat(directory, "/", entry->d_name);
    std::string signature = SignatureOf(path);
    if (!signature.empty()) found->emplace(path, std::move(signature));
  }
  closedir(handle);
  return true;
}

SystemTrust::Signatures SystemTrust::ListFiles() {
  Signatures found;
  for (const std::string& file : options_.files) {
    std::string signature = SignatureOf(file);
    if (!signature.empty()) found.emplace(file, std::move(signature));
  }
  for (const std::string& directory : options_.directories) {
    if (ListDirectory(directory, &found)) continue;
    const std::string prefix = absl::StrCat(directory, "/");
    for (const auto& [path, source] : sources_) {
      if (path.compare(0, prefix.size(), prefix) == 0) found.emplace(path, source.signature);
    }
  }
  return found;
}

bool SystemTrust::Take(const std::string& path, const std::string& signature) {
  const absl::StatusOr<std::string> text = ReadWholeFile(path, kMaxFileBytes);
  Source& source = sources_[path];
  if (text.ok()) {
    source = {signature, UsableCertificates(path, *text)};
    return true;
  }
  const absl::Status& status = text.status();
  const bool shortage = absl::IsResourceExhausted(status);
  source.signature = shortage || absl::IsUnavailable(status) ? std::string() : signature;
  if (source.complaint != status.message()) {
    source.complaint = std::string(status.message());
    LogSkipped(path, source.complaint);
  }
  if (shortage) return false;
  source.der.clear();
  return true;
}

std::vector<std::string> SystemTrust::UsableCertificates(const std::string& path,
                                                         const std::string& text) {
  PemCertificates certificates = ReadPemCertificates({text.data(), text.size()});
  std::vector<size_t> unusable;
  const TrustAnchorsPtr tried = TrustAnchors::Build(certificates.der, &unusable);
  for (auto it = unusable.rbegin(); it != unusable.rend(); ++it) {
    certificates.der.erase(certificates.der.begin() + static_cast<std::ptrdiff_t>(*it));
  }
  const size_t broken = certificates.broken + unusable.size();
  if (certificates.der.empty()) {
    LogSkipped(path, "no usable PEM certificate in it");
  } else if (broken > 0) {
    base::Log(base::Level::kWarning, "upstream_trust.certificates_skipped",
              {{"file", path}, {"broken", static_cast<uint64_t>(broken)}});
  }
  return std::move(certificates.der);
}

bool SystemTrust::Refresh() {
  const base::MutexLock lock(&refresh_mutex_);
  const Signatures found = ListFiles();
  bool changed = false;
  for (auto it = sources_.begin(); it != sources_.end();) {
    const bool gone = found.find(it->first) == found.end();
    changed |= gone;
    it = gone ? sources_.erase(it) : std::next(it);
  }
  for (const auto& [path, signature] : found) {
    const auto held = sources_.find(path);
    if (held != sources_.end() && held->second.signature == signature) continue;
    changed |= Take(path, signature);
  }
  return changed && Publish();
}

bool SystemTrust::Publish() {
  std::vector<std::string> der;
  for (const auto& [path, source] : sources_) {
    der.insert(der.end(), source.der.begin(), source.der.end());
  }
  TrustAnchorsPtr made = TrustAnchors::Build(der, nullptr);
  const base::MutexLock lock(&mutex_);
  if (made->version() == current_->version()) return false;
  current_ = std::move(made);
  base::Log(base::Level::kInfo, "upstream_trust.loaded",
            {{"certificates", static_cast<uint64_t>(current_->size())}});
  return true;
}

}  // namespace sallyport::dataplane
