#include "dataplane/exchange/asserted_certificate.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/exchange/client_address.h"
#include "shared/header/certificate_header.h"
#include "shared/header/names.h"
#include "shared/header/proxy_block.h"

namespace sallyport::dataplane {
namespace {

constexpr absl::string_view kLeafOfRfc9440 = "client-cert";
constexpr absl::string_view kChainOfRfc9440 = "client-cert-chain";
constexpr size_t kMostRemembered = 32 << 10;

absl::Status Invalid(absl::string_view name, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", why));
}

struct Told {
  absl::string_view name;  // empty: nothing
  absl::string_view value;
  std::string chain;
  bool has_chain = false;
};

absl::Status TakeField(const HeaderField& field, absl::string_view name, Told* told) {
  if (!told->name.empty()) {
    if (told->name == name) return Invalid(name, "stands there twice");
    return Invalid(name, absl::StrCat("beside ", told->name, ": which one counts is not known"));
  }
  told->name = name;
  told->value = field.value;
  return absl::OkStatus();
}

absl::StatusOr<Told> Gather(const HeaderFields& fields, const std::vector<std::string>& names) {
  Told told;
  const bool rfc9440 = std::find(names.begin(), names.end(), kLeafOfRfc9440) != names.end();
  for (const HeaderField& field : fields) {
    if (rfc9440 && NameIs(field.name, kChainOfRfc9440)) {
      absl::StrAppend(&told.chain, told.has_chain ? "," : "", field.value);
      told.has_chain = true;
      continue;
    }
    for (const std::string& name : names) {
      if (!NameIs(field.name, name)) continue;
      if (absl::Status status = TakeField(field, name, &told); !status.ok()) return status;
    }
  }
  if (told.has_chain && told.name != kLeafOfRfc9440)
    return Invalid(kChainOfRfc9440, "without client-cert");
  return told;
}

absl::StatusOr<PeerCertificatePtr> Parse(const Told& told) {
  auto parsed = header::ParseCertificateHeader(told.name, told.value);
  if (!parsed.ok()) return Invalid(told.name, parsed.status().message());
  if (told.has_chain && parsed->chain_der.empty())
    return Invalid(kChainOfRfc9440, "beside an empty client-cert");
  if (told.has_chain) {
    const absl::Status status = header::AddCertificateChain(told.chain, &*parsed);
    if (!status.ok()) return Invalid(kChainOfRfc9440, status.message());
  }
  PeerCertificatePtr made = MakePeerCertificate(std::move(parsed->chain_der));
  const std::string& claimed = parsed->leaf_sha256_hex;
  if (made != nullptr && !claimed.empty() && claimed != made->leaf_hex)
    return Invalid(told.name, "Hash is not that of Cert");
  return made;
}

bool Remembers(const AssertedMemo& memo, const Told& told) {
  return memo.certificate != nullptr && memo.name == told.name && memo.value == told.value &&
         memo.chain == told.chain;
}

void Remember(const Told& told, const PeerCertificatePtr& certificate, AssertedMemo* memo) {
  memo->certificate = nullptr;
  if (certificate == nullptr || told.value.size() + told.chain.size() > kMostRemembered) return;
  memo->name.assign(told.name.data(), told.name.size());
  memo->value.assign(told.value.data(), told.value.size());
  memo->chain = told.chain;
  memo->certificate = certificate;
}

bool Same(const AddressRange& one, const AddressRange& other) {
  return one.prefix == other.prefix && one.bytes == other.bytes;
}

}  // namespace

CertificateHeaders::CertificateHeaders(std::vector<std::string> names,
                                       const std::vector<AddressRange>& trusted)
    : names_(std::move(names)) {
  if (names_.empty()) return;
  for (const AddressRange& range : trusted) {
    if (!header::IsNearlyEverybody(range.bytes, range.prefix)) proxies_.push_back(range);
  }
}

bool CertificateHeaders::Believes(absl::string_view address) const {
  return on() && IsTrustedProxy(proxies_, address);
}

bool CertificateHeaders::Names(absl::string_view field) const {
  return std::any_of(names_.begin(), names_.end(), [&](const std::string& name) {
    return header::SameName(field, name) ||
           (name == kLeafOfRfc9440 && header::SameName(field, kChainOfRfc9440));
  });
}

bool CertificateHeaders::Extends(const CertificateHeaders& before) const {
  const auto has_name = [this](const std::string& name) {
    return std::find(names_.begin(), names_.end(), name) != names_.end();
  };
  const auto has_proxy = [this](const AddressRange& range) {
    return std::any_of(proxies_.begin(), proxies_.end(),
                       [&](const AddressRange& one) { return Same(one, range); });
  };
  return std::all_of(before.names_.begin(), before.names_.end(), has_name) &&
         std::all_of(before.proxies_.begin(), before.proxies_.end(), has_proxy);
}

absl::StatusOr<PeerCertificatePtr> AssertedCertificateIn(const HeaderFields& fields,
                                                         const CertificateHeaders& headers,
                                                         AssertedMemo* memo) {
  const absl::StatusOr<Told> told = Gather(fields, headers.names());
  if (!told.ok()) return told.status();
  if (told->name.empty()) return PeerCertificatePtr();
  if (Remembers(*memo, *told)) return memo->certificate;
  absl::StatusOr<PeerCertificatePtr> made = Parse(*told);
  if (made.ok()) Remember(*told, *made, memo);
  return made;
}

}  // namespace sallyport::dataplane
