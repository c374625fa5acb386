// Server certificates of this machine's files, read again when they change. A pair that cannot be used
// leaves the old one in force and is logged. One loop's thread (each loop holds OpenSSL objects of its own).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dataplane/tls/server_credential.h"
#include "dataplane/tls/tls_library.h"

namespace sallyport::dataplane {

struct CertificatePaths {
  std::string certificate_file;
  std::string key_file;
};

class FileCertificates {
 public:
  // `library` outlives this.
  FileCertificates(const TlsLibrary& library, std::vector<CertificatePaths> paths);
  // The first reading: every pair must be usable.
  [[nodiscard]] absl::Status Load();
  // Reads what has changed since; call every few seconds.
  void Refresh();
  // A pair that names `sni`, exactly or by one-label wildcard; null: none.
  [[nodiscard]] std::shared_ptr<const ServerCredential> Find(absl::string_view sni) const;
  // What is shown where no name matches: the first pair; null: there are none.
  [[nodiscard]] std::shared_ptr<const ServerCredential> Default() const;
  [[nodiscard]] bool empty() const { return held_.empty(); }

 private:
  struct Held {
    CertificatePaths paths;
    std::string signature;
    std::shared_ptr<const ServerCredential> credential;
  };
  [[nodiscard]] absl::Status Read(Held* held) const;
  const TlsLibrary& library_;
  std::vector<Held> held_;
};

}  // namespace sallyport::dataplane
