// What nghttp2 calls, handed on to the session, of either side: functions of the same names, found
// when this is compiled. Private to this folder.
#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>

#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

template <typename Session>
struct Http2Calls {
  using Table =
      std::unique_ptr<nghttp2_session_callbacks, decltype(&nghttp2_session_callbacks_del)>;

  // Null: no memory.
  [[nodiscard]] static Table Make() {
    nghttp2_session_callbacks* made = nullptr;
    if (nghttp2_session_callbacks_new(&made) != 0) made = nullptr;
    Table table(made, &nghttp2_session_callbacks_del);
    if (made == nullptr) return table;
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, OnBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback2(made, OnHeader);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, OnFrameReceived);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, OnInvalidFrame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, OnClose);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, OnFrameSent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(made, OnFrameNotSent);
    nghttp2_session_callbacks_set_send_data_callback(made, OnSendData);
    nghttp2_session_callbacks_set_error_callback2(made, OnError);
    return table;
  }
  // Of a nghttp2_data_provider; its source's pointer goes to Read and Send.
  static ssize_t OnRead(nghttp2_session* /*library*/, int32_t id, uint8_t* /*into*/, size_t most,
                        uint32_t* flags, nghttp2_data_source* source, void* session) {
    return Of(session).Read(id, source->ptr, most, flags);
  }

 private:
  static Session& Of(void* session) { return *static_cast<Session*>(session); }
  static absl::string_view TextOf(nghttp2_rcbuf* buffer) {
    const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
    return {reinterpret_cast<const char*>(bytes.base), bytes.len};
  }

  static int OnBeginHeaders(nghttp2_session* /*library*/, const nghttp2_frame* frame,
                            void* session) {
    Of(session).BeginHead(*frame);
    return 0;
  }
  static int OnHeader(nghttp2_session* /*library*/, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                      nghttp2_rcbuf* value, uint8_t /*flags*/, void* session) {
    const bool taken = Of(session).Field(frame->hd.stream_id, TextOf(name), TextOf(value));
    return taken ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // the rest is not decoded for us
  }
  static int OnFrameReceived(nghttp2_session* /*library*/, const nghttp2_frame* frame,
                             void* session) {
    Of(session).FrameReceived(*frame);
    return 0;
  }
  static int OnInvalidFrame(nghttp2_session* /*library*/, const nghttp2_frame* /*frame*/, int error,
                            void* session) {
    Of(session).SetDetail(nghttp2_strerror(error));
    return 0;
  }
  static int OnData(nghttp2_session* /*library*/, uint8_t /*flags*/, int32_t id,
                    const uint8_t* data, size_t size, void* session) {
    Of(session).Data(id, {reinterpret_cast<const char*>(data), size});
    return 0;
  }
  static int OnClose(nghttp2_session* /*library*/, int32_t id, uint32_t code, void* session) {
    Of(session).Closed(id, code);
    return 0;
  }
  static int OnFrameSent(nghttp2_session* /*library*/, const nghttp2_frame* frame, void* session) {
    Of(session).FrameSent(*frame);
    return 0;
  }
  static int OnFrameNotSent(nghttp2_session* /*library*/, const nghttp2_frame* frame, int /*error*/,
                            void* session) {
    Of(session).NotSent(*frame);
    return 0;
  }
  static int OnSendData(nghttp2_session* /*library*/, nghttp2_frame* frame,
                        const uint8_t* frame_head, size_t size, nghttp2_data_source* source,
                        void* session) {
    return Of(session).Send(frame->hd.stream_id, source->ptr, frame_head, size);
  }
  static int OnError(nghttp2_session* /*library*/, int /*code*/, const char* text, size_t size,
                     void* session) {
    Of(session).SetDetail({text, size});
    return 0;
  }
};

}  // namespace sallyport::dataplane
