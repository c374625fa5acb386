#include "dataplane/upstream_tls/trust_anchors.h"

#include <algorithm>

#include "shared/crypto/digest.h"

namespace sallyport::dataplane {
namespace {

// DER of one certificate, possibly followed by OpenSSL's trust settings ("TRUSTED CERTIFICATE").
crypto::UniqueX509 Parse(const std::string& der) {
  const crypto::ErrorScope errors;
  const auto* cursor = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* const end = cursor + der.size();
  crypto::UniqueX509 certificate(d2i_X509_AUX(nullptr, &cursor, static_cast<long>(der.size())));
  if (certificate == nullptr || cursor != end) return nullptr;
  // Fills OpenSSL's cache of extensions now: later readers on other threads only read.
  if ((X509_get_extension_flags(certificate.get()) & EXFLAG_INVALID) != 0) return nullptr;
  return certificate;
}

}  // namespace

bool TrustAnchors::Add(const std::string& der) {
  std::string hash = crypto::Sha256(der);
  if (!seen_.insert(hash).second) return true;
  crypto::UniqueX509 certificate = Parse(der);
  if (certificate == nullptr) return false;
  hashes_.push_back(std::move(hash));
  anchors_.push_back(std::move(certificate));
  return true;
}

void TrustAnchors::Seal() {
  std::vector<std::string> sorted = hashes_;
  std::sort(sorted.begin(), sorted.end());
  std::string all;
  for (const std::string& hash : sorted) all += hash;
  version_ = crypto::Sha256(all);
  store_.reset(X509_STORE_new());
  for (const crypto::UniqueX509& anchor : anchors_) X509_STORE_add_cert(store_.get(), anchor.get());
  seen_.clear();
}

std::shared_ptr<const TrustAnchors> TrustAnchors::Build(const std::vector<std::string>& der,
                                                        std::vector<size_t>* unusable) {
  return Extend(nullptr, der, unusable);
}

std::shared_ptr<const TrustAnchors> TrustAnchors::Extend(
    const std::shared_ptr<const TrustAnchors>& base, const std::vector<std::string>& der,
    std::vector<size_t>* unusable) {
  if (base != nullptr && der.empty()) return base;
  std::shared_ptr<TrustAnchors> made(new TrustAnchors());
  if (base != nullptr) {
    made->hashes_ = base->hashes_;
    made->seen_.insert(base->hashes_.begin(), base->hashes_.end());
    for (const crypto::UniqueX509& anchor : base->anchors_) {
      made->anchors_.push_back(crypto::ShareX509(anchor.get()));
    }
  }
  for (size_t i = 0; i < der.size(); ++i) {
    if (!made->Add(der[i]) && unusable != nullptr) unusable->push_back(i);
  }
  made->Seal();
  return made;
}

}  // namespace sallyport::dataplane
