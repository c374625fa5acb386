// The token as a mechanism: which of the presented ones counts, whose it is, and which certificates
// it is bound to.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "authsvc/decide/decider.h"
#include "authsvc/verify/verify_path.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

constexpr size_t kDigestBytes = 32;
constexpr size_t kHexDigits = 64;

bool PlaceIsOn(const v1::TokenAuth& token, absl::string_view place) {
  if (place == "header") return !token.disable_header();
  if (place == "query") return token.use_query();
  if (place == "cookie") return token.use_cookie();
  return false;
}

// The hex digits at the end of a certificate id (org + hex SHA-256, or the hash alone); empty: not
// one.
absl::string_view HexOfId(absl::string_view text) {
  if (text.size() < kHexDigits || !base::IsHex(text.substr(text.size() - kHexDigits))) return "";
  return text.substr(text.size() - kHexDigits);
}

// Certificates are public, so their ids never authenticate, whatever a key lists as its tokens:
// those of the key's own certificates and that of the leaf at hand, with any org that can stand in
// front of them.
bool IsCertificateId(const KeyEntry& entry, const Presented& presented, absl::string_view api_org,
                     absl::string_view sha256) {
  const v1::Key& key = entry.key;
  std::vector<std::string> texts = {key.id(), presented.hex};
  texts.insert(texts.end(), key.certificate_ids().begin(), key.certificate_ids().end());
  texts.insert(texts.end(), key.bound_certificate_ids().begin(), key.bound_certificate_ids().end());
  for (const KeyLeaf& leaf : entry.leaves)
    texts.push_back(base::Hex(DigestBytes(leaf.fingerprint)));
  return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
    const absl::string_view hex = HexOfId(text);
    if (hex.empty()) return false;
    const auto is = [&](absl::string_view org) {
      return crypto::Sha256(absl::StrCat(org, hex)) == sha256;
    };
    return crypto::Sha256(text) == sha256 || is("") || is(key.org_id()) || is(api_org);
  });
}

}  // namespace

// Header, then query, then cookie: a later one that is there counts (reference tyk.md 3).
const v1::Credential* Decider::ChooseToken() const {
  const v1::Credential* chosen = nullptr;
  for (const absl::string_view place : {"header", "query", "cookie"}) {
    if (!PlaceIsOn(api().token(), place)) continue;
    for (const v1::Credential& credential : request_.credentials()) {
      if (credential.mechanism() == "token" && credential.place() == place) chosen = &credential;
    }
  }
  return chosen;
}

std::optional<Refusal> Decider::FindByToken() {
  const v1::Credential* const token = ChooseToken();
  if (token == nullptr)
    return No(Reason::kTokenRequired, "no token in a place where the API looks for one");
  const KeyEntry* const found =
      token->sha256().size() == kDigestBytes ? snapshot_.FindKeyByToken(token->sha256()) : nullptr;
  if (found == nullptr) {
    AddTag("token:", base::Hex(token->sha256()));
    return No(Reason::kTokenUnknown,
              absl::StrCat("the token in the ", token->place(), " is no key's"));
  }
  if (IsCertificateId(*found, presented_, api().org_id(), token->sha256())) {
    return No(Reason::kTokenUnknown, "the token is a certificate id, which never authenticates");
  }
  // A key without organisation is told by its access rights alone.
  if (!found->key.org_id().empty() && found->key.org_id() != api().org_id()) {
    AddTag("key:", found->key.id());
    return No(Reason::kTokenUnknown,
              absl::StrCat("key ", found->key.id(), " is of another organisation"));
  }
  if (key_ != nullptr && key_ != found) {
    return No(Reason::kCertBindingMismatch,
              absl::StrCat("the token is of key ", found->key.id(), ", the certificate of key ",
                           key_->key.id()));
  }
  key_ = found;
  Pass("identify", [&] {
    return absl::StrCat("the token in the ", token->place(), " is one of key ", key_->key.id());
  });
  return CheckBindings();
}

bool Decider::IsBound() const {
  const Digest spki = DigestOf(presented_.leaf().spki_sha256);
  for (const std::string& reference : key_->key.bound_certificate_ids()) {
    const CertificateEntry* const entry = snapshot_.FindCertificate(key_->key.org_id(), reference);
    if (entry == nullptr) continue;
    if (entry->is_public_key ? entry->spki_sha256 == spki
                             : entry->fingerprint == presented_.fingerprint)
      return true;
  }
  return false;
}

// Held on every API, also where Tyk would not look: a token that was bound once is never a bearer
// token.
std::optional<Refusal> Decider::CheckBindings() {
  const v1::Key& key = key_->key;
  if (key.bound_certificate_ids().empty()) return std::nullopt;
  AddTag("key:", key.id());
  for (const std::string& reference : key.bound_certificate_ids()) AddTag("cert:", reference);
  if (!presented_.any()) {
    return No(Reason::kCertBindingMismatch,
              absl::StrCat("key ", key.id(), " is bound to certificates, none was presented"));
  }
  if (auto refusal = CheckLeaf()) return refusal;
  if (!IsBound()) {
    return No(Reason::kCertBindingMismatch,
              absl::StrCat("key ", key.id(), " is bound to other certificates than leaf ",
                           presented_.hex));
  }
  certificate_accepted_ = true;
  Pass("identify", [&] { return absl::StrCat("the token is bound to leaf ", presented_.hex); });
  return std::nullopt;
}

}  // namespace sallyport::authsvc
