// The text of a header that tells an upstream about its caller, written by an operator as a
// template over verified facts: "{identity}", "team={key.meta.team}; id={key.id}". "{{" and "}}"
// stand for the braces themselves. Pure, thread-safe.
//
// Facts come from callers and from whoever issued their certificates. Whatever they contain, the
// result is a legal field value (RFC 9110 §5.5) of printable ASCII, and in a template with more
// than one part no fact can be taken for another part: bytes that could be are written as %XX.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace sallyport::header {

enum class CallerFact : uint8_t {
  kIdentity,
  kOrganisation,
  kFingerprint,
  kSpki,
  kSubject,
  kIssuer,
  kSerial,
  kNotBefore,
  kNotAfter,
  kUri,  // of several names of a kind the first
  kDns,
  kEmail,
  kIp,
  kKeyId,
  kKeyAlias,
  kKeyPolicies,  // lists: joined by ','
  kKeyTags,
  kKeyMeta,
};

// What is known of a caller; empty: not known. Only verified facts may be put in. Times are Unix
// seconds, 0: not known.
struct CallerFacts {
  absl::string_view identity, organisation;
  absl::string_view fingerprint, spki_sha256, subject, issuer, serial;  // hashes, serial: hex
  int64_t not_before = 0, not_after = 0;
  absl::Span<const std::string> uri_sans, dns_sans, email_sans, ip_sans;
  absl::string_view key_id, key_alias;
  absl::Span<const std::string> key_policies, key_tags;
  absl::Span<const std::pair<std::string, std::string>> key_metadata;
};

class IdentityTemplate {
 public:
  static constexpr size_t kMostBytes = 1024;

  // InvalidArgument with a text for whoever wrote it: an unknown name (the text lists the known
  // ones), an open or stray brace, no name at all, bytes or blanks that a field value may not have,
  // two names with nothing between them that keeps them apart, longer than kMostBytes.
  [[nodiscard]] static absl::StatusOr<IdentityTemplate> Parse(absl::string_view text);

  // "" when none of the facts that it names is known.
  [[nodiscard]] std::string Render(const CallerFacts& facts) const;

 private:
  struct Part {
    bool is_fact = false;
    CallerFact fact = CallerFact::kIdentity;
    std::string text;  // or the name of the metadata entry
  };
  friend class TemplateReader;
  IdentityTemplate() = default;
  [[nodiscard]] bool IsEscaped(char c) const;
  void AppendEscaped(absl::string_view value, bool in_list, std::string* out) const;

  std::vector<Part> parts_;
  std::bitset<128> escaped_;  // printable characters that facts have as %XX
};

// The names that a template may use: "identity, organisation, cert.fingerprint, ...".
[[nodiscard]] std::string KnownCallerFacts();

}  // namespace sallyport::header
