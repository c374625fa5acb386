// JavaScript of Tyk definitions: virtual endpoints, and the data that their scripts find. Private
// to this folder.
#pragma once

#include <map>
#include <string>

#include "authsvc/dialects/fields.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc::dialects {

// How a dialect names the parts of a script.
struct ScriptNames {
  absl::string_view function;
  absl::string_view source;  // Base64
  absl::string_view file;    // a file on the gateway's machine, which is not read; empty: `source`
  absl::string_view session, proxy_on_error;
};

void ReadScript(const Fields& entry, const ScriptNames& names, v1::VirtualEndpoint* endpoint);
// The same to everybody, in place of the upstream: `code` of the object (200 to 599), its `body`
// and these headers.
void ReadMock(const Fields& mock, const std::map<std::string, std::string>& headers,
              v1::VirtualEndpoint* endpoint);
// An object of anything; another type is refused.
void ReadScriptConfig(const Fields& at, absl::string_view name, v1::Api* api);

}  // namespace sallyport::authsvc::dialects
