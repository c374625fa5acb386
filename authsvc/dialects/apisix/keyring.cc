#include "authsvc/dialects/apisix/keyring.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/base/secret.h"
#include "shared/base/text.h"
#include "shared/crypto/openssl.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

constexpr const char* kShipped[] = {"edd1c9f0985e76a2", "qeddd145sfvddff3"};

std::optional<std::string> Decrypt(const std::string& sealed, const std::string& text) {
  const crypto::ErrorScope errors;
  const auto* const key = reinterpret_cast<const unsigned char*>(text.data());
  const std::unique_ptr<EVP_CIPHER_CTX, crypto::FreeWith<EVP_CIPHER_CTX_free>> context(
      EVP_CIPHER_CTX_new());
  std::string out(sealed.size() + kKeyringBytes, '\0');
  auto* const to = reinterpret_cast<unsigned char*>(out.data());
  int size = 0, rest = 0;
  const bool good = context != nullptr &&
                    EVP_DecryptInit_ex(context.get(), EVP_aes_128_cbc(), nullptr, key, key) == 1 &&
                    EVP_DecryptUpdate(context.get(), to, &size,
                                      reinterpret_cast<const unsigned char*>(sealed.data()),
                                      static_cast<int>(sealed.size())) == 1 &&
                    EVP_DecryptFinal_ex(context.get(), to + size, &rest) == 1;
  if (!good) {
    base::Cleanse(&out);
    return std::nullopt;
  }
  out.resize(static_cast<size_t>(size) + static_cast<size_t>(rest));
  return out;
}

bool IsPrintable(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return absl::ascii_isprint(byte) || absl::ascii_isspace(byte);
  });
}

bool IsPemText(absl::string_view text) { return absl::StartsWith(text, "-----"); }

// The bytes behind base64 of whole blocks; empty: it is none.
std::string Blocks(absl::string_view text) {
  std::string sealed;
  if (!absl::Base64Unescape(text, &sealed) || sealed.size() % kKeyringBytes != 0) return "";
  return sealed;
}

class Opener {
 public:
  Opener(const std::vector<std::string>& texts, std::vector<std::string>* sealed)
      : texts_(texts), sealed_(*sealed) {}

  void PrivateKey(Json* holder, const char* name, const std::string& path) {
    if (!holder->is_object() || !holder->contains(name)) return;
    PrivateKeyText(&(*holder)[name], path);
  }
  void PrivateKeys(Json* holder, const char* name) {
    if (!holder->is_object() || !holder->contains(name) || !(*holder)[name].is_array()) return;
    size_t index = 0;
    for (Json& one : (*holder)[name]) PrivateKeyText(&one, absl::StrCat(name, "[", index++, "]"));
  }
  // Any text: sealed where it opens to one. `clear`: it may well be base64 itself.
  void Secret(Json* holder, const char* name, const char* path, bool clear) {
    if (!holder->is_object() || !holder->contains(name) || !(*holder)[name].is_string()) return;
    auto opened = Try((*holder)[name].get_ref<const std::string&>(), IsPrintable);
    if (opened.has_value())
      (*holder)[name] = *std::move(opened);
    else if (!clear && LooksSealed((*holder)[name].get_ref<const std::string&>()))
      sealed_.emplace_back(path);
  }

 private:
  void PrivateKeyText(Json* value, const std::string& path) {
    if (!value->is_string()) return;
    const std::string& text = value->get_ref<const std::string&>();
    if (IsPemText(text) || absl::StartsWith(text, "$")) return;
    auto opened = Try(text, IsPemText);
    if (opened.has_value())
      *value = *std::move(opened);
    else
      sealed_.push_back(path);
  }

  template <typename Good>
  std::optional<std::string> Try(const std::string& text, const Good& good) const {
    const std::string sealed = Blocks(text);
    if (sealed.empty()) return std::nullopt;
    for (const std::string& key : texts_) {
      auto opened = Decrypt(sealed, key);
      if (!opened.has_value()) continue;
      if (good(*opened)) return opened;
      base::Cleanse(&*opened);
    }
    return std::nullopt;
  }

  const std::vector<std::string>& texts_;
  std::vector<std::string>& sealed_;
};

Json* Member(Json* object, const char* name) {
  return object->is_object() && object->contains(name) ? &(*object)[name] : nullptr;
}

void OpenUpstream(Json* upstream, const std::string& where, Opener* opener) {
  if (Json* const tls = Member(upstream, "tls"))
    opener->PrivateKey(tls, "client_key", where + "tls.client_key");
}

}  // namespace

Keyring::Keyring(std::vector<std::string> texts) : texts_(std::move(texts)) {
  for (const char* const shipped : kShipped) texts_.emplace_back(shipped);
  std::erase_if(texts_, [](const std::string& text) { return text.size() != kKeyringBytes; });
}

std::vector<std::string> Keyring::OpenPrivateKeys(absl::string_view collection,
                                                  Json* document) const {
  std::vector<std::string> sealed;
  Opener opener(texts_, &sealed);
  if (collection == "ssls") {
    opener.PrivateKey(document, "key", "key");
    opener.PrivateKeys(document, "keys");
  } else if (collection == "upstreams") {
    OpenUpstream(document, "", &opener);
  } else if (Json* const upstream = Member(document, "upstream")) {
    OpenUpstream(upstream, "upstream.", &opener);
  }
  return sealed;
}

std::vector<std::string> Keyring::OpenSecrets(absl::string_view collection, Json* document) const {
  std::vector<std::string> sealed;
  Json* const plugins = collection == "consumers" ? Member(document, "plugins") : nullptr;
  if (plugins == nullptr) return sealed;
  Opener opener(texts_, &sealed);
  if (Json* const conf = Member(plugins, "key-auth"))
    opener.Secret(conf, "key", "plugins.key-auth.key", false);
  if (Json* const conf = Member(plugins, "jwt-auth")) {
    const Json* const base64 = Member(conf, "base64_secret");
    opener.Secret(conf, "secret", "plugins.jwt-auth.secret", base64 != nullptr && *base64 == true);
  }
  return sealed;
}

bool LooksSealed(absl::string_view text) {
  const auto has = [&](bool (*is)(unsigned char)) {
    return std::any_of(text.begin(), text.end(),
                       [&](char c) { return is(static_cast<unsigned char>(c)); });
  };
  if (Blocks(text).empty() || base::IsHex(text)) return false;
  return absl::EndsWith(text, "=") || (has(absl::ascii_isupper) && has(absl::ascii_islower));
}

std::string TextAt(const Json& document, absl::string_view path) {
  std::string pointer = "/";
  for (const char c : path) {
    if (c == '.' || c == '[')
      pointer += '/';
    else if (c != ']')
      pointer += c;
  }
  const Json::json_pointer place(pointer);
  return document.contains(place) && document[place].is_string()
             ? document[place].get<std::string>()
             : std::string();
}

}  // namespace sallyport::authsvc::dialects::apisix
