#include "authsvc/dialects/apk/sandbox.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr absl::string_view kSuffix = "~sandbox";

}  // namespace

std::string SandboxId(absl::string_view id) { return absl::StrCat(id, kSuffix); }
bool IsSandboxId(absl::string_view id) { return absl::EndsWith(id, kSuffix); }

bool SandboxStored(absl::string_view id, absl::string_view dialect, bool wanted,
                   absl::string_view path, const ConvertOptions& options, Conversion* out) {
  const std::string own = SandboxId(id);
  const auto stored = options.stored_api ? options.stored_api(own) : std::nullopt;
  if (!stored.has_value()) return false;
  if (stored->dialect() == dialect) return true;
  if (wanted)
    out->Refuse(path, nullptr, absl::StrCat("API ", own, " exists, and came in another way"));
  return false;
}

}  // namespace sallyport::authsvc::dialects::apk
