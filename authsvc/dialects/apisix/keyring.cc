#include "authsvc/ctl/apisix_keyring.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/base/secret.h"
#include "shared/crypto/openssl.h"

namespace sallyport::authsvc::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kTextBytes = 16;
constexpr const char* kShipped[] = {"edd1c9f0985e76a2", "qeddd145sfvddff3"};

std::optional<std::string> Decrypt(const std::string& sealed, const std::string& text) {
  const crypto::ErrorScope errors;
  const auto* const key = reinterpret_cast<const unsigned char*>(text.data());
  const std::unique_ptr<EVP_CIPHER_CTX, crypto::FreeWith<EVP_CIPHER_CTX_free>> context(
      EVP_CIPHER_CTX_new());
  std::string out(sealed.size() + kTextBytes, '\0');
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

bool IsText(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return absl::ascii_isprint(byte) || absl::ascii_isspace(byte);
  });
}

class Opener {
 public:
  Opener(const std::vector<std::string>& texts, std::vector<std::string>* sealed)
      : texts_(texts), sealed_(*sealed) {}

  // PEM, or a reference, or sealed.
  void PrivateKey(Json* holder, const char* name, const std::string& path) {
    if (!holder->is_object() || !holder->contains(name)) return;
    PrivateKeyText(&(*holder)[name], path);
  }
  void PrivateKeys(Json* holder, const char* name) {
    if (!holder->is_object() || !holder->contains(name) || !(*holder)[name].is_array()) return;
    size_t index = 0;
    for (Json& one : (*holder)[name]) PrivateKeyText(&one, absl::StrCat(name, "[", index++, "]"));
  }
  // Any text: sealed where it opens to one.
  void Text(Json* holder, const char* name) {
    if (!holder->is_object() || !holder->contains(name) || !(*holder)[name].is_string()) return;
    const auto opened = Try((*holder)[name].get_ref<const std::string&>(), IsText);
    if (opened.has_value()) (*holder)[name] = *opened;
  }

 private:
  void PrivateKeyText(Json* value, const std::string& path) {
    if (!value->is_string()) return;
    const std::string& text = value->get_ref<const std::string&>();
    if (absl::StartsWith(text, "-----") || absl::StartsWith(text, "$")) return;
    const auto opened =
        Try(text, [](absl::string_view pem) { return absl::StartsWith(pem, "-----"); });
    if (opened.has_value())
      *value = *opened;
    else
      sealed_.push_back(path);
  }

  template <typename Good>
  std::optional<std::string> Try(const std::string& text, const Good& good) const {
    std::string sealed;
    if (!absl::Base64Unescape(text, &sealed) || sealed.empty() || sealed.size() % kTextBytes != 0)
      return std::nullopt;
    for (const std::string& key : texts_) {
      auto opened = Decrypt(sealed, key);
      if (opened.has_value() && good(*opened)) return opened;
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

void OpenConsumer(Json* consumer, Opener* opener) {
  Json* const plugins = Member(consumer, "plugins");
  if (plugins == nullptr) return;
  if (Json* const conf = Member(plugins, "key-auth")) opener->Text(conf, "key");
  if (Json* const conf = Member(plugins, "jwt-auth")) opener->Text(conf, "secret");
}

}  // namespace

ApisixKeyring::ApisixKeyring(std::vector<std::string> texts)
    : texts_([&] {
        for (const char* const shipped : kShipped) texts.emplace_back(shipped);
        texts.erase(
            std::remove_if(texts.begin(), texts.end(),
                           [](const std::string& text) { return text.size() != kTextBytes; }),
            texts.end());
        return std::move(texts);
      }()) {}

std::vector<std::string> ApisixKeyring::Open(absl::string_view collection,
                                             std::string* json) const {
  std::vector<std::string> sealed;
  Json document = Json::parse(*json, nullptr, false);
  if (!document.is_object()) return sealed;
  Opener opener(texts_, &sealed);
  if (collection == "ssls" || collection == "ssl") {
    opener.PrivateKey(&document, "key", "key");
    opener.PrivateKeys(&document, "keys");
  } else if (collection == "consumers") {
    OpenConsumer(&document, &opener);
  } else if (collection == "upstreams") {
    OpenUpstream(&document, "", &opener);
  } else if (Json* const upstream = Member(&document, "upstream")) {
    OpenUpstream(upstream, "upstream.", &opener);
  }
  std::string opened = document.dump(-1, ' ', false, Json::error_handler_t::replace);
  base::Cleanse(json);
  *json = std::move(opened);
  return sealed;
}

}  // namespace sallyport::authsvc::ctl
