// Which key an administrator means by a text: a token, a certificate id, or the key's own id. For
// administration only, never to let a caller in. Private to this folder.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "authsvc/snapshot/snapshot.h"

namespace sallyport::authsvc::admin {

// By id alone where `by_id`. Null: none. Of a certificate the key that holds it now comes before a
// key that was named after it (reference tyk.md Q15: after a change of certificate both may exist).
// User names are looked for after both, in `org`, with or without it in front.
[[nodiscard]] const KeyEntry* FindNamedKey(const Snapshot& snapshot, absl::string_view org,
                                           absl::string_view text, bool by_id);

// Whether the text has the form of a certificate id: any org and 64 hex digits.
[[nodiscard]] bool LooksLikeCertificateId(absl::string_view text);

// The fingerprint at the end of a certificate id; false: it has none.
[[nodiscard]] bool FingerprintOf(absl::string_view certificate_id, Digest* fingerprint);

}  // namespace sallyport::authsvc::admin
