#include "dataplane/authorize/facts.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "dataplane/route/query.h"
#include "shared/base/text.h"
#include "shared/base/utf8.h"
#include "shared/crypto/digest.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kMaxChain = 8;
constexpr size_t kMostJwtBytes = 16 * 1024;  // shared/jwt reads no longer one
constexpr size_t kMostLoginBytes = 2048;     // in Base64; the longest user name and password fit

// "Bearer x" is x; anything else is itself. Blanks around it do not count.
absl::string_view WithoutBearer(absl::string_view value) {
  value = absl::StripAsciiWhitespace(value);
  if (absl::StartsWithIgnoreCase(value, "bearer ")) {
    value = absl::StripLeadingAsciiWhitespace(value.substr(7));
  } else if (absl::EqualsIgnoreCase(value, "bearer")) {
    value = {};
  }
  return value;
}

// "user:password" of Authorization: Basic, in UTF-8 as our challenge asks for (RFC 7617 section
// 2.1); absent: it is of another scheme. One that cannot be decoded is there all the same, and
// nobody's.
std::optional<base::Secret> LoginIn(absl::string_view value) {
  value = absl::StripAsciiWhitespace(value);
  if (!absl::StartsWithIgnoreCase(value, "basic ")) return std::nullopt;
  std::string text;
  if (value.size() > kMostLoginBytes || !absl::Base64Unescape(value.substr(6), &text) ||
      text.find(':') == std::string::npos || !base::IsUtf8(text)) {
    base::Cleanse(&text);
    text = ":";
  }
  return base::Secret(std::move(text));
}

AuthorizeQuestion MakeQuestion(const AuthFacts& facts, bool with_clear_text) {
  AuthorizeQuestion question;
  question.api_id = facts.route->api_id;
  question.profile = std::string(facts.profile);
  question.proof = facts.peer == nullptr ? Proof::kNone : facts.proof;
  if (facts.peer != nullptr && facts.proof != Proof::kNone)
    question.chain_der = facts.peer->chain_der;
  question.proxy = std::string(facts.proxy);
  question.tls = facts.tls;
  question.request_id = std::string(facts.request_id);
  for (const PresentedCredential& credential : facts.credentials) {
    const absl::string_view text = credential.value.Reveal();
    CredentialFact& fact = question.credentials.emplace_back();
    fact.mechanism = std::string(credential.mechanism());
    fact.place = std::string(credential.place);
    // Of a password no fast hash leaves this process.
    if (credential.kind != TokenKind::kLogin) fact.sha256 = crypto::Sha256(text);
    fact.name = std::string(credential.name);
    if (!with_clear_text) continue;
    if (credential.kind == TokenKind::kJwt && text.size() <= kMostJwtBytes)
      fact.jwt = std::string(text);
    if (credential.kind == TokenKind::kLogin) fact.login = std::string(text);
  }
  return question;
}

}  // namespace

std::optional<absl::string_view> CookieValue(absl::string_view cookie_header,
                                             absl::string_view name) {
  for (absl::string_view pair : absl::StrSplit(cookie_header, ';')) {
    pair = absl::StripAsciiWhitespace(pair);
    const size_t equals = pair.find('=');
    if (equals == absl::string_view::npos || pair.substr(0, equals) != name) continue;
    absl::string_view value = pair.substr(equals + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    return value;
  }
  return std::nullopt;
}

PeerCertificatePtr MakePeerCertificate(std::vector<std::string> chain_der) {
  if (chain_der.empty()) return nullptr;
  if (chain_der.size() > kMaxChain) chain_der.resize(kMaxChain);
  std::vector<crypto::Sha256Digest> digests;
  digests.reserve(chain_der.size());
  for (const std::string& der : chain_der) digests.push_back(crypto::Sha256Array(der));
  const PeerDigest leaf = digests.front();
  // Order and doubles of what comes after the leaf change nothing.
  std::sort(digests.begin(), digests.end());
  digests.erase(std::unique(digests.begin(), digests.end()), digests.end());
  std::string all;
  for (const auto& digest : digests) all.append(DigestView(digest).data(), digest.size());
  return std::make_shared<const PeerCertificate>(leaf, crypto::Sha256Array(all),
                                                 base::Hex(DigestView(leaf)), std::move(chain_der));
}

absl::string_view PresentedCredential::mechanism() const {
  switch (kind) {
    case TokenKind::kToken: return "token";
    case TokenKind::kJwt: return "jwt";
    case TokenKind::kLogin: return "basic";
  }
  return "";
}

AuthorizeQuestion QuestionFor(const AuthFacts& facts) { return MakeQuestion(facts, true); }
AuthorizeQuestion ReportedQuestion(const AuthFacts& facts) { return MakeQuestion(facts, false); }

std::optional<PresentedCredential> ExtractToken(const TokenRules& rules, HeaderValue header,
                                                absl::string_view query) {
  if (!rules.enabled) return std::nullopt;
  std::optional<PresentedCredential> found;
  const auto take = [&](absl::string_view place, absl::string_view name, absl::string_view raw) {
    if (rules.kind == TokenKind::kLogin) {
      if (auto login = LoginIn(raw))
        found = PresentedCredential{rules.kind, place, *std::move(login), name};
      return;
    }
    const absl::string_view value = WithoutBearer(raw);
    if (value.empty()) return;
    found = PresentedCredential{rules.kind, place, base::Secret::CopyOf(value),
                                rules.kind == TokenKind::kJwt ? name : ""};
  };
  if (rules.use_header) {
    if (const auto value = header(rules.header_name)) take("header", rules.header_name, *value);
  }
  if (rules.use_query) {
    if (auto value = QueryParameter(query, rules.query_name)) {
      take("query", rules.query_name, *value);
      base::Cleanse(&*value);
    }
  }
  if (rules.use_cookie) {
    if (const auto line = header("cookie")) {
      if (const auto value = CookieValue(*line, rules.cookie_name))
        take("cookie", rules.cookie_name, *value);
    }
  }
  return found;
}

std::string StripQueryParameter(absl::string_view query, absl::string_view name) {
  return WithoutQueryParameter(query, name);
}

std::string StripCookie(absl::string_view cookie_header, absl::string_view name) {
  std::string kept;
  for (absl::string_view pair : absl::StrSplit(cookie_header, ';')) {
    pair = absl::StripAsciiWhitespace(pair);
    if (pair.empty() || absl::StripAsciiWhitespace(pair.substr(0, pair.find('='))) == name)
      continue;
    if (!kept.empty()) kept.append("; ");
    kept.append(pair.data(), pair.size());
  }
  return kept;
}

}  // namespace sallyport::dataplane
