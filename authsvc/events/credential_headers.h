// Header values of webhooks that are not shown: they are credentials, by the header's name.
#pragma once

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

// "Authorization", "X-Api-Key", "Cookie": rather one too many than one too few.
[[nodiscard]] inline bool IsCredentialHeader(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  for (const absl::string_view word : {"auth", "cookie", "token", "secret", "key", "pass", "pwd",
                                       "credential", "signature", "session"}) {
    if (absl::StrContains(lower, word)) return true;
  }
  return false;
}

// Their names stay, with empty values: given back so, they mean what is stored.
inline void HideCredentialHeaders(::sallyport::v1::Api* api) {
  for (::sallyport::v1::EventHandler& handler : *api->mutable_event_handlers()) {
    for (auto& [name, value] : *handler.mutable_headers()) {
      if (IsCredentialHeader(name)) value.clear();
    }
    for (const auto& [name, sealed] : handler.sealed_headers())
      (*handler.mutable_headers())[name] = "";
    handler.clear_sealed_headers();
  }
}

}  // namespace sallyport::authsvc
