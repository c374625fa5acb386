// How APISIX keeps private keys and secrets in etcd: AES-128-CBC, where key and initial vector are
// both one of a few texts of its configuration, in base64 (reference apisix.md A4.2). Only for
// reading what comes from there. Pure, thread-safe; nothing of a value is in an answer.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "authsvc/dialects/apisix/schema.h"

namespace sallyport::authsvc::dialects::apisix {

inline constexpr size_t kKeyringBytes = 16;  // of each text

class Keyring {
 public:
  // apisix.ssl.key_encrypt_salt, apisix.data_encryption.keyring. Tried in this order; those that
  // APISIX is shipped with are tried last. Texts of another length are left out.
  explicit Keyring(std::vector<std::string> texts = {});

  // Opens private keys in place: of SSL objects and upstreams, also inside routes and services.
  // What is PEM or a reference stays. Paths of those that are something else and stay, too.
  [[nodiscard]] std::vector<std::string> OpenPrivateKeys(absl::string_view collection,
                                                         Json* document) const;
  // The same of secrets of consumers, any text. Paths of those that stay and look sealed: one that
  // is made of random bytes in base64 may look so.
  [[nodiscard]] std::vector<std::string> OpenSecrets(absl::string_view collection,
                                                     Json* document) const;

 private:
  std::vector<std::string> texts_;
};

// Whether it has the form of a text that this sealed.
[[nodiscard]] bool LooksSealed(absl::string_view text);
// The text at a path of OpenPrivateKeys.
[[nodiscard]] std::string TextAt(const Json& document, absl::string_view path);

}  // namespace sallyport::authsvc::dialects::apisix
