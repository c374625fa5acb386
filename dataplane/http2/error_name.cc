#include "dataplane/http2/error_name.h"

#include <iterator>

namespace sallyport::dataplane {

absl::string_view Http2ErrorName(uint32_t code) {
  static constexpr absl::string_view kNames[] = {"NO_ERROR",
                                                 "PROTOCOL_ERROR",
                                                 "INTERNAL_ERROR",
                                                 "FLOW_CONTROL_ERROR",
                                                 "SETTINGS_TIMEOUT",
                                                 "STREAM_CLOSED",
                                                 "FRAME_SIZE_ERROR",
                                                 "REFUSED_STREAM",
                                                 "CANCEL",
                                                 "COMPRESSION_ERROR",
                                                 "CONNECT_ERROR",
                                                 "ENHANCE_YOUR_CALM",
                                                 "INADEQUATE_SECURITY",
                                                 "HTTP_1_1_REQUIRED"};
  return code < std::size(kNames) ? kNames[code] : "other";
}

}  // namespace sallyport::dataplane
