#include "shared/base/reason.h"

namespace sallyport::base {
namespace {

struct Entry {
  Reason reason;
  absl::string_view name;
  Fault fault;
  int status;
  absl::string_view message;
};

constexpr Entry kEntries[] = {
#define X(enumerator, number, name, fault, status, message) \
  {Reason::enumerator, name, Fault::fault, status, message},
    SALLYPORT_REASONS(X)
#undef X
};

const Entry* Find(Reason reason) {
  for (const Entry& entry : kEntries) {
    if (entry.reason == reason) return &entry;
  }
  return nullptr;
}

const Entry& Get(Reason reason) {
  const Entry* entry = Find(reason);
  return entry != nullptr ? *entry : *Find(Reason::kInternal);
}

}  // namespace

absl::string_view ReasonName(Reason reason) { return Get(reason).name; }
Fault ReasonFault(Reason reason) { return Get(reason).fault; }
int ReasonStatus(Reason reason) { return Get(reason).status; }
absl::string_view ReasonMessage(Reason reason) { return Get(reason).message; }

absl::string_view FaultName(Fault fault) {
  switch (fault) {
    case Fault::kNone: return "none";
    case Fault::kClient: return "client";
    case Fault::kPolicy: return "policy";
    case Fault::kUpstream: return "upstream";
    case Fault::kAuthsvc: return "authsvc";
    case Fault::kGateway: return "gateway";
  }
  return "gateway";
}

Reason ReasonFromNumber(uint32_t number) {
  if (number > UINT16_MAX) return Reason::kInternal;
  const Entry* entry = Find(static_cast<Reason>(number));
  return entry != nullptr ? entry->reason : Reason::kInternal;
}

std::optional<Reason> ReasonFromName(absl::string_view name) {
  for (const Entry& entry : kEntries) {
    if (entry.name == name) return entry.reason;
  }
  return std::nullopt;
}

}  // namespace sallyport::base
