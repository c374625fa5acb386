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

// What a value is sealed for.
std::string SealedField(const v1::EventHandler& handler, absl::string_view name) {
  return absl::StrCat(kHandlerHeader, absl::AsciiStrToLower(name), " ", handler.url());
}

// What is stored for that place: sealed, or in clear as versions before this one kept it.
struct StoredHeader {
  const v1::SealedSecret* sealed = nullptr;
  const std::string* clear = nullptr;
};

void AddHeaders(const v1::EventHandler& handler, absl::string_view name,
                std::vector<StoredHeader>* found) {
  for (const auto& [other, sealed] : handler.sealed_headers()) {
    if (absl::EqualsIgnoreCase(other, name)) found->push_back({&sealed, nullptr});
  }
  for (const auto& [other, value] : handler.headers()) {
    if (absl::EqualsIgnoreCase(other, name) && !value.empty()) found->push_back({nullptr, &value});
  }
}

// Those of the same event; where there are none, of other events.
std::vector<StoredHeader> FindHeaders(const v1::Api* stored, const v1::EventHandler& of,
                                      absl::string_view name) {
  std::vector<StoredHeader> same, others;
  if (stored == nullptr) return same;
  for (const v1::EventHandler& handler : stored->event_handlers()) {
    if (handler.url() == of.url())
      AddHeaders(handler, name, handler.event() == of.event() ? &same : &others);
  }
  return same.empty() ? others : same;
}

// Its name in exports of versions that told them apart by URL alone.
std::string SecretWithoutEvent(const v1::EventHandler& handler, absl::string_view name) {
  return absl::StrCat(kHandlerHeader, absl::AsciiStrToLower(name), " ", handler.url());
}

// How many of them could be meant by a name without an event.
size_t WithoutValue(const v1::Api& api, const v1::EventHandler& of, absl::string_view name) {
  size_t count = 0;
  for (const v1::EventHandler& handler : api.event_handlers()) {
    if (handler.url() != of.url()) continue;
    for (const auto& [other, value] : handler.headers())
      count += value.empty() && absl::EqualsIgnoreCase(other, name) ? 1 : 0;
  }
  return count;
}

class HandlerSealer {
 public:
  // `api` as it was given.
  HandlerSealer(const ValueSealing& sealing, const std::map<std::string, base::Secret>& secrets,
                const v1::Api* stored, const v1::Api& api)
      : sealing_(sealing),
        secrets_(secrets),
        stored_(stored),
        given_(api),
        record_(HeaderRecord(api)) {}

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

  [[nodiscard]] bool HasUsed(const std::string& secret) const {
    return seen_.count(secret) > 0 || without_event_.count(secret) > 0;
  }

 private:
  // What an export brings for it; empty: nothing.
  absl::StatusOr<absl::string_view> Brought(const std::string& name,
                                            const v1::EventHandler& handler) {
    auto given = secrets_.find(HandlerHeaderSecret(handler, name));
    if (given != secrets_.end()) return given->second.Reveal();
    given = secrets_.find(SecretWithoutEvent(handler, name));
    if (given == secrets_.end()) return absl::string_view();
    if (WithoutValue(given_, handler, name) > 1) {
      return Invalid("event_handlers: the export is of a version that does not say for which ",
                     "event header ", absl::CHexEscape(name), " is, and several handlers have ",
                     "that url: export again with this version, or apply the API with the values");
    }
    without_event_.insert(given->first);
    return given->second.Reveal();
  }

  absl::Status SealOne(const std::string& name, v1::EventHandler* handler) {
    const std::vector<StoredHeader> old = FindHeaders(stored_, *handler, name);
    const std::string secret = HandlerHeaderSecret(*handler, name);
    absl::string_view value = handler->headers().at(name);
    if (value.empty()) {
      const auto brought = Brought(name, *handler);
      if (!brought.ok()) return brought.status();
      value = *brought;
    }
    const auto [seen, first] = seen_.emplace(secret, base::Secret::CopyOf(value));
    if (!first && seen->second.Reveal() != value) {
      return Invalid("event_handlers: header ", absl::CHexEscape(name), " of event ",
                     handler->event(), " has two values for one url");
    }
    v1::SealedSecret sealed;
    if (auto status = value.empty() ? Keep(name, old, *handler, &sealed)
                                    : SealGiven(name, value, old, *handler, &sealed);
        !status.ok())
      return status;
    (*handler->mutable_sealed_headers())[name] = std::move(sealed);
    handler->mutable_headers()->erase(name);
    return absl::OkStatus();
  }

  absl::Status SealGiven(const std::string& name, absl::string_view value,
                         const std::vector<StoredHeader>& old, const v1::EventHandler& handler,
                         v1::SealedSecret* out) const {
    if (auto status = CheckHeaderValue(name, value); !status.ok()) return status;
    auto sealed = SealValue(sealing_, record_, SealedField(handler, name), value,
                            old.empty() ? nullptr : old.front().sealed);
    if (!sealed.ok()) return sealed.status();
    *out = *std::move(sealed);
    return absl::OkStatus();
  }

  absl::Status Keep(const std::string& name, const std::vector<StoredHeader>& old,
                    const v1::EventHandler& handler, v1::SealedSecret* out) const {
    if (old.empty()) {
      return Invalid("event_handlers: the value of header ", absl::CHexEscape(name),
                     " is required: none is stored for that url");
    }
    if (old.size() == 1 && old.front().sealed != nullptr) {
      *out = *old.front().sealed;
      return absl::OkStatus();
    }
    base::Secret value;
    for (const StoredHeader& one : old) {
      auto opened = one.clear != nullptr
                        ? absl::StatusOr<base::Secret>(base::Secret::CopyOf(*one.clear))
                        : OpenValue(sealing_, record_, SealedField(handler, name), *one.sealed);
      if (!opened.ok()) return opened.status();
      if (!value.empty() && value.Reveal() != opened->Reveal()) {
        return Invalid("event_handlers: the value of header ", absl::CHexEscape(name),
                       " is required: several are stored for that url");
      }
      value = *std::move(opened);
    }
    return SealGiven(name, value.Reveal(), old, handler, out);
  }

  const ValueSealing& sealing_;
  const std::map<std::string, base::Secret>& secrets_;
  const v1::Api* const stored_;
  const v1::Api& given_;
  const std::string record_;
  std::map<std::string, base::Secret> seen_;  // by the name of the secret; empty: what is stored
  std::set<std::string> without_event_;       // names of those that were used
};

}  // namespace

std::string HandlerHeaderSecret(const v1::EventHandler& handler, absl::string_view name) {
  return absl::StrCat(kHandlerHeader, absl::AsciiStrToLower(name), " ", handler.event(), " ",
                      handler.url());
}

absl::Status CompleteHandlerHeaders(const ValueSealing& sealing,
                                    const std::map<std::string, base::Secret>& secrets,
                                    const v1::Api* stored, v1::Api* api) {
  const v1::Api given = *api;
  HandlerSealer sealer(sealing, secrets, stored, given);
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
  return OpenValue(sealing, HeaderRecord(api), SealedField(handler, name), sealed->second);
}

}  // namespace sallyport::authsvc
