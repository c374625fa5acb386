// Server certificates of this machine's files, taken up again when they change. A pair that cannot
// be used leaves the old one in force and is logged. One loop's thread (each loop holds OpenSSL
// objects of its own); the files are read by the CertificateWatch.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dataplane/listen/certificate_watch.h"
#include "dataplane/sync/authsvc_client.h"
#include "dataplane/tls/server_credential.h"
#include "dataplane/tls/tls_library.h"

namespace sallyport::dataplane {

class FileCertificates {
 public:
  // All outlive this. `loop` posts to the loop whose thread this belongs to.
  FileCertificates(const TlsLibrary& library, CertificateWatch& watch, Poster& loop,
                   std::vector<CertificatePaths> paths);
  ~FileCertificates();
  FileCertificates(const FileCertificates&) = delete;
  FileCertificates& operator=(const FileCertificates&) = delete;
  // The first reading, at once: every pair must be usable. Then they are watched.
  [[nodiscard]] absl::Status Load();
  // A pair that names `sni`, exactly or by one-label wildcard; null: none.
  [[nodiscard]] std::shared_ptr<const ServerCredential> Find(absl::string_view sni) const;
  // What is shown where no name matches: the first pair; null: there are none.
  [[nodiscard]] std::shared_ptr<const ServerCredential> Default() const;
  [[nodiscard]] bool empty() const { return held_.empty(); }

 private:
  struct Held {
    CertificatePaths paths;
    std::shared_ptr<const ServerCredential> credential;
  };
  [[nodiscard]] absl::Status Take(Held* held, const CertificateTexts& texts) const;
  void Watch(size_t index, std::string signature);
  void TellExpiry(size_t index);
  void OnChanged(size_t index, const absl::StatusOr<CertificateTextsPtr>& read);

  const TlsLibrary& library_;
  CertificateWatch& watch_;
  Poster& loop_;
  std::vector<Held> held_;
  std::vector<uint64_t> watched_;
  // For what is posted to the loop: it may run when this is gone.
  std::shared_ptr<FileCertificates*> alive_;
};

}  // namespace sallyport::dataplane
