#include "authsvc/change/shared_secrets.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "authsvc/change/invalid.h"
#include "shared/crypto/sealer.h"
#include "shared/jwt/algorithm.h"
#include "shared/jwt/key.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kMostSecrets = 8;      // old and new ones of a rotation
constexpr size_t kMostOpened = 10'000;  // issuers

std::string IssuerRecord(const v1::TokenIssuer& issuer) {
  return absl::StrCat("token_issuer/", issuer.id());
}
std::string SecretName(size_t index) { return absl::StrCat("shared_secrets/", index); }

bool SealsAll(const ValueSealing& sealing, const v1::TokenIssuer& stored,
              const std::vector<base::Secret>& secrets) {
  if (static_cast<size_t>(stored.shared_secrets_size()) != secrets.size()) return false;
  for (int i = 0; i < stored.shared_secrets_size(); ++i) {
    const auto opened = OpenSharedSecret(sealing, stored, i);
    if (!opened.ok() || opened->Reveal() != secrets[static_cast<size_t>(i)].Reveal()) return false;
  }
  return true;
}

bool SignsBySecret(const v1::TokenIssuer& issuer) {
  return std::any_of(issuer.algorithms().begin(), issuer.algorithms().end(),
                     [](const std::string& name) {
                       const auto algorithm = jwt::AlgorithmFromName(name);
                       return algorithm.has_value() && jwt::IsSymmetric(*algorithm);
                     });
}

absl::Status CheckSecrets(const std::vector<base::Secret>& secrets) {
  if (secrets.size() > kMostSecrets)
    return Invalid("shared_secrets: more than ", kMostSecrets, " of them");
  for (size_t i = 0; i < secrets.size(); ++i) {
    const auto key = jwt::MakeSecretKey(base::Secret::CopyOf(secrets[i].Reveal()));
    if (!key.ok()) return Invalid("shared_secrets[", i, "]: ", key.status().message());
    for (size_t before = 0; before < i; ++before) {
      if (secrets[before].Reveal() == secrets[i].Reveal())
        return Invalid("shared_secrets[", i, "] stands twice");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SealSharedSecrets(const ValueSealing& sealing,
                               const std::vector<base::Secret>& secrets,
                               const v1::TokenIssuer* stored, v1::TokenIssuer* issuer) {
  if (!issuer->shared_secrets().empty()) {
    return absl::InvalidArgumentError(
        "shared_secrets are sealed by the store: they are given by Apply, as texts of a document");
  }
  const bool keep = secrets.empty() || (stored != nullptr && sealing.sealer != nullptr &&
                                        SealsAll(sealing, *stored, secrets));
  if (keep) {
    if (stored != nullptr && SignsBySecret(*issuer))
      *issuer->mutable_shared_secrets() = stored->shared_secrets();
    if (secrets.empty() || !issuer->shared_secrets().empty()) return absl::OkStatus();
  }
  if (auto status = CheckSecrets(secrets); !status.ok()) return status;
  if (sealing.sealer == nullptr)
    return absl::FailedPreconditionError("no master key is configured: shared secrets are refused");
  const std::string record = IssuerRecord(*issuer);
  for (size_t i = 0; i < secrets.size(); ++i) {
    const std::string field = SecretName(i);
    auto sealed = sealing.sealer->Seal({sealing.store_id, record, field}, secrets[i].Reveal());
    if (!sealed.ok()) return sealed.status();
    v1::SealedSecret* const out = issuer->add_shared_secrets();
    out->set_master_key_id(std::move(sealed->master_key_id));
    out->set_wrapped_data_key(std::move(sealed->wrapped_data_key));
    out->set_ciphertext(std::move(sealed->ciphertext));
  }
  return absl::OkStatus();
}

absl::StatusOr<base::Secret> OpenSharedSecret(const ValueSealing& sealing,
                                              const v1::TokenIssuer& issuer, int index) {
  return OpenValue(sealing, IssuerRecord(issuer), SecretName(static_cast<size_t>(index)),
                   issuer.shared_secrets(index));
}

std::shared_ptr<const jwt::KeySet> SecretKeys::Open(const ValueSealing& sealing,
                                                    const v1::TokenIssuer& issuer) {
  if (sealing.sealer == nullptr || issuer.shared_secrets().empty()) return nullptr;
  std::string ciphertexts;
  for (const v1::SealedSecret& sealed : issuer.shared_secrets())
    absl::StrAppend(&ciphertexts, sealed.ciphertext().size(), ":", sealed.ciphertext());
  {
    base::MutexLock lock(&mutex_);
    const auto found = opened_.find(issuer.id());
    if (found != opened_.end() && found->second.ciphertexts == ciphertexts)
      return found->second.keys;
  }
  auto keys = std::make_shared<jwt::KeySet>();
  for (int i = 0; i < issuer.shared_secrets_size(); ++i) {
    auto opened = OpenSharedSecret(sealing, issuer, i);
    if (!opened.ok()) return nullptr;
    auto key = jwt::MakeSecretKey(*std::move(opened));
    if (!key.ok()) return nullptr;
    keys->keys.push_back(*std::move(key));
  }
  base::MutexLock lock(&mutex_);
  if (opened_.size() >= kMostOpened) opened_.clear();
  opened_.insert_or_assign(issuer.id(), Opened{std::move(ciphertexts), keys});
  return keys;
}

}  // namespace sallyport::authsvc
