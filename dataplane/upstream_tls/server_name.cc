#include "dataplane/upstream_tls/server_name.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {

bool IsIpAddress(const std::string& name) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, name.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, name.c_str(), bytes) == 1;
}

bool CertificateHasName(X509* certificate, const std::string& name) {
  if (name.empty() || name.find('\0') != std::string::npos) return false;
  if (IsIpAddress(name)) return X509_check_ip_asc(certificate, name.c_str(), 0) == 1;
  if (name.front() == '.') return false;  // OpenSSL would take it for "any subdomain"
  constexpr unsigned kFlags =
      X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
  return X509_check_host(certificate, name.data(), name.size(), kFlags, nullptr) == 1;
}

std::string CommonName(X509* certificate) {
  X509_NAME* const subject = X509_get_subject_name(certificate);
  int last = -1;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) last = at;
  if (last < 0) return {};
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
  if (size < 0) return {};
  const crypto::UniqueOpensslBytes owner(text);
  std::string name(reinterpret_cast<const char*>(text), static_cast<size_t>(size));
  return name.find('\0') == std::string::npos ? name : std::string();
}

}  // namespace sallyport::dataplane
