#include "authsvc/change/login.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "authsvc/change/secret_names.h"
#include "shared/crypto/password.h"

namespace sallyport::authsvc {
namespace {

constexpr char kHashField[] = "basic_login.hash";

std::string LoginRecord(const v1::Key& key) { return absl::StrCat("key/", key.id()); }

// The hash that is stored for this key, where it is this password's.
base::Secret StoredHashOf(const ValueSealing& sealing, const Snapshot& before,
                          const std::string& key_id, absl::string_view password) {
  const KeyEntry* const stored = before.FindKey(key_id);
  if (stored == nullptr || !stored->key.basic_login().has_sealed_hash()) return {};
  auto hash = OpenLoginHash(sealing, stored->key);
  if (!hash.ok() || !crypto::VerifyPassword(password, hash->Reveal())) return {};
  return *std::move(hash);
}

}  // namespace

absl::Status HashPasswords(const ValueSealing& sealing, const Snapshot& before, Write* write) {
  for (Mutation& mutation : write->mutations) {
    if (mutation.op != Mutation::Op::kPut || !mutation.resource.has_key()) continue;
    const auto given = mutation.secret_data.find(std::string(kLoginPassword));
    if (given == mutation.secret_data.end()) continue;
    if (mutation.secret_data.count(std::string(kLoginHash)) != 0)
      return absl::InvalidArgumentError("basic_login: password and password_hash: give one");
    const absl::string_view password = given->second.Reveal();
    base::Secret hash = StoredHashOf(sealing, before, mutation.resource.key().id(), password);
    if (hash.empty()) {
      auto made = crypto::HashPassword(password);
      if (!made.ok()) return made.status();
      hash = base::Secret(*std::move(made));
    }
    mutation.secret_data.erase(given);
    mutation.secret_data[std::string(kLoginHash)] = std::move(hash);
  }
  return absl::OkStatus();
}

absl::Status CompleteLogin(const ValueSealing& sealing,
                           const std::map<std::string, base::Secret>& secrets,
                           const v1::Key* stored, v1::Key* key) {
  if (key->basic_login().has_sealed_hash()) {
    return absl::InvalidArgumentError(
        "basic_login: sealed_hash is made by the store and cannot be given");
  }
  for (const auto& [name, value] : secrets) {
    if (name != kLoginHash)
      return absl::InvalidArgumentError(absl::StrCat("a key has no secret named ", name));
  }
  const auto given = secrets.find(std::string(kLoginHash));
  if (!key->has_basic_login()) {
    return given == secrets.end()
               ? absl::OkStatus()
               : absl::InvalidArgumentError("basic_login: a password without a user name");
  }
  v1::BasicLogin* const login = key->mutable_basic_login();
  const v1::SealedSecret* const old = stored != nullptr && stored->basic_login().has_sealed_hash()
                                          ? &stored->basic_login().sealed_hash()
                                          : nullptr;
  if (given == secrets.end()) {
    if (old == nullptr)
      return absl::InvalidArgumentError("basic_login: the password of this user name is required");
    *login->mutable_sealed_hash() = *old;
    return absl::OkStatus();
  }
  if (auto status = crypto::CheckPasswordHash(given->second.Reveal()); !status.ok()) return status;
  auto sealed = SealValue(sealing, LoginRecord(*key), kHashField, given->second.Reveal(), old);
  if (!sealed.ok()) return sealed.status();
  *login->mutable_sealed_hash() = *std::move(sealed);
  return absl::OkStatus();
}

absl::StatusOr<base::Secret> OpenLoginHash(const ValueSealing& sealing, const v1::Key& key) {
  if (!key.basic_login().has_sealed_hash()) return absl::NotFoundError("the key has no password");
  return OpenValue(sealing, LoginRecord(key), kHashField, key.basic_login().sealed_hash());
}

}  // namespace sallyport::authsvc
