#include "authsvc/change/certificate_record.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "authsvc/snapshot/certificate_summary.h"
#include "shared/base/text.h"
#include "shared/crypto/certificate.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/private_key.h"
#include "shared/crypto/sealer.h"

namespace sallyport::authsvc {
namespace {

constexpr char kField[] = "private_key";

std::string RecordName(absl::string_view id) { return absl::StrCat("certificate/", id); }

absl::Status CheckBelongs(const GivenKey& given, const v1::Certificate& certificate) {
  if (certificate.chain_der().empty()) {
    return absl::InvalidArgumentError("a bare public key has no private key");
  }
  // Decoding both again is most of what a certificate with its key costs.
  if (given.proven_for == crypto::Sha256(certificate.chain_der(0))) return absl::OkStatus();
  const auto parsed = crypto::ParseCertificate(certificate.chain_der(0));
  if (!parsed.ok()) return parsed.status();
  const auto key = crypto::LoadPrivateKey(given.pkcs8_der);
  if (!key.ok()) return key.status();
  if (crypto::KeyMatches(**parsed, key->get())) return absl::OkStatus();
  return absl::InvalidArgumentError("private key does not match public key");
}

}  // namespace

absl::Status SetCertificateId(v1::Certificate* certificate) {
  const bool has_chain = !certificate->chain_der().empty();
  if (has_chain == !certificate->public_key_der().empty()) {
    return absl::InvalidArgumentError("a certificate has either chain_der or public_key_der");
  }
  const std::string& content =
      has_chain ? certificate->chain_der(0) : certificate->public_key_der();
  const std::string id = absl::StrCat(certificate->org_id(), base::Hex(crypto::Sha256(content)));
  if (!certificate->id().empty() && certificate->id() != id) {
    return absl::InvalidArgumentError(
        absl::StrCat("certificate id ", certificate->id(), " is not that of its content: ", id));
  }
  certificate->set_id(id);
  return absl::OkStatus();
}

absl::Status CompleteCertificate(const CertificateSealing& sealing, const GivenKey& given,
                                 const v1::Certificate* stored, v1::Certificate* certificate) {
  if (certificate->has_private_key()) {
    return absl::InvalidArgumentError("private_key is sealed by the store and cannot be given");
  }
  if (auto status = Summarize(certificate); !status.ok()) return status;
  if (!given.pkcs8_der.empty()) {
    if (auto status = CheckBelongs(given, *certificate); !status.ok()) return status;
  }
  if (stored != nullptr && stored->has_private_key()) {
    *certificate->mutable_private_key() = stored->private_key();
    return absl::OkStatus();
  }
  if (given.pkcs8_der.empty()) return absl::OkStatus();
  if (sealing.sealer == nullptr) {
    return absl::FailedPreconditionError("no master key is configured: private keys are refused");
  }
  const std::string record = RecordName(certificate->id());
  auto sealed = sealing.sealer->Seal({sealing.store_id, record, kField}, given.pkcs8_der);
  if (!sealed.ok()) return sealed.status();
  auto* secret = certificate->mutable_private_key();
  secret->set_master_key_id(std::move(sealed->master_key_id));
  secret->set_wrapped_data_key(std::move(sealed->wrapped_data_key));
  secret->set_ciphertext(std::move(sealed->ciphertext));
  return absl::OkStatus();
}

absl::StatusOr<base::Secret> OpenSealedKey(const CertificateSealing& sealing,
                                           absl::string_view certificate_id,
                                           const v1::SealedSecret& sealed) {
  if (sealing.sealer == nullptr) {
    return absl::FailedPreconditionError("no master key is configured: private keys stay sealed");
  }
  const std::string record = RecordName(certificate_id);
  return sealing.sealer->Open(
      {sealing.store_id, record, kField},
      {sealed.master_key_id(), sealed.wrapped_data_key(), sealed.ciphertext()});
}

}  // namespace sallyport::authsvc
