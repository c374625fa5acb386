#include "dataplane/http2/callbacks.h"

#include "dataplane/http2/session.h"

namespace sallyport::dataplane {
namespace {

Http2Session& SessionOf(void* session) { return *static_cast<Http2Session*>(session); }

absl::string_view TextOf(nghttp2_rcbuf* buffer) {
  const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

}  // namespace

// A friend of the session.
struct Http2Calls {
  static int OnBeginHeaders(nghttp2_session* /*library*/, const nghttp2_frame* frame,
                            void* session) {
    SessionOf(session).BeginHead(*frame);
    return 0;
  }
  static int OnHeader(nghttp2_session* /*library*/, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                      nghttp2_rcbuf* value, uint8_t /*flags*/, void* session) {
    Http2Session& ours = SessionOf(session);
    return ours.Field(ours.Find(frame->hd.stream_id), TextOf(name), TextOf(value));
  }
  static int OnFrameReceived(nghttp2_session* /*library*/, const nghttp2_frame* frame,
                             void* session) {
    SessionOf(session).FrameReceived(*frame);
    return 0;
  }
  static int OnInvalidFrame(nghttp2_session* /*library*/, const nghttp2_frame* /*frame*/, int error,
                            void* session) {
    SessionOf(session).SetDetail(nghttp2_strerror(error));
    return 0;
  }
  static int OnData(nghttp2_session* /*library*/, uint8_t /*flags*/, int32_t id,
                    const uint8_t* data, size_t size, void* session) {
    Http2Session& ours = SessionOf(session);
    ours.Data(ours.Find(id), {reinterpret_cast<const char*>(data), size});
    return 0;
  }
  static int OnClose(nghttp2_session* /*library*/, int32_t id, uint32_t /*code*/, void* session) {
    Http2Session& ours = SessionOf(session);
    ours.Closed(ours.Find(id), id);
    return 0;
  }
  static int OnFrameSent(nghttp2_session* /*library*/, const nghttp2_frame* frame, void* session) {
    SessionOf(session).FrameSent(*frame);
    return 0;
  }
  static int OnFrameNotSent(nghttp2_session* /*library*/, const nghttp2_frame* frame, int /*error*/,
                            void* session) {
    SessionOf(session).NotSent(*frame);
    return 0;
  }
  static int OnSendData(nghttp2_session* /*library*/, nghttp2_frame* /*frame*/,
                        const uint8_t* frame_head, size_t size, nghttp2_data_source* source,
                        void* session) {
    return SessionOf(session).Send(static_cast<Http2Stream*>(source->ptr), frame_head, size);
  }
  static int OnError(nghttp2_session* /*library*/, int /*code*/, const char* text, size_t size,
                     void* session) {
    SessionOf(session).SetDetail({text, size});
    return 0;
  }
  static ssize_t Read(void* session, nghttp2_data_source* source, size_t most, uint32_t* flags) {
    return SessionOf(session).Read(static_cast<Http2Stream*>(source->ptr), most, flags);
  }
};

ssize_t Http2Callbacks::OnRead(nghttp2_session* /*library*/, int32_t /*id*/, uint8_t* /*into*/,
                               size_t most, uint32_t* flags, nghttp2_data_source* source,
                               void* session) {
  return Http2Calls::Read(session, source, most, flags);
}

Http2Callbacks::Table Http2Callbacks::Make() {
  nghttp2_session_callbacks* made = nullptr;
  if (nghttp2_session_callbacks_new(&made) != 0) made = nullptr;
  Table table(made, &nghttp2_session_callbacks_del);
  if (made == nullptr) return table;
  nghttp2_session_callbacks_set_on_begin_headers_callback(made, Http2Calls::OnBeginHeaders);
  nghttp2_session_callbacks_set_on_header_callback2(made, Http2Calls::OnHeader);
  nghttp2_session_callbacks_set_on_frame_recv_callback(made, Http2Calls::OnFrameReceived);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, Http2Calls::OnInvalidFrame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, Http2Calls::OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(made, Http2Calls::OnClose);
  nghttp2_session_callbacks_set_on_frame_send_callback(made, Http2Calls::OnFrameSent);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(made, Http2Calls::OnFrameNotSent);
  nghttp2_session_callbacks_set_send_data_callback(made, Http2Calls::OnSendData);
  nghttp2_session_callbacks_set_error_callback2(made, Http2Calls::OnError);
  return table;
}

}  // namespace sallyport::dataplane
