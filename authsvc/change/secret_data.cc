#include "authsvc/change/secret_data.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "authsvc/change/checks.h"
#include "authsvc/change/field_checks.h"
#include "authsvc/change/invalid.h"
#include "authsvc/snapshot/resource.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kMostKeys = 1000;
constexpr size_t kMostKeyBytes = 253;
constexpr size_t kMostDataBytes = 1 << 20;  // of one resource, as in Kubernetes

std::string SecretRecord(const v1::KubeSecret& secret) {
  return absl::StrCat("secret/", secret.id());
}
std::string SecretField(absl::string_view key) { return absl::StrCat("data/", key); }

// A document that was read back does not say again that its private key came with it.
void KeepBrought(const v1::KubeSecret* stored, v1::KubeSecret* secret) {
  if (stored == nullptr) return;
  const std::string key(kPrivateKeyData);
  const auto brought = stored->certificate_ids().find(key);
  const auto named = secret->certificate_ids().find("tls.crt");
  if (brought == stored->certificate_ids().end() || named == secret->certificate_ids().end())
    return;
  if (brought->second == named->second) (*secret->mutable_certificate_ids())[key] = named->second;
}

// What has a name and no value is what is stored.
absl::Status KeepSealed(const v1::KubeSecret* stored, v1::KubeSecret* secret) {
  for (auto& [key, sealed] : *secret->mutable_sealed_data()) {
    if (sealed.ByteSizeLong() != 0) {
      return absl::InvalidArgumentError(
          "sealed_data is made by the store: a Secret is given by Apply, as a document");
    }
    const bool kept = stored != nullptr && stored->sealed_data().contains(key);
    if (!kept) return Invalid("\"", key, "\" is not in the store: write its value under data");
    sealed = stored->sealed_data().at(key);
  }
  KeepBrought(stored, secret);
  return absl::OkStatus();
}

// Letters, digits, '-', '_' and '.'.
bool GoodKey(absl::string_view key) {
  for (const char c : key) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_' && c != '.')
      return false;
  }
  return !key.empty() && key.size() <= kMostKeyBytes;
}

// "namespace/name", each of letters, digits, '-' and '.'.
bool GoodId(absl::string_view id) {
  const size_t border = id.find('/');
  if (border == absl::string_view::npos) return false;
  const auto good = [](absl::string_view part) {
    for (const char c : part) {
      const auto byte = static_cast<unsigned char>(c);
      if (!absl::ascii_islower(byte) && !absl::ascii_isdigit(byte) && c != '-' && c != '.')
        return false;
    }
    return !part.empty() && part.size() <= kMostKeyBytes;
  };
  return good(id.substr(0, border)) && good(id.substr(border + 1));
}

template <typename Data, typename Other>
absl::Status CheckData(absl::string_view kind, const Data& data, const Other& other) {
  if (!GoodId(data.id())) {
    return Invalid(kind, " \"", data.id(),
                   "\": namespace and name must be lower-case letters, digits, '-' and '.'");
  }
  if (auto status = CheckOrg(data.org_id()); !status.ok()) return status;
  if (static_cast<size_t>(data.certificate_ids_size()) + other.size() > kMostKeys)
    return Invalid(kind, " ", data.id(), ": more than ", kMostKeys, " names in its data");
  const auto bad_key = [&](const auto& map) {
    for (const auto& [key, value] : map) {
      if (!GoodKey(key)) return true;
    }
    return false;
  };
  if (bad_key(data.certificate_ids()) || bad_key(other)) {
    return Invalid(kind, " ", data.id(),
                   ": names in its data must be letters, digits, '-', '_' and '.'");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SealSecretData(const ValueSealing& sealing,
                            const std::map<std::string, base::Secret>& data,
                            const v1::KubeSecret* stored, v1::KubeSecret* secret) {
  if (auto status = KeepSealed(stored, secret); !status.ok()) return status;
  if (data.empty()) return absl::OkStatus();
  size_t bytes = 0;
  const std::string record = SecretRecord(*secret);
  for (const auto& [key, value] : data) {
    bytes += value.Reveal().size();
    if (bytes > kMostDataBytes) return absl::InvalidArgumentError("more than 1 MB of data");
    const v1::SealedSecret* old = nullptr;
    if (stored != nullptr) {
      const auto found = stored->sealed_data().find(key);
      if (found != stored->sealed_data().end()) old = &found->second;
    }
    auto sealed = SealValue(sealing, record, SecretField(key), value.Reveal(), old);
    if (!sealed.ok()) return sealed.status();
    (*secret->mutable_sealed_data())[key] = *std::move(sealed);
  }
  return absl::OkStatus();
}

absl::StatusOr<base::Secret> OpenSecretData(const ValueSealing& sealing,
                                            const v1::KubeSecret& secret, const std::string& key) {
  const auto found = secret.sealed_data().find(key);
  if (found == secret.sealed_data().end()) return absl::NotFoundError("there is no such value");
  return OpenValue(sealing, SecretRecord(secret), SecretField(key), found->second);
}

absl::Status CheckSecret(const v1::KubeSecret& secret) {
  return CheckData("Secret", secret, secret.sealed_data());
}

absl::Status CheckConfigMap(const v1::KubeConfigMap& config_map) {
  return CheckData("ConfigMap", config_map, config_map.data());
}

}  // namespace sallyport::authsvc
