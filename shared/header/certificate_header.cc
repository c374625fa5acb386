#include "shared/header/certificate_header.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "shared/header/client_cert.h"
#include "shared/header/names.h"
#include "shared/header/pem_value.h"
#include "shared/header/xfcc.h"

namespace sallyport::header {
namespace {

absl::StatusOr<std::string> ParseOneSequence(absl::string_view value) {
  absl::StatusOr<std::string> der = ParseClientCertValue(value);
  if (!der.ok())
    return absl::InvalidArgumentError(absl::StrCat(der.status().message(), " (RFC 9440)"));
  if (!IsOneDerSequence(*der))
    return absl::InvalidArgumentError("a byte sequence that is not the DER of one certificate");
  return der;
}

absl::StatusOr<AssertedCertificate> ParseSequence(absl::string_view value) {
  absl::StatusOr<std::string> der = ParseOneSequence(value);
  if (!der.ok()) return der.status();
  AssertedCertificate certificate;
  certificate.chain_der.push_back(*std::move(der));
  return certificate;
}

absl::StatusOr<AssertedCertificate> ParsePemChain(absl::string_view value) {
  absl::StatusOr<std::vector<std::string>> chain = ParsePemValue(value, kMostAssertedCertificates);
  if (!chain.ok()) return chain.status();
  AssertedCertificate certificate;
  certificate.chain_der = *std::move(chain);
  return certificate;
}

absl::StatusOr<AssertedCertificate> ParseElementsCert(const XfccElement& element) {
  if (!element.has_cert) {
    return absl::InvalidArgumentError(
        "no Cert in the last element (Envoy: set_current_client_cert_details.cert)");
  }
  absl::StatusOr<std::vector<std::string>> leaf = ParsePemValue(element.cert, 1);
  if (!leaf.ok()) return leaf.status();
  AssertedCertificate certificate;
  certificate.leaf_sha256_hex = absl::AsciiStrToLower(element.hash);
  certificate.chain_der = *std::move(leaf);
  if (element.chain.empty()) return certificate;
  auto chain = ParsePemValue(element.chain, kMostAssertedCertificates);
  if (!chain.ok()) return chain.status();
  if (chain->front() != certificate.chain_der.front())
    return absl::InvalidArgumentError("Chain does not begin with Cert");
  certificate.chain_der = *std::move(chain);
  return certificate;
}

// Whoever sent the elements before it must not have a say in where the last one begins.
absl::StatusOr<AssertedCertificate> ParseXfcc(absl::string_view value) {
  if (absl::Status status = CheckXfcc(value); !status.ok()) return status;
  const absl::StatusOr<XfccElement> element = ParseRightmostXfcc(value);
  if (!element.ok()) return element.status();
  return ParseElementsCert(*element);
}

}  // namespace

absl::StatusOr<AssertedCertificate> ParseCertificateHeader(absl::string_view name,
                                                           absl::string_view value) {
  if (value.size() > kMostCertificateHeader) return absl::InvalidArgumentError("too long");
  value = absl::StripAsciiWhitespace(value);
  if (value.empty()) return AssertedCertificate();
  if (SameName(name, "x-forwarded-client-cert")) return ParseXfcc(value);
  if (SameName(name, "client-cert") || value.front() == ':') return ParseSequence(value);
  return ParsePemChain(value);
}

absl::Status AddCertificateChain(absl::string_view value, AssertedCertificate* certificate) {
  if (value.size() > kMostCertificateHeader) return absl::InvalidArgumentError("too long");
  std::vector<std::string> more;
  for (const absl::string_view member : absl::StrSplit(value, ',')) {
    if (certificate->chain_der.size() + more.size() >= kMostAssertedCertificates)
      return absl::InvalidArgumentError("too many certificates");
    absl::StatusOr<std::string> der = ParseOneSequence(member);
    if (!der.ok()) return der.status();
    more.push_back(*std::move(der));
  }
  std::move(more.begin(), more.end(), std::back_inserter(certificate->chain_der));
  return absl::OkStatus();
}

}  // namespace sallyport::header
