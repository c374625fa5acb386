#include "authsvc/resolve/settings_hash.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc {
namespace {

// Length in front of each part: no two answers read the same.
void Append(absl::string_view part, std::string* out) {
  absl::StrAppend(out, part.size(), ":", part);
}

template <typename Field>
void AppendAll(const Field& field, std::string* out) {
  absl::StrAppend(out, field.size(), "[");
  for (const std::string& part : field) Append(part, out);
}

}  // namespace

uint64_t SettingsHash(const v1::ResolveUpstreamResponse& answer, absl::string_view password) {
  std::string text;
  absl::StrAppend(&text, answer.reason(), ";", answer.pinned(), answer.pin_report_only(),
                  answer.pin_adds(), answer.insecure_skip_verify(), answer.common_name_check(),
                  ";");
  Append(answer.certificate_id(), &text);
  AppendAll(answer.client_chain_der(), &text);
  AppendAll(answer.pin_spki_sha256(), &text);
  AppendAll(answer.ciphers(), &text);
  AppendAll(answer.trust_der(), &text);
  Append(answer.min_version(), &text);
  Append(answer.max_version(), &text);
  Append(answer.server_name(), &text);
  if (answer.has_proxy()) {
    Append(answer.proxy().host(), &text);
    absl::StrAppend(&text, answer.proxy().port(), ";");
    Append(answer.proxy().username(), &text);
    Append(password, &text);
  }
  const crypto::Sha256Digest digest = crypto::Sha256Array(text);
  uint64_t hash = 0;
  for (size_t i = 0; i < sizeof(hash); ++i) hash = (hash << 8) | digest[i];
  return hash != 0 ? hash : 1;
}

}  // namespace sallyport::authsvc
