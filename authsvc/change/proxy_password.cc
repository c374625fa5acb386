#include "authsvc/change/proxy_password.h"

#include <utility>

#include "absl/strings/str_cat.h"

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

}  // namespace

absl::Status CompleteProxyPassword(const ValueSealing& sealing, absl::string_view password,
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
  const v1::SealedSecret* const old =
      stored != nullptr && stored->upstream().forward_proxy().has_sealed_password()
          ? &stored->upstream().forward_proxy().sealed_password()
          : nullptr;
  auto sealed = SealValue(sealing, RecordName(*api), kPasswordField, password, old);
  if (!sealed.ok()) return sealed.status();
  *proxy->mutable_sealed_password() = *std::move(sealed);
  return absl::OkStatus();
}

absl::StatusOr<base::Secret> OpenProxyPassword(const ValueSealing& sealing, const v1::Api& api) {
  const v1::ForwardProxy& proxy = api.upstream().forward_proxy();
  if (!proxy.has_sealed_password()) return absl::NotFoundError("there is no password");
  return OpenValue(sealing, RecordName(api), kPasswordField, proxy.sealed_password());
}

}  // namespace sallyport::authsvc
