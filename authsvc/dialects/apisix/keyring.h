// How APISIX keeps private keys and secrets in etcd: AES-128-CBC, where key and initial vector are
// both one of a few texts of its configuration, in base64 (reference apisix.md A4.2). Only for
// reading what comes from there. Pure; nothing of a value is in an error.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sallyport::authsvc::ctl {

class ApisixKeyring {
 public:
  // Texts of 16 characters: apisix.ssl.key_encrypt_salt, apisix.data_encryption.keyring. Tried in
  // this order; those that APISIX is shipped with are tried last.
  explicit ApisixKeyring(std::vector<std::string> texts);

  // Opens what is sealed in an object, in place: keys of SSL objects and upstreams, secrets of
  // consumers. What is not sealed, or not by one of these, stays; of a private key that stays
  // sealed the path is in the answer.
  [[nodiscard]] std::vector<std::string> Open(absl::string_view collection,
                                              std::string* json) const;

 private:
  const std::vector<std::string> texts_;
};

}  // namespace sallyport::authsvc::ctl
