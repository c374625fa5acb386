// Domain keys and hosts: no input crashes; what parses is normal (parsing its own text gives it
// again) and a map made of a host finds that host.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "shared/domain/domain_map.h"
#include "shared/domain/host.h"
#include "shared/domain/host_pattern.h"
#include "shared/domain/pattern.h"

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckPattern(absl::string_view text) {
  namespace domain = sallyport::domain;
  const auto pattern = domain::ParsePattern(text);
  if (!pattern.ok()) return;
  const auto again = domain::ParsePattern(pattern->ToString());
  Check(again.ok() && *again == *pattern);
  const auto map = domain::DomainMap<int>::Build({{std::string(text), 1}});
  Check(map.ok());
  if (pattern->kind == domain::Pattern::Kind::kHost) {
    Check(static_cast<bool>(
        map->FindSpecific(pattern->name, pattern->port != 0 ? pattern->port : 443)));
  }
}

void CheckHost(absl::string_view text) {
  namespace domain = sallyport::domain;
  const auto host = domain::ParseHost(text);
  if (!host.ok()) return;
  const auto again = domain::ParseHost(host->name);
  Check(again.ok() && *again == *host);
  Check(host->is_ip || domain::IsNormalName(host->name));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  CheckPattern(text);
  CheckHost(text);
  (void)sallyport::domain::ParseHostPort(text);
  const auto pattern = sallyport::domain::HostPattern::Parse(text.substr(0, 256));
  if (pattern.ok()) (void)pattern->Matches("api.example.com", false);
  return 0;
}
