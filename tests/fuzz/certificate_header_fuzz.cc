// Certificates in header fields, from anyone: no crash, never more or longer ones than may be, and
// what one form says the others say alike.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "shared/header/certificate_header.h"
#include "shared/header/client_cert.h"
#include "shared/header/pem_value.h"
#include "shared/header/xfcc.h"

namespace {

using namespace sallyport::header;  // NOLINT(google-build-using-namespace)

void Require(bool holds) {
  if (!holds) abort();
}

void CheckBounds(const AssertedCertificate& certificate) {
  Require(certificate.chain_der.size() <= kMostAssertedCertificates);
  for (const std::string& der : certificate.chain_der) Require(IsOneDerSequence(der));
}

// Written by ourselves it is the same.
void CheckRoundTrip(const AssertedCertificate& certificate) {
  if (certificate.chain_der.empty()) return;
  const std::string& leaf = certificate.chain_der.front();
  const auto sequence = ParseCertificateHeader("client-cert", ClientCertValue(leaf));
  Require(sequence.ok() && sequence->chain_der.size() == 1 && sequence->chain_der[0] == leaf);
  XfccFacts facts;
  facts.leaf_der = leaf;
  XfccParts parts;
  parts.cert = true;
  const std::string element = BuildXfcc(facts, parts);
  const auto xfcc = ParseCertificateHeader("x-forwarded-client-cert", element);
  Require(xfcc.ok() && xfcc->chain_der.size() == 1 && xfcc->chain_der[0] == leaf);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"x-ssl-cert", "client-cert", "x-forwarded-client-cert"}) {
    auto parsed = ParseCertificateHeader(name, text);
    if (!parsed.ok()) continue;
    CheckBounds(*parsed);
    CheckRoundTrip(*parsed);
  }
  // As a body, so that the rest is reached: whatever is taken reads the same when it is encoded.
  const std::string pem = "-----BEGIN CERTIFICATE-----" + text + "-----END CERTIFICATE-----";
  const auto raw = ParseCertificateHeader("x-ssl-cert", pem);
  if (raw.ok()) CheckRoundTrip(*raw);
  AssertedCertificate certificate;
  certificate.chain_der.resize(1);
  if (AddCertificateChain(text, &certificate).ok()) {
    Require(certificate.chain_der.size() > 1);
    certificate.chain_der.erase(certificate.chain_der.begin());
    CheckBounds(certificate);
  } else {
    Require(certificate.chain_der.size() == 1);
  }
  return 0;
}
