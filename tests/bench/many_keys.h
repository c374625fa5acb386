// Resources by the number: keys that are bound to a certificate each. The certificates are a real
// P-256 one of which only the last bytes differ, so that making a million of them does not take an
// hour.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::bench {

inline const sallyport::testing::TestCert& Model() {
  static const auto* const root =
      new sallyport::testing::TestCert(sallyport::testing::CertBuilder("CN=Root").Ca().SelfSign());
  static const auto* const leaf = new sallyport::testing::TestCert(
      sallyport::testing::CertBuilder("O=Example,CN=client-0000000")
          .Uri("spiffe://example/clients/0000000")
          .SignBy(*root));
  return *leaf;
}

// The model's DER with another signature: as large as a real one, another fingerprint.
inline std::string DerOf(int number) {
  std::string der = Model().der;
  for (size_t i = 0; i < 4; ++i) {
    der[der.size() - 1 - i] = static_cast<char>(number >> (8 * i));
  }
  return der;
}

inline std::string CertificateIdOf(const std::string& org, int number) {
  return absl::StrCat(org, base::Hex(crypto::Sha256(DerOf(number))));
}

inline v1::Resource CertificateResource(const std::string& org, int number) {
  v1::Resource resource;
  auto* certificate = resource.mutable_certificate();
  certificate->set_org_id(org);
  certificate->set_id(CertificateIdOf(org, number));
  certificate->add_chain_der(DerOf(number));
  auto* summary = certificate->mutable_summary();
  summary->set_spki_sha256(Model().cert->spki_sha256);
  summary->set_not_after_unix(1'900'000'000 + number);
  resource.set_id(certificate->id());
  resource.set_revision(1);
  resource.set_dialect("native");
  return resource;
}

inline v1::Resource KeyResource(const std::string& org, int number,
                                const std::string& alias = "client") {
  v1::Resource resource;
  auto* key = resource.mutable_key();
  key->set_id(absl::StrCat(org, number));
  key->set_org_id(org);
  key->set_alias(alias);
  key->add_policy_ids("5ead7120575961000181867e");
  auto* right = key->add_access_rights();
  right->set_api_id("b84fe1a04e5648927971c0557971565c");
  right->add_versions("Default");
  key->mutable_limits()->mutable_rate()->set_rate(1000);
  key->mutable_limits()->mutable_rate()->set_per_seconds(60);
  key->add_certificate_ids(CertificateIdOf(org, number));
  resource.set_id(key->id());
  resource.set_revision(1);
  resource.set_dialect("native");
  return resource;
}

}  // namespace sallyport::bench
