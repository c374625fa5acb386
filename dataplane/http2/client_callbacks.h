// What nghttp2 calls of a client's session, handed on to it. Private to this folder.
#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>

namespace sallyport::dataplane {

using Http2ClientCallbacks =
    std::unique_ptr<nghttp2_session_callbacks, decltype(&nghttp2_session_callbacks_del)>;
// Null: no memory.
[[nodiscard]] Http2ClientCallbacks MakeHttp2ClientCallbacks();
// The body of a request.
ssize_t ReadHttp2Request(nghttp2_session* library, int32_t id, uint8_t* into, size_t most,
                         uint32_t* flags, nghttp2_data_source* source, void* session);

}  // namespace sallyport::dataplane
