#include "authsvc/rpc/tls_credentials.h"

#include <fcntl.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "shared/base/log.h"
#include "shared/crypto/pem.h"
#include "shared/crypto/private_key.h"

namespace sallyport::authsvc {
namespace {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file.is_open() || text.str().empty()) {
    return absl::NotFoundError(
        absl::StrCat("cannot read ", path, " (grpc.tls_dir; `sallyctl init` makes one)"));
  }
  return text.str();
}

struct Content {
  base::Secret identity;  // PEM of the chain and of its key
  std::string authorities;
  absl::Time not_after;
};

absl::StatusOr<Content> ReadFiles(const config::TlsDirectory& directory) {
  if (directory.path.empty()) {
    return absl::InvalidArgumentError("grpc.tls_dir is not set: authsvc only speaks mutual TLS");
  }
  auto certificate = ReadFile(directory.certificate());
  auto key = ReadFile(directory.key());
  auto authorities = ReadFile(directory.authorities());
  for (const absl::Status& status : {certificate.status(), key.status(), authorities.status()}) {
    if (!status.ok()) return status;
  }
  base::Secret identity(absl::StrCat(*certificate, "\n", *key));
  base::Cleanse(&*key);
  const auto bundle = crypto::ParsePem(identity.Reveal());
  if (!bundle.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(directory.certificate(), " with ",
                                                   directory.key(), ": ",
                                                   std::string(bundle.status().message())));
  }
  if (bundle->chain.empty() || bundle->private_key.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(bundle->chain.empty() ? directory.certificate() : directory.key(),
                     " holds no ", bundle->chain.empty() ? "certificate" : "private key"));
  }
  const auto roots = crypto::ParsePem(*authorities);
  if (!roots.ok() || roots->chain.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(directory.authorities(), " holds no certificate of a CA"));
  }
  return Content{std::move(identity), *std::move(authorities), bundle->chain.front()->not_after};
}

// Also of what only changes whether it can be read: ctime.
std::string StampOf(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) return {};
  return absl::StrCat(facts.st_dev, ":", facts.st_ino, ":", facts.st_size, ":",
                      facts.st_mtim.tv_sec, ".", facts.st_mtim.tv_nsec, ":", facts.st_ctim.tv_sec,
                      ".", facts.st_ctim.tv_nsec);
}

std::array<std::string, 3> StampsOf(const config::TlsDirectory& directory) {
  return {StampOf(directory.certificate()), StampOf(directory.key()),
          StampOf(directory.authorities())};
}

absl::Status SystemError(absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", std::strerror(errno)));
}

bool WriteWhole(int fd, absl::string_view content) {
  while (!content.empty()) {
    const ssize_t count = write(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    content.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

// Never to be executed, where the kernel knows of that (6.3); some are set up to give no other.
int NewMemory() {
  constexpr char kName[] = "sallyport-tls";
  const int fd = memfd_create(kName, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
  return fd >= 0 || errno != EINVAL ? fd : memfd_create(kName, MFD_CLOEXEC);
}

constexpr unsigned kSecondsBetweenReads = 1;  // of gRPC, in the files in memory

}  // namespace

ServerTlsFiles::MemoryFile::~MemoryFile() {
  if (fd_ >= 0) close(fd_);
}

absl::Status ServerTlsFiles::MemoryFile::Fill(absl::string_view content) {
  fd_ = NewMemory();
  if (fd_ < 0) return SystemError("memfd_create");
  return WriteWhole(fd_, content) ? absl::OkStatus() : SystemError("writing to memory");
}

absl::Status ServerTlsFiles::MemoryFile::Become(MemoryFile* other) {
  if (fd_ < 0) {
    fd_ = std::exchange(other->fd_, -1);
    return absl::OkStatus();
  }
  return dup3(other->fd_, fd_, O_CLOEXEC) >= 0 ? absl::OkStatus() : SystemError("dup3");
}

std::string ServerTlsFiles::MemoryFile::path() const { return absl::StrCat("/proc/self/fd/", fd_); }

absl::StatusOr<std::unique_ptr<ServerTlsFiles>> ServerTlsFiles::Start(
    const config::TlsDirectory& directory, absl::Duration interval) {
  std::unique_ptr<ServerTlsFiles> files(new ServerTlsFiles(directory));
  files->stamps_ = StampsOf(directory);
  if (absl::Status status = files->Take(); !status.ok()) return status;
  // gRPC would only log it.
  if (auto readable = ReadFile(files->authorities_.path()); !readable.ok()) {
    return absl::FailedPreconditionError("/proc/self/fd cannot be read: is /proc mounted?");
  }
  auto provider = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      files->identity_.path(), files->identity_.path(), files->authorities_.path(),
      kSecondsBetweenReads);
  grpc::experimental::TlsServerCredentialsOptions options(provider);
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  files->credentials_ = grpc::experimental::TlsServerCredentials(options);
  files->thread_ = std::thread([raw = files.get(), interval] { raw->Watch(interval); });
  return files;
}

ServerTlsFiles::~ServerTlsFiles() {
  {
    const base::MutexLock lock(&mutex_);
    closing_ = true;
    changed_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status ServerTlsFiles::Take() {
  const auto content = ReadFiles(directory_);
  if (!content.ok()) return content.status();
  // Both are there before the first changes.
  MemoryFile authorities;
  MemoryFile identity;
  absl::Status status = authorities.Fill(content->authorities);
  if (status.ok()) status = identity.Fill(content->identity.Reveal());
  if (status.ok()) status = authorities_.Become(&authorities);
  if (status.ok()) status = identity_.Become(&identity);
  if (status.ok()) not_after_unix_.store(absl::ToUnixSeconds(content->not_after));
  return status;
}

void ServerTlsFiles::Watch(absl::Duration interval) {
  for (;;) {
    {
      const base::MutexLock lock(&mutex_);
      if (!closing_) changed_.WaitWithTimeout(&mutex_, interval);
      if (closing_) return;
    }
    Look();
  }
}

void ServerTlsFiles::Look() {
  std::array<std::string, 3> now = StampsOf(directory_);
  if (now == stamps_) {
    complaint_.clear();
    return;
  }
  const absl::Status status = Take();
  // Files of no use stay so until they change; whatever else it was may pass, and is said once
  // meanwhile.
  const bool settled = status.ok() || absl::IsInvalidArgument(status);
  if (settled) stamps_ = std::move(now);
  std::string complaint = settled ? std::string() : status.ToString();
  if (!settled && complaint == complaint_) return;
  complaint_ = std::move(complaint);
  base::Log(status.ok() ? base::Level::kInfo : base::Level::kError, "rpc.certificate_reload",
            {{"directory", directory_.path}, {"result", status}});
}

}  // namespace sallyport::authsvc
