#include "authsvc/change/handler_headers.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/change/invalid.h"
#include "authsvc/change/secret_names.h"
#include "authsvc/events/credential_headers.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kMostHeaderBytes = 8192;

std::string HeaderRecord(const v1::Api& api) { return absl::StrCat("api/", api.id()); }

absl::Status CheckHeaderValue(const std::string& name, absl::string_view value) {
  if (value.size() > kMostHeaderBytes)
    return Invalid("event_handlers: header ", name, " is longer than ", kMostHeaderBytes, " bytes");
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f)
      return Invalid("event_handlers: header ", name, " has a control character");
  }
  return absl::OkStatus();
}

// What is stored for that place: sealed, or in clear as versions before this one kept it.
struct StoredHeader {
  const v1::SealedSecret* sealed = nullptr;
  const std::string* clear = nullptr;
};
StoredHeader FindHeader(const v1::Api* stored, const std::string& url, absl::string_view name) {
  if (stored == nullptr) return {};
  for (const v1::EventHandler& handler : stored->event_handlers()) {
    if (handler.url() != url) continue;
    for (const auto& [other, sealed] : handler.sealed_headers()) {
      if (absl::EqualsIgnoreCase(other, name)) return {&sealed, nullptr};
    }
    for (const auto& [other, value] : handler.headers()) {
      if (absl::EqualsIgnoreCase(other, name) && !value.empty()) return {nullptr, &value};
    }
  }
  return {};
}

class HandlerSealer {
 public:
  HandlerSealer(const ValueSealing& sealing, const std::map<std::string, base::Secret>& secrets,
                const v1::Api* stored, const v1::Api& api)
      : sealing_(sealing), secrets_(secrets), stored_(stored), record_(HeaderRecord(api)) {}

  absl::Status Seal(v1::EventHandler* handler) {
    if (!handler->sealed_headers().empty()) {
      return Invalid("event_handlers: sealed_headers are made by the store and cannot be given");
    }
    std::vector<std::string> names;
    for (const auto& [name, value] : handler->headers()) {
      if (IsCredentialHeader(name)) names.push_back(name);
    }
    for (const std::string& name : names) {
      if (auto status = SealOne(name, handler); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  [[nodiscard]] bool HasUsed(const std::string& secret) const { return used_.count(secret) > 0; }

 private:
  absl::Status SealOne(const std::string& name, v1::EventHandler* handler) {
    const StoredHeader old = FindHeader(stored_, handler->url(), name);
    const std::string field = HandlerHeaderSecret(*handler, name);
    const auto given = secrets_.find(field);
    absl::string_view value = handler->headers().at(name);
    if (value.empty() && given != secrets_.end()) value = given->second.Reveal();
    if (value.empty() && old.clear != nullptr) value = *old.clear;
    used_.insert(field);
    v1::SealedSecret& out = (*handler->mutable_sealed_headers())[name];
    if (!value.empty()) {
      if (auto status = CheckHeaderValue(name, value); !status.ok()) return status;
      auto sealed = SealValue(sealing_, record_, field, value, old.sealed);
      if (!sealed.ok()) return sealed.status();
      out = *std::move(sealed);
    } else if (old.sealed != nullptr) {
      out = *old.sealed;
    } else {
      return Invalid("event_handlers: the value of header ", absl::CHexEscape(name),
                     " is required: none is stored for that url");
    }
    handler->mutable_headers()->erase(name);
    return absl::OkStatus();
  }

  const ValueSealing& sealing_;
  const std::map<std::string, base::Secret>& secrets_;
  const v1::Api* const stored_;
  const std::string record_;
  std::set<std::string> used_;
};

}  // namespace

std::string HandlerHeaderSecret(const v1::EventHandler& handler, absl::string_view name) {
  return absl::StrCat(kHandlerHeader, absl::AsciiStrToLower(name), " ", handler.url());
}

absl::Status CompleteHandlerHeaders(const ValueSealing& sealing,
                                    const std::map<std::string, base::Secret>& secrets,
                                    const v1::Api* stored, v1::Api* api) {
  HandlerSealer sealer(sealing, secrets, stored, *api);
  for (v1::EventHandler& handler : *api->mutable_event_handlers()) {
    if (auto status = sealer.Seal(&handler); !status.ok()) return status;
  }
  for (const auto& [name, value] : secrets) {
    if (absl::StartsWith(name, kHandlerHeader) && !sealer.HasUsed(name))
      return Invalid("an API has no secret named ", name);
  }
  return absl::OkStatus();
}

absl::StatusOr<base::Secret> OpenHandlerHeader(const ValueSealing& sealing, const v1::Api& api,
                                               const v1::EventHandler& handler,
                                               const std::string& name) {
  const auto sealed = handler.sealed_headers().find(name);
  if (sealed == handler.sealed_headers().end()) return absl::NotFoundError("there is no value");
  return OpenValue(sealing, HeaderRecord(api), HandlerHeaderSecret(handler, name), sealed->second);
}

}  // namespace sallyport::authsvc
