#include "authsvc/snapshot/kept_document.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "authsvc/events/credential_headers.h"

namespace sallyport::authsvc {
namespace {

using KeptJson = nlohmann::ordered_json;

// False: it was empty, or is no value of a header.
bool EmptyKept(KeptJson* value) {
  if (value->is_null() || value->is_structured() || *value == "") return false;
  *value = "";
  return true;
}

// {NAME: value}, Classic definitions' and our own.
bool EmptyMap(KeptJson* headers) {
  bool changed = false;
  for (auto& [name, value] : headers->items()) {
    if (IsCredentialHeader(name)) changed = EmptyKept(&value) || changed;
  }
  return changed;
}

// [{"name": NAME, "value": value}], of OAS.
bool EmptyList(KeptJson* headers) {
  bool changed = false;
  for (KeptJson& header : *headers) {
    if (!header.is_object() || !header.contains("value")) continue;
    const auto name = header.find("name");
    if (name == header.end() || !name->is_string()) continue;
    if (IsCredentialHeader(name->get_ref<const std::string&>()))
      changed = EmptyKept(&header["value"]) || changed;
  }
  return changed;
}

// True: something was emptied. Documents are as deep as their reader let them be.
bool EmptyBelow(KeptJson* node, bool in_handlers) {
  bool changed = false;
  if (!node->is_structured()) return false;
  for (auto& [name, value] : node->items()) {
    if (in_handlers && (name == "header_map" || name == "headers")) {
      if (value.is_object()) changed = EmptyMap(&value) || changed;
      if (value.is_array()) changed = EmptyList(&value) || changed;
      continue;
    }
    const bool handlers =
        node->is_object() && (name == "event_handlers" || name == "eventHandlers");
    changed = EmptyBelow(&value, in_handlers || handlers) || changed;
  }
  return changed;
}

}  // namespace

void HideCredentialHeaders(std::string* document) {
  if (!absl::StrContains(*document, "event_handlers") &&
      !absl::StrContains(*document, "eventHandlers"))
    return;
  KeptJson json = KeptJson::parse(*document, nullptr, false);
  if (!json.is_discarded() && EmptyBelow(&json, false))
    *document = json.dump(-1, ' ', false, KeptJson::error_handler_t::replace);
}

}  // namespace sallyport::authsvc
