#include "authsvc/snapshot/certificate_summary.h"

#include "shared/crypto/certificate.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc {

absl::Status Summarize(v1::Certificate* certificate) {
  auto* summary = certificate->mutable_summary();
  summary->Clear();
  if (certificate->chain_der().empty()) {
    if (certificate->public_key_der().empty()) {
      return absl::InvalidArgumentError("a certificate without chain_der and public_key_der");
    }
    summary->set_spki_sha256(crypto::Sha256(certificate->public_key_der()));
    return absl::OkStatus();
  }
  const auto first = crypto::ParseCertificate(certificate->chain_der(0));
  if (!first.ok()) return first.status();
  summary->set_spki_sha256((*first)->spki_sha256);
  summary->set_not_before_unix(absl::ToUnixSeconds((*first)->not_before));
  summary->set_not_after_unix(absl::ToUnixSeconds((*first)->not_after));
  summary->set_is_ca((*first)->is_ca);
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
