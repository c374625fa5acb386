// An HTTP/2 session fed with anything, in pieces of any size, while requests are answered, read and
// reset: what is taken for a request could be sent to an HTTP/1.1 server, nothing is lent twice,
// and nothing is left at the end.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "dataplane/http2/session.h"
#include "tests/unit/dataplane/http2/peer_for_tests.h"

namespace sallyport::dataplane {
namespace {

using testing::MakeFrame;
using testing::Owner;

void Demand(bool holds) {
  if (!holds) std::abort();
}

bool IsName(absl::string_view name) {
  return !name.empty() &&
         name.find_first_of(" \t\r\n:\"(),/;<=>?@[\\]{}ABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
             absl::string_view::npos &&
         name.find('\0') == absl::string_view::npos;
}

// Of a head that is fine.
void CheckHead(const RequestHead& head) {
  Demand(head.minor_version == 1 && !head.authority.empty() && !head.method.empty());
  Demand(head.method.find_first_of(" \t\r\n") == absl::string_view::npos);
  Demand(head.target.find_first_of(absl::string_view(" \t\r\n\0#", 6)) == absl::string_view::npos);
  Demand(head.raw_path == "*" || head.raw_path[0] == '/');
  int lengths = 0;
  int hosts = 0;
  int cookies = 0;
  for (const HeaderField& field : head.fields) {
    const char* const begin = head.bytes.data();
    Demand(field.name.data() >= begin &&
           field.value.data() + field.value.size() <= begin + head.bytes.size());
    Demand(IsName(field.name));
    Demand(field.value.find_first_of(absl::string_view("\r\n\0", 3)) == absl::string_view::npos);
    Demand(!NameIs(field.name, "transfer-encoding") && !NameIs(field.name, "connection"));
    lengths += NameIs(field.name, "content-length") ? 1 : 0;
    hosts += NameIs(field.name, "host") ? 1 : 0;
    cookies += NameIs(field.name, "cookie") ? 1 : 0;
  }
  Demand(lengths <= 1 && hosts <= 1 && cookies <= 1);
  Demand(lengths == 0 || head.framing != Framing::kChunked || head.content_length == 0);
}

// What an exchange would do, by a byte of the input.
void Act(Owner& owner, Http2Stream* stream, uint8_t choice) {
  switch (choice % 6) {
    case 0: return owner.Answer(stream, "");
    case 1: return owner.Answer(stream, std::string(40'000, 'x'));
    case 2: return owner.Answer(stream, "data", {{"X-Trailer", "1"}});
    case 3: return stream->Reset(NGHTTP2_CANCEL);
    case 4: {
      uint64_t bytes = 0;
      for (BodyPiece piece = stream->TryNext(); piece.kind == BodyPiece::Kind::kData;
           piece = stream->TryNext()) {
        bytes += piece.data.size();
      }
      stream->Taken();
      Demand(stream->head.framing != Framing::kLength || bytes <= stream->head.content_length);
      return owner.Answer(stream, "taken");
    }
    default: return stream->AnswerOver();
  }
}

// Frames by the input's word: of each the type, flags and stream (a bit of the latter: a good
// request in front), and a payload of any bytes. What mutation of raw bytes seldom finds.
std::string FramesOf(absl::string_view input) {
  static const std::string& good = *new std::string(testing::Encode({{":method", "POST"},
                                                                     {":scheme", "https"},
                                                                     {":authority", "a.test"},
                                                                     {":path", "/a?b"},
                                                                     {"cookie", "c"},
                                                                     {"cookie", "d"}}));
  std::string frames;
  while (input.size() >= 4) {
    const auto byte = [input](size_t at) { return static_cast<uint8_t>(input[at]); };
    const absl::string_view payload = input.substr(4, byte(3));
    const std::string block = (byte(2) & 0x40) != 0 ? good : std::string();
    frames += MakeFrame(byte(0) % 11, byte(1), byte(2) & 0x1f, block + std::string(payload));
    input.remove_prefix(4 + payload.size());
  }
  return frames;
}

void Fuzz(absl::string_view input) {
  static Loop& loop = *new Loop(0);
  Http2Settings settings;
  settings.max_concurrent_streams = 4;
  settings.stream_window = 1024;
  settings.head.max_head_bytes = 512;
  Owner owner(loop, 4);
  const auto session = Http2Session::Create(settings, loop, owner);
  const auto piece = static_cast<size_t>(static_cast<uint8_t>(input[0])) + 1;
  uint8_t choice = static_cast<uint8_t>(input[1]);
  const bool raw = (choice & 0x80) != 0;
  input.remove_prefix(2);
  const std::string frames = raw ? std::string(input) : FramesOf(input);
  input = frames;
  // Without a preface of its own hardly anything would get far.
  bool going = session->Feed(std::string(testing::kPreface) + MakeFrame(4, 0, 0));
  std::string out;
  size_t acted = 0;
  for (; going && !input.empty(); input.remove_prefix(std::min(piece, input.size()))) {
    going = session->Feed(input.substr(0, piece));
    for (; acted < owner.requests.size(); ++acted) {
      Http2Stream* const stream = owner.requests[acted];
      if (stream->verdict.kind == HeadVerdict::Kind::kFine) CheckHead(stream->head);
      Act(owner, stream, choice++);
    }
    session->Pump(&out, 64 * 1024);
    owner.Settle();
    out.clear();
    Demand(session->open_streams() <= 4);
    for (Http2Stream* const stream : std::exchange(owner.closed, {})) {
      Demand(stream->closed());
      if (owner.flushing == 0) owner.GiveBack(stream);
    }
    session->Sweep();
  }
  session->Abort();
  owner.Settle();
  Demand(owner.flushing == 0 && session->open_streams() == 0 && session->unsent() == 0);
}

}  // namespace
}  // namespace sallyport::dataplane

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3 || size > 16384) return 0;
  sallyport::dataplane::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
