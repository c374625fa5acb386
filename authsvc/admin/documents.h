// A document that came by REST -> mutations of one write. Private to this folder.
#pragma once

#include <string>
#include <vector>

#include "authsvc/admin/call.h"
#include "authsvc/change/writer.h"
#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::admin {

[[nodiscard]] dialects::ConvertOptions OptionsFor(const Call& call);

// Certificates that stood inline, as mutations; the resource that the document stands for comes last in
// `conversion` and is left there. A certificate that is stored already is left out unless it brings a key.
[[nodiscard]] std::vector<Mutation> TakeInlineCertificates(const Snapshot& snapshot,
                                                           dialects::Conversion* conversion);

[[nodiscard]] std::vector<std::string> WarningTexts(const dialects::Conversion& conversion);

}  // namespace sallyport::authsvc::admin
