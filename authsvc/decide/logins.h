// What is known of the logins that callers showed. Whether a password is right takes tens of
// milliseconds to find out: a decision reads what was found and never waits for it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "shared/base/secret.h"

namespace sallyport::v1 {
class Key;
}

namespace sallyport::authsvc {

enum class LoginVerdict : uint8_t { kUnknown, kRight, kWrong };

struct LoginName {
  std::string org_id;
  std::string username;
};

class Logins {
 public:
  virtual ~Logins() = default;
  // Of this password at this key as it is now. Null: nobody has the user name, which nobody must be
  // able to tell from one that somebody has. Thread-safe, does not block.
  [[nodiscard]] virtual LoginVerdict Find(const v1::Key* key, const LoginName& name,
                                          absl::string_view password) const = 0;
};

// A password that has to be checked before the question can be decided.
struct LoginNeed {
  std::string key_id;  // empty: nobody has the user name
  LoginName name;
  base::Secret password;
};

// What a decision lacked: had it been there, the same question might have another answer.
struct DecisionNeeds {
  std::vector<std::string> issuer_ids;  // whose key sets are to be fetched
  std::vector<LoginNeed> logins;

  [[nodiscard]] bool empty() const { return issuer_ids.empty() && logins.empty(); }
};

}  // namespace sallyport::authsvc
