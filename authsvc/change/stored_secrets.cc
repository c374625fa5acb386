#include "authsvc/change/stored_secrets.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "authsvc/change/certificate_record.h"
#include "authsvc/change/handler_headers.h"
#include "authsvc/change/login.h"
#include "authsvc/change/proxy_password.h"
#include "authsvc/change/secret_data.h"
#include "authsvc/change/secret_names.h"
#include "authsvc/change/shared_secrets.h"
#include "authsvc/change/upstream_credential.h"
#include "authsvc/events/credential_headers.h"
#include "authsvc/snapshot/resource.h"

namespace sallyport::authsvc {
namespace {

class Taker {
 public:
  Taker(const ValueSealing& sealing, const v1::Resource& resource)
      : sealing_(sealing), resource_(resource) {}

  absl::StatusOr<SecretsByName> Take() {
    if (resource_.has_certificate()) OfCertificate(resource_.certificate());
    if (resource_.has_key()) OfKey(resource_.key());
    if (resource_.has_api()) OfApi(resource_.api());
    if (resource_.has_token_issuer()) OfIssuer(resource_.token_issuer());
    if (resource_.has_secret()) OfSecret(resource_.secret());
    if (!status_.ok()) return status_;
    return std::move(secrets_);
  }

 private:
  void Put(absl::string_view name, absl::StatusOr<base::Secret> secret) {
    if (secret.ok()) {
      secrets_[std::string(name)] = *std::move(secret);
    } else if (status_.ok()) {
      status_ =
          absl::Status(secret.status().code(), absl::StrCat(name, ": ", secret.status().message()));
    }
  }

  void OfCertificate(const v1::Certificate& certificate) {
    if (!certificate.has_private_key()) return;
    Put(kPrivateKey, OpenSealedKey({sealing_.sealer, sealing_.store_id}, certificate.id(),
                                   certificate.private_key()));
  }
  void OfKey(const v1::Key& key) {
    std::string hashes;
    for (const std::string& hash : key.token_sha256()) hashes += hash;
    if (!hashes.empty()) Put(kTokenHashes, base::Secret(std::move(hashes)));
    if (key.basic_login().has_sealed_hash()) Put(kLoginHash, OpenLoginHash(sealing_, key));
  }
  void OfApi(const v1::Api& api) {
    if (api.upstream().forward_proxy().has_sealed_password())
      Put(kProxyPassword, OpenProxyPassword(sealing_, api));
    if (api.upstream().credential().has_sealed_value())
      Put(kUpstreamCredential, OpenOwnCredential(sealing_, api));
    for (const v1::EventHandler& handler : api.event_handlers()) {
      for (const auto& [name, sealed] : handler.sealed_headers())
        PutHeader(handler, name, OpenHandlerHeader(sealing_, api, handler, name));
      for (const auto& [name, value] : handler.headers()) {  // as before they were sealed
        if (!value.empty() && IsCredentialHeader(name))
          PutHeader(handler, name, base::Secret::CopyOf(value));
      }
    }
  }
  // Records of before two of one name were refused.
  void PutHeader(const v1::EventHandler& handler, absl::string_view header,
                 absl::StatusOr<base::Secret> value) {
    const std::string name = HandlerHeaderSecret(handler, header);
    const auto there = secrets_.find(name);
    if (value.ok() && there != secrets_.end() && there->second.Reveal() != value->Reveal()) {
      value = absl::FailedPreconditionError(
          "two handlers of one event and url have different values: put the API again with one");
    }
    Put(name, std::move(value));
  }
  void OfIssuer(const v1::TokenIssuer& issuer) {
    for (int i = 0; i < issuer.shared_secrets_size(); ++i)
      Put(absl::StrCat(kSharedSecrets, i), OpenSharedSecret(sealing_, issuer, i));
  }
  void OfSecret(const v1::KubeSecret& secret) {
    for (const auto& [key, sealed] : secret.sealed_data())
      Put(absl::StrCat(kSecretData, key), OpenSecretData(sealing_, secret, key));
  }

  const ValueSealing& sealing_;
  const v1::Resource& resource_;
  SecretsByName secrets_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<SecretsByName> TakeStoredSecrets(const ValueSealing& sealing,
                                                v1::Resource* resource) {
  SecretsByName secrets;
  if (sealing.sealer != nullptr) {
    auto taken = Taker(sealing, *resource).Take();
    if (!taken.ok()) return taken.status();
    secrets = *std::move(taken);
  }
  RemoveSecrets(resource);
  return secrets;
}

}  // namespace sallyport::authsvc
