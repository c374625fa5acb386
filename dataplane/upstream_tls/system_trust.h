// The trust store of this machine (DESIGN 7): every PEM certificate of every file in the
// directories, whatever the file's name, plus single bundle files. Changes are taken up within the
// poll interval; a file that cannot be read or holds no usable certificate is named in the log and
// skipped, and one that could not be read is tried again each time. A directory that has become
// unreadable, and a file that cannot be read for want of descriptors or memory, keep what was read
// last (and say so); a file that was removed is gone. Thread-safe. Start() runs one thread that
// reads; everybody else takes the current set by pointer.
#pragma once

#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/upstream_tls/trust_anchors.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {

struct SystemTrustOptions {
  std::vector<std::string> directories;  // both empty: OpenSSL's default directory of this machine
  std::vector<std::string> files;
  absl::Duration poll = absl::Seconds(5);
};

class SystemTrust {
 public:
  explicit SystemTrust(SystemTrustOptions options);
  ~SystemTrust();
  SystemTrust(const SystemTrust&) = delete;
  SystemTrust& operator=(const SystemTrust&) = delete;

  // Reads once before it returns, then watches on its own thread until destroyed.
  void Start();
  // Reads now; true when the set changed. For tests and for Start.
  bool Refresh();
  // Never null.
  [[nodiscard]] TrustAnchorsPtr current() const;

 private:
  struct Source {           // one file as last read
    std::string signature;  // device, inode, size, times; empty: it could not be read, try again
    std::vector<std::string> der;
    std::string complaint{};  // why it could not be read; logged
  };

  using Signatures = std::map<std::string, std::string>;  // by path

  void Watch();
  bool ListDirectory(const std::string& directory, Signatures* found)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(refresh_mutex_);
  Signatures ListFiles() ABSL_EXCLUSIVE_LOCKS_REQUIRED(refresh_mutex_);
  // True when what is held of the file may have changed.
  bool Take(const std::string& path, const std::string& signature)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(refresh_mutex_);
  static std::vector<std::string> UsableCertificates(const std::string& path,
                                                     const std::string& text);
  bool Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(refresh_mutex_);

  const SystemTrustOptions options_;
  base::Mutex refresh_mutex_;
  std::map<std::string, Source> sources_ ABSL_GUARDED_BY(refresh_mutex_);
  std::set<std::string> unreadable_
      ABSL_GUARDED_BY(refresh_mutex_);  // directories, said so already
  mutable base::Mutex mutex_;
  TrustAnchorsPtr current_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  base::CondVar wake_;
  std::thread thread_;
};

}  // namespace sallyport::dataplane
