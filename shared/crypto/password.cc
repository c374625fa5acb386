#include "shared/crypto/password.h"

#include <crypt.h>
#include <openssl/crypto.h>

#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "shared/base/secret.h"

namespace sallyport::crypto {
namespace {

constexpr char kYescrypt[] = "$y$";
constexpr size_t kBcryptBytes = 72;   // more of a password has no effect
constexpr size_t kBcryptLength = 60;  // "$2b$NN$" + 53
constexpr size_t kMostHashBytes = 128;
constexpr int kLeastBcryptCost = 8;
constexpr int kMostBcryptCost = 14;

bool IsBcrypt(absl::string_view hash) {
  return hash.size() == kBcryptLength && hash.substr(0, 2) == "$2" &&
         (hash[2] == 'a' || hash[2] == 'b' || hash[2] == 'y') && hash[3] == '$' && hash[6] == '$';
}

bool OfHashLetters(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '/') return false;
  }
  return !text.empty();
}

// "$y$j9T$SALT$HASH": the parameters of a hash that gensalt makes without a cost, and no others.
bool IsOurs(absl::string_view hash) {
  constexpr absl::string_view kParameters = "$y$j9T$";
  if (hash.size() > kMostHashBytes || hash.substr(0, kParameters.size()) != kParameters)
    return false;
  const absl::string_view rest = hash.substr(kParameters.size());
  const size_t border = rest.find('$');
  return border != absl::string_view::npos && OfHashLetters(rest.substr(0, border)) &&
         rest.size() - border - 1 == 43 && OfHashLetters(rest.substr(border + 1));
}

// Holds the clear text while crypt works with it.
struct Workspace {
  crypt_data data{};
  ~Workspace() { OPENSSL_cleanse(&data, sizeof data); }
};

// Empty: it cannot be hashed so.
std::string Crypt(absl::string_view password, absl::string_view setting) {
  const auto space = std::make_unique<Workspace>();
  std::string text(password);
  const char* const made = crypt_rn(text.c_str(), std::string(setting).c_str(), &space->data,
                                    static_cast<int>(sizeof space->data));
  base::Cleanse(&text);
  return made == nullptr || *made == '*' ? std::string() : std::string(made);
}

absl::Status CheckPasswordText(absl::string_view password) {
  if (password.empty()) return absl::InvalidArgumentError("a password must not be empty");
  if (password.size() >= kMostPasswordBytes)
    return absl::InvalidArgumentError(
        absl::StrCat("a password must be shorter than ", kMostPasswordBytes, " bytes"));
  if (password.find('\0') != absl::string_view::npos)
    return absl::InvalidArgumentError("a password must not hold a NUL");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> HashPassword(absl::string_view password) {
  if (auto status = CheckPasswordText(password); !status.ok()) return status;
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  if (crypt_gensalt_rn(kYescrypt, 0, nullptr, 0, setting, sizeof setting) == nullptr)
    return absl::InternalError("crypt_gensalt failed");
  std::string hash = Crypt(password, setting);
  if (hash.empty()) return absl::InternalError("crypt failed");
  return hash;
}

bool VerifyPassword(absl::string_view password, absl::string_view hash) {
  if (!CheckPasswordText(password).ok() || !CheckPasswordHash(hash).ok()) return false;
  // One that is cut is hashed as well: that it is too long must not be told by the time it takes.
  const bool whole = !IsBcrypt(hash) || password.size() <= kBcryptBytes;
  const std::string made = Crypt(password, hash);
  return whole && made.size() == hash.size() &&
         CRYPTO_memcmp(made.data(), hash.data(), hash.size()) == 0;
}

absl::Status CheckPasswordHash(absl::string_view hash) {
  if (IsOurs(hash)) return absl::OkStatus();
  if (!IsBcrypt(hash) || !OfHashLetters(hash.substr(7))) {
    return absl::InvalidArgumentError(
        "the hash of a password must be bcrypt ($2a$, $2b$, $2y$) or one that was made here "
        "($y$j9T$)");
  }
  int cost = 0;
  if (!absl::SimpleAtoi(hash.substr(4, 2), &cost) || cost < kLeastBcryptCost ||
      cost > kMostBcryptCost) {
    return absl::InvalidArgumentError(absl::StrCat("the cost of a bcrypt hash must be ",
                                                   kLeastBcryptCost, " to ", kMostBcryptCost));
  }
  return absl::OkStatus();
}

}  // namespace sallyport::crypto
