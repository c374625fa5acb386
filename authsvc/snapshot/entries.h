// What a snapshot holds: one immutable entry per resource, made ready for questions. Entries are
// handed out as pointers to const that are valid while the snapshot they came from is held.
// Thread-safe (nothing changes after the entry is built; the parsed chain is made once).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/domain/domain_map.h"

namespace sallyport::crypto {
struct Certificate;
}

namespace sallyport::authsvc {

class RevocationList;
class TrustSet;

using Digest = std::array<uint8_t, 32>;  // raw SHA-256
// False, and zeros, unless `bytes` are exactly 32.
bool ToDigest(absl::string_view bytes, Digest* digest);
[[nodiscard]] inline absl::string_view DigestBytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

using CertificatePtr = std::shared_ptr<const crypto::Certificate>;

// Where a resource came from; shared by all that came the same way.
struct Origin {
  std::string dialect;
  std::string set;
};

struct CertificateEntry {
  std::string id;
  std::string name;  // stable name; empty: none
  uint64_t revision = 0;
  std::shared_ptr<const Origin> origin;
  int64_t created_unix = 0;
  // Facts of the first certificate (of the key, for a bare public key: then no dates, not a CA).
  Digest fingerprint{};  // SHA-256 of its DER; of the SPKI for a bare public key
  Digest spki_sha256{};
  int64_t not_before_unix = 0;
  int64_t not_after_unix = 0;
  bool is_ca = false;
  bool is_public_key = false;
  std::string der;  // chain, one DER behind the other, or the SPKI
  std::unique_ptr<const v1::SealedSecret> private_key;  // null: public part only
  std::string source;

  [[nodiscard]] absl::string_view org_id() const {
    return absl::string_view(id).substr(0, id.size() - 64);
  }
  [[nodiscard]] bool has_private_key() const { return private_key != nullptr; }
  [[nodiscard]] bool ExpiredAt(absl::Time now) const;  // false for a bare public key
  // Leaf first; empty for a bare public key. Views into `der`.
  [[nodiscard]] std::vector<absl::string_view> ChainDer() const;
  // Parsed at the first call and kept. Certificates of the chain that do not parse are left out; an
  // error when the first does not. Use for anchors and upstream certificates, not to walk all
  // entries.
  [[nodiscard]] absl::StatusOr<std::vector<CertificatePtr>> Chain() const;
  // The resource without its private key.
  [[nodiscard]] v1::Certificate ToProto() const;

 private:
  mutable std::once_flag parse_once_;
  mutable std::vector<CertificatePtr> parsed_;
};

// An allowlist ready for questions. Look-up cost does not depend on its length. An entry whose
// certificate is not there admits nobody and is named in `pending`.
struct Allowlist {
  struct Listed {
    std::string certificate_id;
    bool public_key = false;  // a bare key was listed: no dates to check on our side
  };
  bool empty = true;                                // nothing listed at all (not: nothing usable)
  absl::flat_hash_map<Digest, Listed> leaves;       // listed certificates by fingerprint, CAs too
  absl::flat_hash_map<Digest, Listed> public_keys;  // bare public keys by SPKI
  std::shared_ptr<const TrustSet> trust;            // CAs that are not `exact`; null: none
  std::vector<std::string> trust_certificate_ids;   // what `trust` was made of
  absl::flat_hash_map<Digest, std::string>
      anchor_ids;                     // fingerprint of an anchor -> certificate id
  std::vector<std::string> pending;   // references that are not there yet
  std::vector<std::string> unusable;  // references that admit nobody all the same, with the reason

  [[nodiscard]] const Listed* FindLeaf(const Digest& fingerprint) const;
  [[nodiscard]] const Listed* FindPublicKey(const Digest& spki_sha256) const;
  // The same with 32 raw bytes; anything else finds nothing.
  [[nodiscard]] const Listed* FindLeaf(absl::string_view fingerprint) const;
  [[nodiscard]] const Listed* FindPublicKey(absl::string_view spki_sha256) const;
};

// Values of the pin maps: certificate references and hex digests as written; resolve when asked.
using ClientCertificateMap = domain::DomainMap<std::string>;  // -> certificate reference
using PinMap = domain::DomainMap<v1::PinList>;

// A DNS name that a server certificate serves.
struct ServedName {
  std::string name;  // lower case, may be "*.x"
  std::string certificate_id;
};

struct ApiEntry {
  v1::Api api;
  uint64_t revision = 0;
  std::shared_ptr<const Origin> origin;
  Allowlist
      allowlist;  // its own; the gateway's is SettingsEntry::client_allowlist and counts as well
  ClientCertificateMap client_certificates;  // compiled also when disabled: see api.upstream()
  PinMap pins;
  std::vector<ServedName> served;         // by its own server certificates that are there
  std::vector<std::string> server_names;  // the names of `served`, each once
};

struct KeyLeaf {
  Digest fingerprint{};
  bool there = false;  // the certificate is in the store
};

struct KeyEntry {
  absl::InlinedVector<KeyLeaf, 1> leaves;  // its certificates, stable names resolved
  v1::Key key;
  uint64_t revision = 0;
  std::shared_ptr<const Origin> origin;
};

struct PolicyEntry {
  v1::Policy policy;
  uint64_t revision = 0;
  std::shared_ptr<const Origin> origin;
};

struct SettingsEntry {
  v1::GatewaySettings settings;
  uint64_t revision = 0;  // 0: none stored, all defaults
  std::shared_ptr<const Origin> origin;
  Allowlist client_allowlist;   // appended to every static API's list
  Allowlist control_allowlist;  // who may call the control API
  ClientCertificateMap upstream_certificates;
  PinMap pins;
  std::vector<ServedName> served;  // by the gateway's server certificates that are there
  std::shared_ptr<const RevocationList> revocation;  // null: nothing is revoked
};

struct ListenerEntry {
  v1::Listener listener;
  uint64_t revision = 0;
  std::shared_ptr<const Origin> origin;
};

struct SecretEntry {
  v1::KubeSecret secret;
  uint64_t revision = 0;
  std::shared_ptr<const Origin> origin;
};

struct ConfigMapEntry {
  v1::KubeConfigMap config_map;
  uint64_t revision = 0;
  std::shared_ptr<const Origin> origin;
};

struct DialectObjectEntry {
  v1::DialectObject object;
  uint64_t revision = 0;
  std::shared_ptr<const Origin> origin;
};

struct TokenIssuerEntry {
  v1::TokenIssuer issuer;
  uint64_t revision = 0;
  std::shared_ptr<const Origin> origin;
};

struct TrustBundleEntry {
  v1::TrustBundle bundle;
  uint64_t revision = 0;
  std::shared_ptr<const Origin> origin;
};

}  // namespace sallyport::authsvc
