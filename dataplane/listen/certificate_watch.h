// Certificate files of this machine, read again when they change: on one thread for the whole
// process, so that no loop waits for a disk. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "shared/base/mutex.h"
#include "shared/base/secret.h"

namespace sallyport::dataplane {

struct CertificatePaths {
  std::string certificate_file;
  std::string key_file;
};

// What the two files of a pair hold.
struct CertificateTexts {
  std::string chain_pem;
  base::Secret key_pem;
  // Of the files as they were before they were read: other ones have another.
  std::string signature;
};
using CertificateTextsPtr = std::shared_ptr<const CertificateTexts>;

// NotFound when one of them cannot be read.
[[nodiscard]] absl::StatusOr<CertificateTextsPtr> ReadCertificateFiles(
    const CertificatePaths& paths);

class CertificateWatch {
 public:
  using Changed = std::function<void(const absl::StatusOr<CertificateTextsPtr>&)>;

  explicit CertificateWatch(absl::Duration interval = absl::Seconds(1)) : interval_(interval) {}
  ~CertificateWatch();  // stops
  CertificateWatch(const CertificateWatch&) = delete;
  CertificateWatch& operator=(const CertificateWatch&) = delete;

  // Calls `changed` on the watch's thread each time the files are others than `signature` says, and
  // then than those that were read last. Files that are not there are waited for. `changed` must
  // not block, nor call the watch.
  [[nodiscard]] uint64_t Add(CertificatePaths paths, std::string signature, Changed changed);
  // `changed` is not called any more once this returns.
  void Remove(uint64_t id);
  // Whoever added `id` serves with a certificate of those files that ends then.
  void InForce(uint64_t id, absl::Time not_after);
  // The soonest end of all that are in force; InfiniteFuture: there are none.
  [[nodiscard]] absl::Time SoonestExpiry() const;

 private:
  struct Watched {
    CertificatePaths paths;
    std::string signature;
    std::shared_ptr<const Changed> changed;
    absl::Time not_after = absl::InfiniteFuture();
  };
  void Run();
  // The first one after `id` in turn; 0: none.
  [[nodiscard]] uint64_t Next(uint64_t id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Look(uint64_t id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const absl::Duration interval_;
  mutable base::Mutex mutex_;
  base::CondVar wake_, looked_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t looking_at_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Watched> watched_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::dataplane
