// A document that came by REST -> mutations of one write, and stored documents -> a list. Private
// to this folder.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "authsvc/admin/answers.h"
#include "authsvc/admin/call.h"
#include "authsvc/change/writer.h"
#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::admin {

[[nodiscard]] dialects::ConvertOptions OptionsFor(const Call& call);

// Certificates that stood inline, as mutations; the resource that the document stands for comes
// last in `conversion` and is left there. A certificate that is stored already is left out unless
// it brings a key.
[[nodiscard]] std::vector<Mutation> TakeInlineCertificates(const Snapshot& snapshot,
                                                           dialects::Conversion* conversion);

[[nodiscard]] std::vector<std::string> WarningTexts(const dialects::Conversion& conversion);

// The JSON array of these resources, each as `json` writes it. One that went meanwhile is left out;
// a store that cannot be read is an error, never a shorter list.
[[nodiscard]] Response DocumentList(const Call& call, Kind kind,
                                    const std::vector<std::string>& ids,
                                    const std::function<std::string(const v1::Resource&)>& json);

}  // namespace sallyport::authsvc::admin
