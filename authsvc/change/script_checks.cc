#include "authsvc/change/script_checks.h"

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "authsvc/change/invalid.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kMostFunctionBytes = 128;
constexpr size_t kMostSourceBytes = 256 << 10;
// They go to each data plane as a part of the route.
constexpr size_t kMostSourceBytesOfApi = 1 << 20;
constexpr size_t kMostConfigBytes = 64 << 10;
constexpr uint32_t kMostMillis = 30'000;
constexpr uint32_t kLeastKib = 1'024, kMostKib = 131'072;

bool IsIdentifier(absl::string_view name) {
  if (name.empty() || absl::ascii_isdigit(static_cast<unsigned char>(name.front()))) return false;
  for (const char c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '$') return false;
  }
  return name.size() <= kMostFunctionBytes;
}

}  // namespace

absl::Status CheckVirtualEndpoint(absl::string_view what, const v1::VirtualEndpoint& endpoint) {
  const std::string& function = endpoint.function();
  if (!IsIdentifier(function)) {
    return Invalid(what, ": virtual_endpoint function `", function,
                   "`: must be the name of a function: letters, digits, _ and $");
  }
  if (endpoint.source().empty()) return Invalid(what, ": virtual_endpoint source is missing");
  if (endpoint.source().size() > kMostSourceBytes) {
    return Invalid(what, ": virtual_endpoint source has ", endpoint.source().size(),
                   " bytes, at most ", kMostSourceBytes);
  }
  if (!absl::StrContains(endpoint.source(), function))
    return Invalid(what, ": virtual_endpoint source does not define the function ", function);
  if (endpoint.timeout_ms() > kMostMillis)
    return Invalid(what, ": virtual_endpoint timeout_ms must be at most ", kMostMillis);
  const uint32_t memory = endpoint.memory_kib();
  if (memory != 0 && (memory < kLeastKib || memory > kMostKib)) {
    return Invalid(what, ": virtual_endpoint memory_kib must be between ", kLeastKib, " and ",
                   kMostKib);
  }
  return absl::OkStatus();
}

absl::Status CheckScripts(const v1::Api& api) {
  size_t bytes = 0;
  for (const v1::ApiVersion& version : api.versions()) {
    for (const v1::Endpoint& endpoint : version.endpoints())
      bytes += endpoint.virtual_endpoint().source().size();
  }
  if (bytes > kMostSourceBytesOfApi) {
    return Invalid("the scripts of virtual endpoints have ", bytes, " bytes together, at most ",
                   kMostSourceBytesOfApi);
  }
  const std::string& config = api.script_config_json();
  if (config.empty()) return absl::OkStatus();
  if (config.size() > kMostConfigBytes)
    return Invalid("script_config_json has ", config.size(), " bytes, at most ", kMostConfigBytes);
  const auto parsed = nlohmann::json::parse(config, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return Invalid("script_config_json must be a JSON object");
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
