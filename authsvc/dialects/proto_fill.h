// Node -> protobuf message by protobuf's JSON mapping, with complaints that name path and line.
// Unknown fields are refused. Enumerations are taken by their short name too ("mandatory"). Private
// to this folder.
#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "absl/types/span.h"
#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::dialects {

// `skip`: members that the caller reads itself. `hidden`: fields of the message that documents
// cannot set.
struct FillRules {
  absl::Span<const absl::string_view> skip;
  absl::Span<const absl::string_view> hidden;
};

void FillMessage(const Node& object, const std::string& path, const FillRules& rules,
                 google::protobuf::Message* message, Conversion* out);

}  // namespace sallyport::authsvc::dialects
