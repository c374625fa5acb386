// Core resources -> pieces of Tyk's JSON. Private to this folder.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/string_view.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc::dialects {

namespace v1 = sallyport::v1;
using Json = nlohmann::ordered_json;

// The stored document when the resource came by `dialect`; else null.
[[nodiscard]] Json OriginalDocument(const v1::Resource& resource, absl::string_view dialect);
// RFC 3339, UTC; 0 is Tyk's zero time.
[[nodiscard]] std::string TimeText(int64_t unix_seconds);
[[nodiscard]] std::string Text(const Json& json);

void PutLimits(const v1::Limits& limits, Json* object);
[[nodiscard]] Json AccessRightsJson(
    const google::protobuf::RepeatedPtrField<v1::AccessRight>& rights);

}  // namespace sallyport::authsvc::dialects
