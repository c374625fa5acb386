// Server credentials from a directory that is swapped as a whole.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/base/mutex.h"
#include "shared/base/secret.h"
#include "shared/config/tls_files.h"

namespace grpc {
class ServerCredentials;
}

namespace sallyport::authsvc {

// gRPC takes whatever it finds in its files, and refuses every connection while that is broken. It
// is therefore given files of ours, in memory only, that change when a certificate, key and CA that
// fit together stand in the directory; anything else is logged ("rpc.certificate_reload") and the
// old ones stay. What cannot be read just now is tried again at each look. A client certificate of
// the control CA is required and verified.
class ServerTlsFiles {
 public:
  // Looks at the directory every `interval`; what is wrong at the start is an error.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<ServerTlsFiles>> Start(
      const config::TlsDirectory& directory, absl::Duration interval);
  // After the server that uses the credentials.
  ~ServerTlsFiles();
  ServerTlsFiles(const ServerTlsFiles&) = delete;
  ServerTlsFiles& operator=(const ServerTlsFiles&) = delete;

  [[nodiscard]] std::shared_ptr<grpc::ServerCredentials> credentials() const {
    return credentials_;
  }
  // Of the certificate in force. Thread-safe.
  [[nodiscard]] absl::Time not_after() const {
    return absl::FromUnixSeconds(not_after_unix_.load());
  }

 private:
  // A file without a name: read by path, replaced as a whole.
  class MemoryFile {
   public:
    MemoryFile() = default;
    ~MemoryFile();
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    // Of an empty one.
    [[nodiscard]] absl::Status Fill(absl::string_view content);
    // Has the content of `other` afterwards, at its own path.
    [[nodiscard]] absl::Status Become(MemoryFile* other);
    [[nodiscard]] std::string path() const;

   private:
    int fd_ = -1;
  };

  explicit ServerTlsFiles(config::TlsDirectory directory) : directory_(std::move(directory)) {}
  [[nodiscard]] absl::Status Take();
  void Watch(absl::Duration interval);
  void Look();

  const config::TlsDirectory directory_;
  std::array<std::string, 3> stamps_;  // of the files as last taken, or found to be of no use
  std::string complaint_;              // why they cannot be read just now; logged
  MemoryFile
      identity_;  // certificate and key: one file, so that gRPC never reads halves of two pairs
  MemoryFile authorities_;
  std::shared_ptr<grpc::ServerCredentials> credentials_;
  std::atomic<int64_t> not_after_unix_{0};
  base::Mutex mutex_;
  base::CondVar changed_;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sallyport::authsvc
