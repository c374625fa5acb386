// What nghttp2 calls, handed on to the session. Private to this folder.
#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>

namespace sallyport::dataplane {

struct Http2Callbacks {
  using Table =
      std::unique_ptr<nghttp2_session_callbacks, decltype(&nghttp2_session_callbacks_del)>;
  // Null: no memory.
  [[nodiscard]] static Table Make();
  // The body of an answer; `source->ptr` is the stream.
  static ssize_t OnRead(nghttp2_session* library, int32_t id, uint8_t* into, size_t most,
                        uint32_t* flags, nghttp2_data_source* source, void* session);
};

}  // namespace sallyport::dataplane
