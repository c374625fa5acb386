#include "dataplane/http2/peer.h"

#include "dataplane/http2/error_name.h"
#include "dataplane/http2/field_rules.h"

namespace sallyport::dataplane {
namespace {

// And four for each stream: more than the budgets allow at once.
constexpr size_t kQueuedFrames = 1000;
constexpr size_t kMostDetail = 200;
// So much of a head that is too large is decoded, to be able to judge it.
constexpr size_t kTooLargeTimes = 4;

}  // namespace

Http2Options MakeHttp2Options(size_t most_head) {
  nghttp2_option* made = nullptr;
  if (nghttp2_option_new(&made) != 0) made = nullptr;
  Http2Options options(made, &nghttp2_option_del);
  if (made == nullptr) return options;
  nghttp2_option_set_no_auto_window_update(made, 1);
  // request_fields.h and response_fields.h are stricter.
  nghttp2_option_set_no_http_messaging(made, 1);
  nghttp2_option_set_max_send_header_block_length(made, most_head);
  return options;
}

Http2Peer::Http2Peer(Loop& loop, Http2PeerEvents& events, uint32_t streams, uint32_t frame_bytes,
                     uint32_t preface_bytes)
    : loop_(loop),
      budget_(streams),
      events_(events),
      cutter_(preface_bytes),
      frame_bytes_(frame_bytes),
      most_queued_(kQueuedFrames + 4 * size_t{streams}) {}

bool Http2Peer::done() const {
  return aborted_ || (nghttp2_session_want_read(session_) == 0 && !wants_write());
}

bool Http2Peer::Take(absl::string_view bytes) {
  const ssize_t taken = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (taken < 0) FailLibrary(static_cast<int>(taken));
  // A peer that reads nothing pays with memory of its own only: what is put aside for it has an
  // end.
  if (nghttp2_session_get_outbound_queue_size(session_) > most_queued_) {
    Fail("outbound_flood", NGHTTP2_ENHANCE_YOUR_CALM);
  }
  return failure_.empty();
}

bool Http2Peer::Spend(Nuisance kind) {
  if (budget_.Spend(kind, loop_.NowMillis())) return true;
  Fail(NuisanceName(kind), NGHTTP2_ENHANCE_YOUR_CALM);
  return false;
}

void Http2Peer::BeginBlock(absl::Duration time) {
  block_bytes_ = 0;
  head_deadline_ = loop_.After(time);
}

bool Http2Peer::CountField(absl::string_view name, absl::string_view value, size_t max_head_bytes) {
  block_bytes_ += name.size() + value.size() + kFieldOverhead;
  if (block_bytes_ <= kTooLargeTimes * max_head_bytes) return true;
  Fail("header_bomb", NGHTTP2_ENHANCE_YOUR_CALM);
  return false;
}

// Ends --------------------------------------------------------------------------------------------

void Http2Peer::Fail(absl::string_view failure, uint32_t code) {
  if (!failure_.empty()) return;
  failure_ = failure;
  nghttp2_session_terminate_session(session_, code);
  Work();
}

void Http2Peer::FailLibrary(int error) {
  SetDetail(nghttp2_strerror(error));
  switch (error) {
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC: return Fail("bad_preface", NGHTTP2_PROTOCOL_ERROR);
    case NGHTTP2_ERR_FLOODED: return Fail("outbound_flood", NGHTTP2_ENHANCE_YOUR_CALM);
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
      return Fail("continuation_flood", NGHTTP2_ENHANCE_YOUR_CALM);
    default: return Fail("internal", NGHTTP2_INTERNAL_ERROR);
  }
}

bool Http2Peer::FailSlowHead() {
  if (!loop_.Passed(head_deadline_)) return false;
  head_deadline_ = Deadline::Never();
  Fail("slow_head", NGHTTP2_ENHANCE_YOUR_CALM);
  return true;
}

void Http2Peer::SetDetail(absl::string_view text) {
  if (failure_.empty()) detail_ = std::string(text.substr(0, kMostDetail));
}

void Http2Peer::NoteGoaway(const nghttp2_goaway& frame) {
  if (frame.error_code != NGHTTP2_NO_ERROR && failure_.empty())
    failure_ = Http2ErrorName(frame.error_code);
}

}  // namespace sallyport::dataplane
