#include "authsvc/change/proxy_password.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "shared/crypto/sealer.h"

namespace sallyport::authsvc {
namespace {

constexpr char kPasswordField[] = "forward_proxy.password";
constexpr size_t kMostBytes = 1024;

std::string RecordName(const v1::Api& api) { return absl::StrCat("api/", api.id()); }

absl::Status CheckPassword(absl::string_view password) {
  if (password.size() > kMostBytes)
    return absl::InvalidArgumentError("forward_proxy: the password is longer than 1024 bytes");
  for (const char c : password) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      return absl::InvalidArgumentError("forward_proxy: the password has a control character");
  }
  return absl::OkStatus();
}

bool SameProxy(const v1::ForwardProxy& a, const v1::ForwardProxy& b) {
  return a.url() == b.url() && a.username() == b.username();
}

// The stored ciphertext again where it seals the same: a write that changes nothing stays one.
bool IsStored(const PasswordSealing& sealing, absl::string_view password, const v1::Api* stored) {
  if (stored == nullptr || !stored->upstream().forward_proxy().has_sealed_password()) return false;
  const auto opened = OpenProxyPassword(sealing, *stored);
  return opened.ok() && opened->Reveal() == password;
}

}  // namespace

absl::Status CompleteProxyPassword(const PasswordSealing& sealing, absl::string_view password,
                                   const v1::Api* stored, v1::Api* api) {
  if (!api->upstream().has_forward_proxy()) {
    return password.empty() ? absl::OkStatus()
                            : absl::InvalidArgumentError("a password without forward_proxy");
  }
  v1::ForwardProxy* const proxy = api->mutable_upstream()->mutable_forward_proxy();
  if (proxy->has_sealed_password()) {
    return absl::InvalidArgumentError(
        "forward_proxy: sealed_password is made by the store and cannot be given");
  }
  if (proxy->username().empty()) {
    return password.empty() ? absl::OkStatus()
                            : absl::InvalidArgumentError(
                                  "forward_proxy: a password without a "
                                  "user name");
  }
  if (password.empty()) {
    if (stored == nullptr || !SameProxy(stored->upstream().forward_proxy(), *proxy) ||
        !stored->upstream().forward_proxy().has_sealed_password()) {
      return absl::InvalidArgumentError(
          "forward_proxy: the password for this user name and proxy is required");
    }
    *proxy->mutable_sealed_password() = stored->upstream().forward_proxy().sealed_password();
    return absl::OkStatus();
  }
  if (auto status = CheckPassword(password); !status.ok()) return status;
  if (sealing.sealer == nullptr) {
    return absl::FailedPreconditionError(
        "no master key is configured: passwords of forward proxies are refused");
  }
  if (IsStored(sealing, password, stored)) {
    *proxy->mutable_sealed_password() = stored->upstream().forward_proxy().sealed_password();
    return absl::OkStatus();
  }
  const std::string record = RecordName(*api);
  auto sealed = sealing.sealer->Seal({sealing.store_id, record, kPasswordField}, password);
  if (!sealed.ok()) return sealed.status();
  v1::SealedSecret* const secret = proxy->mutable_sealed_password();
  secret->set_master_key_id(std::move(sealed->master_key_id));
  secret->set_wrapped_data_key(std::move(sealed->wrapped_data_key));
  secret->set_ciphertext(std::move(sealed->ciphertext));
  return absl::OkStatus();
}

absl::StatusOr<base::Secret> OpenProxyPassword(const PasswordSealing& sealing, const v1::Api& api) {
  const v1::ForwardProxy& proxy = api.upstream().forward_proxy();
  if (!proxy.has_sealed_password()) return absl::NotFoundError("there is no password");
  if (sealing.sealer == nullptr)
    return absl::FailedPreconditionError("no master key is configured: passwords stay sealed");
  const v1::SealedSecret& sealed = proxy.sealed_password();
  const std::string record = RecordName(api);
  return sealing.sealer->Open(
      {sealing.store_id, record, kPasswordField},
      {sealed.master_key_id(), sealed.wrapped_data_key(), sealed.ciphertext()});
}

}  // namespace sallyport::authsvc
