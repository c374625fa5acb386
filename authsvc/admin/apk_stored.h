// What conversions of WSO2 APK's documents must know of what is stored. Private to this folder.
#pragma once

#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc {
class Writer;
}

namespace sallyport::authsvc::admin {

// `writer` outlives the options. Blocks for the store where an API is asked for.
void ReadApkFrom(Writer* writer, dialects::ConvertOptions* options);

}  // namespace sallyport::authsvc::admin
