// Is the certificate that an upstream presented good for this target? (DESIGN 7, reference tyk.md
// §6 and defects Q2-Q5, Q14.) A pure function over the presented chain, the settings and a time. It
// looks at presented certificates only: its verdict counts once the handshake has proven possession
// of the leaf's key, and the caller must send nothing before that.
//
//   verification off (insecure_skip_verify): nothing is checked, but a pinned host's leaf key must
//   be
//     one of the pins;
//   not pinned: path to a trust anchor, dates, server usage, key strength, name;
//   leaf key pinned: dates, key strength (and the common name where forced); with `pin_adds`
//   everything; otherwise pinned: everything, and a pin must be the key of a certificate of the
//   verified path; report only: as not pinned, and the mismatch is reported.
// A pinned host without a usable pin never passes.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/upstream_tls/trust_anchors.h"
#include "shared/base/reason.h"

namespace sallyport::dataplane {

struct ServerCheckSettings {
  std::string
      name;  // DNS name in lower case without a trailing dot, or an IP address without brackets
  bool insecure_skip_verify = false;
  bool common_name_check = false;  // the subject's CN must equal `name` as well
  bool pinned = false;
  bool pin_report_only = false;
  bool pin_adds = false;
  std::vector<std::string> pins;  // SHA-256 of SPKI, 32 raw bytes each
  TrustAnchorsPtr trust;          // null: nothing is trusted
};

struct ServerVerdict {
  base::Reason reason = base::Reason::kUpstreamCertUntrusted;
  int x509_error = 0;  // X509_V_ERR_*, 0 when none
  int depth = 0;
  std::string detail;                             // operators only
  bool pin_mismatch = false;                      // also set in report-only mode
  std::string spki_sha256;                        // of the presented leaf, hex
  absl::Time not_after = absl::InfiniteFuture();  // earliest date that the verdict rests on
  [[nodiscard]] bool accepted() const { return reason == base::Reason::kAllowed; }
};

// `presented`: leaf first as sent, at least the leaf. Not owned.
[[nodiscard]] ServerVerdict CheckServer(X509* leaf, STACK_OF(X509) * presented,
                                        const ServerCheckSettings& settings, absl::Time now);

// SHA-256 of the certificate's SubjectPublicKeyInfo, 32 raw bytes.
[[nodiscard]] std::string SpkiSha256(X509* certificate);

}  // namespace sallyport::dataplane
