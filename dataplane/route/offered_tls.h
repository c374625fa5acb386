// Which versions and ciphers of TLS are offered at server names of listeners, in place of what
// their listeners offer. Immutable, thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dataplane/route/server_name_table.h"

namespace sallyport::dataplane {

struct OfferedTls {
  std::string min_version, max_version;  // "1.2" | "1.3"; empty: the listener's
  // As OpenSSL takes them, the best first; empty: all that there are.
  std::string tls12_ciphers, tls13_ciphers;
  // Of all above; the same on every replica, never 0. Part of the version of the client-TLS
  // settings, so that a session or connection that was made otherwise is not taken.
  uint64_t version = 0;

  // `protocol`: as OpenSSL calls it, "TLSv1.3".
  [[nodiscard]] bool Takes(absl::string_view protocol) const;
  // `cipher` of that version, likewise.
  [[nodiscard]] bool TakesCipher(absl::string_view protocol, absl::string_view cipher) const;
  // These, and of `listener` what these do not say.
  [[nodiscard]] OfferedTls Over(const OfferedTls& listener) const;
};
using OfferedTlsPtr = std::shared_ptr<const OfferedTls>;
// `ciphers` of both versions, by the names that authsvc takes.
[[nodiscard]] OfferedTlsPtr MakeOfferedTls(std::string min_version, std::string max_version,
                                           const std::vector<std::string>& ciphers);

using OfferedTlsTable = ServerNameTable<OfferedTls>;
using OfferedTlsNames = OfferedTlsTable::Names;
using OfferedTlsListener = OfferedTlsTable::Listener;
using OfferedTlsTablePtr = std::shared_ptr<const OfferedTlsTable>;

}  // namespace sallyport::dataplane
