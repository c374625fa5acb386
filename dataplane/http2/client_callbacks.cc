#include "dataplane/http2/client_callbacks.h"

#include "dataplane/http2/client_session.h"

namespace sallyport::dataplane {
namespace {

Http2ClientSession& ClientOf(void* session) { return *static_cast<Http2ClientSession*>(session); }

absl::string_view ViewOf(nghttp2_rcbuf* buffer) {
  const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

}  // namespace

// A friend of the session.
struct Http2ClientCalls {
  static int OnBeginHeaders(nghttp2_session* /*library*/, const nghttp2_frame* frame,
                            void* session) {
    ClientOf(session).BeginHead(frame->hd.stream_id);
    return 0;
  }
  static int OnHeader(nghttp2_session* /*library*/, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                      nghttp2_rcbuf* value, uint8_t /*flags*/, void* session) {
    return ClientOf(session).Field(frame->hd.stream_id, ViewOf(name), ViewOf(value));
  }
  static int OnFrameReceived(nghttp2_session* /*library*/, const nghttp2_frame* frame,
                             void* session) {
    ClientOf(session).FrameReceived(*frame);
    return 0;
  }
  static int OnInvalidFrame(nghttp2_session* /*library*/, const nghttp2_frame* /*frame*/, int error,
                            void* session) {
    ClientOf(session).SetDetail(nghttp2_strerror(error));
    return 0;
  }
  static int OnData(nghttp2_session* /*library*/, uint8_t /*flags*/, int32_t id,
                    const uint8_t* data, size_t size, void* session) {
    Http2ClientSession& ours = ClientOf(session);
    ours.Data(ours.Find(id), {reinterpret_cast<const char*>(data), size});
    return 0;
  }
  static int OnClose(nghttp2_session* /*library*/, int32_t id, uint32_t code, void* session) {
    ClientOf(session).Closed(id, code);
    return 0;
  }
  static int OnFrameSent(nghttp2_session* /*library*/, const nghttp2_frame* frame, void* session) {
    ClientOf(session).FrameSent(*frame);
    return 0;
  }
  static int OnFrameNotSent(nghttp2_session* /*library*/, const nghttp2_frame* frame, int /*error*/,
                            void* session) {
    ClientOf(session).NotSent(*frame);
    return 0;
  }
  static int OnSendData(nghttp2_session* /*library*/, nghttp2_frame* frame,
                        const uint8_t* frame_head, size_t size, nghttp2_data_source* /*source*/,
                        void* session) {
    return ClientOf(session).Send(frame->hd.stream_id, frame_head, size);
  }
  static int OnError(nghttp2_session* /*library*/, int /*code*/, const char* text, size_t size,
                     void* session) {
    ClientOf(session).SetDetail({text, size});
    return 0;
  }
  static ssize_t Read(void* session, int32_t id, size_t most, uint32_t* flags) {
    return ClientOf(session).Read(id, most, flags);
  }
};

ssize_t ReadHttp2Request(nghttp2_session* /*library*/, int32_t id, uint8_t* /*into*/, size_t most,
                         uint32_t* flags, nghttp2_data_source* /*source*/, void* session) {
  return Http2ClientCalls::Read(session, id, most, flags);
}

Http2ClientCallbacks MakeHttp2ClientCallbacks() {
  nghttp2_session_callbacks* made = nullptr;
  if (nghttp2_session_callbacks_new(&made) != 0) made = nullptr;
  Http2ClientCallbacks table(made, &nghttp2_session_callbacks_del);
  if (made == nullptr) return table;
  nghttp2_session_callbacks_set_on_begin_headers_callback(made, Http2ClientCalls::OnBeginHeaders);
  nghttp2_session_callbacks_set_on_header_callback2(made, Http2ClientCalls::OnHeader);
  nghttp2_session_callbacks_set_on_frame_recv_callback(made, Http2ClientCalls::OnFrameReceived);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made,
                                                               Http2ClientCalls::OnInvalidFrame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, Http2ClientCalls::OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(made, Http2ClientCalls::OnClose);
  nghttp2_session_callbacks_set_on_frame_send_callback(made, Http2ClientCalls::OnFrameSent);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(made, Http2ClientCalls::OnFrameNotSent);
  nghttp2_session_callbacks_set_send_data_callback(made, Http2ClientCalls::OnSendData);
  nghttp2_session_callbacks_set_error_callback2(made, Http2ClientCalls::OnError);
  return table;
}

}  // namespace sallyport::dataplane
