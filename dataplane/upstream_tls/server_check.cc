#include "dataplane/upstream_tls/server_check.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dataplane/upstream_tls/server_name.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {
namespace {

constexpr int kSecurityBits = 112;  // OpenSSL's security level 2
constexpr int kSecurityLevel = 2;

// What the path search found.
struct PathOutcome {
  int error = X509_V_ERR_UNSPECIFIED;
  int depth = 0;
  crypto::UniqueX509Stack chain;  // leaf first; as far as it got when there is an error
  [[nodiscard]] bool ok() const { return error == X509_V_OK; }
};

absl::Time TimeOf(const ASN1_TIME* value) {
  struct tm parts{};
  if (ASN1_TIME_to_tm(value, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

PathOutcome FindPath(X509* leaf, STACK_OF(X509) * presented, const ServerCheckSettings& settings,
                     absl::Time now, bool partial) {
  PathOutcome outcome;
  if (settings.trust == nullptr) return outcome;
  const crypto::UniqueX509StoreCtx context(X509_STORE_CTX_new());
  if (context == nullptr ||
      X509_STORE_CTX_init(context.get(), settings.trust->store(), leaf, presented) != 1) {
    return outcome;
  }
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, absl::ToTimeT(now));
  X509_VERIFY_PARAM_set_auth_level(parameters, kSecurityLevel);
  X509_VERIFY_PARAM_set_depth(parameters, 10);
  if (partial) X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  X509_STORE_CTX_set_default(context.get(), "ssl_server");
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  const bool valid = X509_verify_cert(context.get()) == 1;
  outcome.error = X509_STORE_CTX_get_error(context.get());
  outcome.depth = X509_STORE_CTX_get_error_depth(context.get());
  if (valid != outcome.ok()) outcome.error = X509_V_ERR_UNSPECIFIED;
  outcome.chain.reset(X509_STORE_CTX_get1_chain(context.get()));
  return outcome;
}

bool IsPinned(const std::vector<std::string>& pins, X509* certificate) {
  return std::find(pins.begin(), pins.end(), SpkiSha256(certificate)) != pins.end();
}

// A pin above the leaf.
bool PinInPath(const std::vector<std::string>& pins, const PathOutcome& path) {
  for (int i = 1; i < sk_X509_num(path.chain.get()); ++i) {
    if (IsPinned(pins, sk_X509_value(path.chain.get(), i))) return true;
  }
  return false;
}

base::Reason ReasonOf(int error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD: return base::Reason::kUpstreamCertExpired;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return base::Reason::kUpstreamCertName;
    default: return base::Reason::kUpstreamCertUntrusted;
  }
}

std::string HexList(const std::vector<std::string>& pins) {
  std::string list;
  for (const std::string& pin : pins) {
    absl::StrAppend(&list, list.empty() ? "" : ",", base::Hex({pin.data(), pin.size()}));
  }
  return list.empty() ? "none that can be used" : list;
}

class Check {
 public:
  Check(X509* leaf, STACK_OF(X509) * presented, const ServerCheckSettings& settings, absl::Time now)
      : leaf_(leaf), presented_(presented), settings_(settings), now_(now) {}

  ServerVerdict Run() {
    verdict_.spki_sha256 = base::Hex(SpkiSha256(leaf_));
    leaf_pinned_ = settings_.pinned && IsPinned(settings_.pins, leaf_);
    const bool pins_count = settings_.pinned && !settings_.pin_report_only;
    if (settings_.insecure_skip_verify) {
      RunUnverified(pins_count);
    } else if (pins_count && leaf_pinned_ && !settings_.pin_adds) {
      RunLeafPinned();
    } else if (pins_count) {
      RunPinned();
    } else {
      RunUnpinned();
    }
    return std::move(verdict_);
  }

 private:
  void Accept() { verdict_.reason = base::Reason::kAllowed; }

  bool Refuse(base::Reason reason, int error, std::string detail) {
    verdict_.reason = reason;
    verdict_.x509_error = error;
    verdict_.detail = std::move(detail);
    return false;
  }

  bool RefuseByError(int error, int depth) {
    verdict_.depth = depth;
    return Refuse(ReasonOf(error), error,
                  absl::StrCat(X509_verify_cert_error_string(error), " (depth ", depth, ")"));
  }

  bool PinMismatch(absl::string_view also) {
    verdict_.pin_mismatch = true;
    return Refuse(base::Reason::kUpstreamPin, 0, absl::StrCat(PinText(), also));
  }

  [[nodiscard]] std::string PinText() const {
    return absl::StrCat("public key pinning error: host ", settings_.name, ", pins expected ",
                        HexList(settings_.pins), ", key seen ", verdict_.spki_sha256);
  }

  void RunUnverified(bool pins_count) {
    verdict_.pin_mismatch = settings_.pinned && !leaf_pinned_;
    if (pins_count && !leaf_pinned_) {
      PinMismatch(" (verification is off: only the leaf's key can match)");
      return;
    }
    if (verdict_.pin_mismatch) verdict_.detail = PinText();
    Accept();
  }

  void RunLeafPinned() {
    if (CheckDates() && CheckKeyStrength() && CheckCommonName()) Accept();
  }

  void RunPinned() {
    PathOutcome path = BestPath(/*want_pin=*/!leaf_pinned_);
    const bool satisfied = leaf_pinned_ || PinInPath(settings_.pins, path);
    if (!satisfied) {
      PinMismatch(path.ok() ? std::string()
                            : absl::StrCat("; path: ", X509_verify_cert_error_string(path.error)));
      return;
    }
    if (CheckPath(path) && CheckName() && CheckCommonName()) Accept();
  }

  void RunUnpinned() {
    PathOutcome path = BestPath(/*want_pin=*/settings_.pinned && !leaf_pinned_);
    verdict_.pin_mismatch =
        settings_.pinned && !leaf_pinned_ && !(path.ok() && PinInPath(settings_.pins, path));
    if (!(CheckPath(path) && CheckName() && CheckCommonName())) return;
    if (verdict_.pin_mismatch) verdict_.detail = PinText();
    Accept();
  }

  // To a self-signed anchor if there is such a path; else any certificate of the trust set ends it.
  PathOutcome BestPath(bool want_pin) {
    PathOutcome whole = FindPath(leaf_, presented_, settings_, now_, /*partial=*/false);
    if (whole.ok() && (!want_pin || PinInPath(settings_.pins, whole))) return whole;
    PathOutcome partial = FindPath(leaf_, presented_, settings_, now_, /*partial=*/true);
    if (whole.ok() && !(partial.ok() && PinInPath(settings_.pins, partial))) return whole;
    return partial;
  }

  bool CheckPath(const PathOutcome& path) {
    if (!path.ok()) return RefuseByError(path.error, path.depth);
    for (int i = 0; i < sk_X509_num(path.chain.get()); ++i) {
      const X509* const certificate = sk_X509_value(path.chain.get(), i);
      verdict_.not_after = std::min(verdict_.not_after, TimeOf(X509_get0_notAfter(certificate)));
    }
    return CheckDates() && CheckKeyStrength();
  }

  bool CheckDates() {
    const absl::Time not_after = TimeOf(X509_get0_notAfter(leaf_));
    verdict_.not_after = std::min(verdict_.not_after, not_after);
    if (now_ < TimeOf(X509_get0_notBefore(leaf_))) {
      return RefuseByError(X509_V_ERR_CERT_NOT_YET_VALID, 0);
    }
    if (now_ > not_after) return RefuseByError(X509_V_ERR_CERT_HAS_EXPIRED, 0);
    return true;
  }

  bool CheckKeyStrength() {
    const EVP_PKEY* const key = X509_get0_pubkey(leaf_);
    if (key == nullptr || EVP_PKEY_get_security_bits(key) < kSecurityBits) {
      return RefuseByError(X509_V_ERR_EE_KEY_TOO_SMALL, 0);
    }
    return true;
  }

  bool CheckName() {
    if (CertificateHasName(leaf_, settings_.name)) return true;
    return Refuse(base::Reason::kUpstreamCertName, X509_V_ERR_HOSTNAME_MISMATCH,
                  absl::StrCat("certificate is not for ", settings_.name));
  }

  bool CheckCommonName() {
    if (!settings_.common_name_check) return true;
    const std::string name = CommonName(leaf_);
    if (absl::EqualsIgnoreCase(base::ToAbsl(name), base::ToAbsl(settings_.name))) return true;
    return Refuse(base::Reason::kUpstreamCertName, X509_V_ERR_HOSTNAME_MISMATCH,
                  absl::StrCat("common name is ", base::JsonQuote(name), ", not ", settings_.name));
  }

  X509* leaf_;
  STACK_OF(X509) * presented_;
  const ServerCheckSettings& settings_;
  absl::Time now_;
  bool leaf_pinned_ = false;
  ServerVerdict verdict_;
};

}  // namespace

std::string SpkiSha256(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return {};
  const crypto::UniqueOpensslBytes owner(der);
  return crypto::Sha256({reinterpret_cast<const char*>(der), static_cast<size_t>(size)});
}

ServerVerdict CheckServer(X509* leaf, STACK_OF(X509) * presented,
                          const ServerCheckSettings& settings, absl::Time now) {
  const crypto::ErrorScope errors;
  if (leaf == nullptr) return {};
  return Check(leaf, presented, settings, now).Run();
}

}  // namespace sallyport::dataplane
