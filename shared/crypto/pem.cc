#include "shared/crypto/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/crypto/openssl.h"
#include "shared/crypto/private_key.h"

namespace sallyport::crypto {
namespace {

constexpr size_t kMaxText = 1 << 20;
constexpr size_t kMaxCertificates = 100;
constexpr absl::string_view kNotPem = "Failed to decode certificate. It should be PEM encoded.";

// One PEM block; its bytes are cleansed, since they may be a private key.
class PemBlock {
 public:
  enum class Outcome : uint8_t { kBlock, kEnd, kBroken };

  PemBlock() = default;
  ~PemBlock() {
    OPENSSL_free(name_);
    OPENSSL_free(header_);
    OPENSSL_clear_free(data_, static_cast<size_t>(size_));
  }
  PemBlock(const PemBlock&) = delete;
  PemBlock& operator=(const PemBlock&) = delete;

  Outcome Read(BIO* in) {
    if (PEM_read_bio(in, &name_, &header_, &data_, &size_) == 1) return Outcome::kBlock;
    const unsigned long error = ERR_peek_last_error();
    const bool end =
        ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    return end ? Outcome::kEnd : Outcome::kBroken;
  }
  [[nodiscard]] absl::string_view name() const { return name_; }
  [[nodiscard]] bool encrypted() const {
    return name() == "ENCRYPTED PRIVATE KEY" || absl::StrContains(header_, "ENCRYPTED");
  }
  [[nodiscard]] absl::string_view data() const {
    return {reinterpret_cast<const char*>(data_), static_cast<size_t>(size_)};
  }

 private:
  char* name_ = nullptr;
  char* header_ = nullptr;
  unsigned char* data_ = nullptr;
  long size_ = 0;
};

absl::Status Refuse(absl::string_view message) { return absl::InvalidArgumentError(message); }

bool SameKind(const Certificate& certificate, const EVP_PKEY* key) {
  const EVP_PKEY* public_key = X509_get0_pubkey(certificate.x509.get());
  return public_key != nullptr && EVP_PKEY_get_base_id(public_key) == EVP_PKEY_get_base_id(key);
}

class BundleReader {
 public:
  explicit BundleReader(std::optional<absl::Time> now) : now_(now) {}

  absl::Status Add(const PemBlock& block) {
    if (absl::EndsWith(block.name(), "PRIVATE KEY")) return AddKey(block);
    if (block.name() == "CERTIFICATE") return AddCertificate(block.data());
    if (block.name() == "PUBLIC KEY") bundle_.public_key_der = std::string(block.data());
    return absl::OkStatus();
  }

  absl::Status AddCertificate(absl::string_view der) {
    if (bundle_.chain.size() >= kMaxCertificates) return Refuse("more than 100 certificates");
    absl::StatusOr<CertificatePtr> certificate = ParseCertificate(der);
    if (!certificate.ok()) return certificate.status();
    if (absl::Status status = CheckDate(**certificate); !status.ok()) return status;
    if (const Defect* defect = FirstDefect(**certificate)) {
      bundle_.warnings.push_back(
          absl::StrCat("\"", (*certificate)->subject, "\" cannot be used: ", defect->detail));
    }
    bundle_.chain.push_back(*std::move(certificate));
    return absl::OkStatus();
  }

  absl::Status AddPublicKey(absl::string_view der) {
    bundle_.public_key_der = std::string(der);
    return absl::OkStatus();
  }

  absl::StatusOr<PemBundle> Finish() {
    if (bundle_.chain.empty() && bundle_.public_key_der.empty()) return Refuse(kNotPem);
    if (!bundle_.chain.empty() && !bundle_.public_key_der.empty()) {
      return Refuse("Public keys can't be combined with certificates");
    }
    if (key_ != nullptr) {
      if (absl::Status status = FinishKey(); !status.ok()) return status;
    }
    if (!bundle_.public_key_der.empty()) {
      if (absl::Status status = CheckBareKey(); !status.ok()) return status;
    }
    return std::move(bundle_);
  }

 private:
  absl::Status AddKey(const PemBlock& block) {
    if (has_key_) return Refuse("Found multiple private keys");
    has_key_ = true;
    if (block.encrypted()) {
      return Refuse("private key is encrypted: decrypt it first (openssl pkey -in FILE)");
    }
    absl::StatusOr<UniquePkey> key = LoadAnyPrivateKey(block.data());
    if (!key.ok()) return key.status();
    key_ = *std::move(key);
    return absl::OkStatus();
  }

  absl::Status CheckDate(const Certificate& certificate) {
    if (!now_ || *now_ <= certificate.not_after) return absl::OkStatus();
    if (bundle_.chain.empty()) return Refuse("certificate is expired");
    bundle_.warnings.push_back(
        absl::StrCat("\"", certificate.subject, "\" in the chain has expired and is never used"));
    return absl::OkStatus();
  }

  absl::Status FinishKey() {
    if (bundle_.chain.empty()) {
      return Refuse("tls: failed to find any PEM data in certificate input");
    }
    if (!SameKind(*bundle_.chain.front(), key_.get())) {
      return Refuse("tls: private key type does not match public key type");
    }
    if (!KeyMatches(*bundle_.chain.front(), key_.get())) {
      return Refuse("tls: private key does not match public key");
    }
    absl::StatusOr<base::Secret> pkcs8 = ToPkcs8(key_.get());
    if (!pkcs8.ok()) return pkcs8.status();
    bundle_.private_key = *std::move(pkcs8);
    return absl::OkStatus();
  }

  absl::Status CheckBareKey() {
    const std::optional<Defect> defect = CheckPublicKey(bundle_.public_key_der);
    if (!defect) return absl::OkStatus();
    if (defect->reason == base::Reason::kCertMalformed) return Refuse(defect->detail);
    bundle_.warnings.push_back(absl::StrCat("public key cannot be used: ", defect->detail));
    return absl::OkStatus();
  }

  const std::optional<absl::Time> now_;
  PemBundle bundle_;
  bool has_key_ = false;
  UniquePkey key_;
};

absl::Status ReadBlocks(BIO* in, BundleReader* reader) {
  while (true) {
    PemBlock block;
    const PemBlock::Outcome outcome = block.Read(in);
    if (outcome == PemBlock::Outcome::kEnd) return absl::OkStatus();
    if (outcome == PemBlock::Outcome::kBroken) return Refuse(kNotPem);
    if (absl::Status status = reader->Add(block); !status.ok()) return status;
  }
}

// Blanks become line ends outside the "-----BEGIN NAME-----" and "-----END NAME-----" marks.
std::string RestoreLines(absl::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  bool in_mark = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (absl::StartsWith(text.substr(i), "-----")) {
      out.append("-----");
      i += 4;
      in_mark = !in_mark;
      continue;
    }
    out.push_back(!in_mark && text[i] == ' ' ? '\n' : text[i]);
  }
  out.push_back('\n');
  return out;
}

std::string Pem(const char* name, absl::string_view der) {
  const UniqueBio out(BIO_new(BIO_s_mem()));
  if (out == nullptr ||
      PEM_write_bio(out.get(), name, "", reinterpret_cast<const unsigned char*>(der.data()),
                    static_cast<long>(der.size())) <= 0) {
    return "";
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<size_t>(size)};
}

}  // namespace

absl::StatusOr<PemBundle> ParsePem(absl::string_view text, std::optional<absl::Time> now) {
  const ErrorScope errors;
  if (text.size() > kMaxText) return Refuse("more than 1 MB");
  const UniqueBio in(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (in == nullptr) return absl::ResourceExhaustedError("out of memory");
  BundleReader reader(now);
  if (absl::Status status = ReadBlocks(in.get(), &reader); !status.ok()) return status;
  return reader.Finish();
}

absl::StatusOr<PemBundle> ParsePemOrDer(absl::string_view bytes, std::optional<absl::Time> now) {
  if (bytes.empty() || bytes[0] != '\x30' || absl::StrContains(bytes, "-----BEGIN ")) {
    return ParsePem(bytes, now);
  }
  BundleReader reader(now);
  const std::optional<Defect> as_key = CheckPublicKey(bytes);
  const bool is_key = !as_key || as_key->reason != base::Reason::kCertMalformed;
  const absl::Status status = is_key ? reader.AddPublicKey(bytes) : reader.AddCertificate(bytes);
  if (!status.ok()) return status;
  return reader.Finish();
}

absl::StatusOr<PemBundle> ParseInlinePem(absl::string_view text, std::optional<absl::Time> now) {
  text = absl::StripAsciiWhitespace(text);
  absl::StatusOr<PemBundle> as_it_is = ParsePem(text, now);
  if (as_it_is.ok() || absl::StrContains(text, "\n")) return as_it_is;
  // May hold a private key: cleansed when done.
  const base::Secret restored(RestoreLines(text));
  absl::StatusOr<PemBundle> repaired = ParsePem(restored.Reveal(), now);
  return repaired.ok() ? std::move(repaired) : std::move(as_it_is);
}

std::string CertificatePem(absl::string_view der) { return Pem("CERTIFICATE", der); }
std::string PublicKeyPem(absl::string_view spki_der) { return Pem("PUBLIC KEY", spki_der); }

}  // namespace sallyport::crypto
