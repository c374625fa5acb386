// A client's HTTP/2 session fed with anything by its upstream, in pieces of any size, while
// requests are begun, sent and given up: what is taken for an answer could be sent to an HTTP/1.1
// client, what waits is bounded by the windows, and every stream comes to an end.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/http2/client_session.h"
#include "tests/unit/dataplane/http2/peer_for_tests.h"

namespace sallyport::dataplane {
namespace {

using testing::MakeFrame;

constexpr size_t kStreams = 4;
constexpr size_t kWindow = 1024;

void Demand(bool holds) {
  if (!holds) std::abort();
}

struct Work final : Http2ClientEvents {
  void OnWork() override {}
};

void CheckField(const HeaderField& field) {
  Demand(!field.name.empty() &&
         field.name.find_first_of(absl::string_view(" \t\r\n:\0ABCDEFGHIJKLMNOPQRSTUVWXYZ", 32)) ==
             absl::string_view::npos);
  Demand(field.value.find_first_of(absl::string_view("\r\n\0", 3)) == absl::string_view::npos);
  Demand(!NameIs(field.name, "transfer-encoding") && !NameIs(field.name, "connection"));
}

void CheckAnswer(const ResponseHead& head) {
  Demand(head.status >= 100 && head.status <= 599 && head.status != 101);
  int lengths = 0;
  for (const HeaderField& field : head.fields) {
    const char* const begin = head.bytes.data();
    Demand(field.name.data() >= begin &&
           field.value.data() + field.value.size() <= begin + head.bytes.size());
    CheckField(field);
    lengths += NameIs(field.name, "content-length") ? 1 : 0;
  }
  Demand(lengths <= 1);
}

struct Request {
  explicit Request(Loop& loop) : stream(loop) {}
  Http2ClientStream stream;
  bool final_head = false;
  bool no_body = false;
  uint64_t said = UINT64_MAX;
  uint64_t got = 0;
};

void Look(Request& request) {
  while (const ResponseHead* const head =
             request.final_head ? nullptr : request.stream.NextHead()) {
    CheckAnswer(*head);
    if (head->informational()) continue;
    request.final_head = true;
    request.no_body = head->framing == Framing::kNone;
    if (head->framing == Framing::kLength) request.said = head->content_length;
  }
  if (!request.final_head) return;
  size_t waiting = 0;
  for (BodyPiece piece = request.stream.TryNext();; piece = request.stream.TryNext()) {
    if (piece.kind == BodyPiece::Kind::kData) {
      waiting += piece.data.size();
      continue;
    }
    if (piece.kind == BodyPiece::Kind::kEnd) {
      Demand(request.stream.end().kind == Http2End::Kind::kWhole);
      Demand(request.said == UINT64_MAX || request.got + waiting == request.said);
      for (const HeaderField& field : request.stream.trailers()) CheckField(field);
    }
    break;
  }
  request.got += waiting;
  Demand(waiting <= kWindow + 65'535);  // the window from before our SETTINGS are acknowledged
  Demand(request.got <= request.said && (!request.no_body || request.got == 0));
  request.stream.Taken();
}

std::unique_ptr<Request> Begin(Loop& loop, Http2ClientSession& session, uint8_t choice) {
  auto request = std::make_unique<Request>(loop);
  OutgoingHead head;
  head.method = choice % 3 == 0 ? "HEAD" : "POST";
  head.scheme = "https";
  head.authority = "a.test";
  head.path = "/";
  head.has_body = choice % 3 == 1;
  if (!session.Request(head, &request->stream)) return nullptr;
  if (head.has_body) {
    Demand(request->stream.Append(std::string(choice * 10, 'x')));
    if (choice % 2 == 0) Demand(request->stream.Finish({{"X-Trailer", "1"}}));
  }
  return request;
}

// Frames by the input's word: of each the type, flags and stream (a bit of the latter: a good
// answer in front), and a payload of any bytes.
std::string FramesOf(absl::string_view input) {
  static const std::string& good =
      *new std::string(testing::Encode({{":status", "200"}, {"content-length", "3"}}));
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
  Http2ClientSettings settings;
  settings.stream_window = kWindow;
  settings.head.max_head_bytes = 512;
  Work work;
  const auto session = Http2ClientSession::Create(settings, loop, work);
  const auto piece = static_cast<size_t>(static_cast<uint8_t>(input[0])) + 1;
  auto choice = static_cast<uint8_t>(input[1]);
  const std::string frames =
      (choice & 0x80) != 0 ? std::string(input.substr(2)) : FramesOf(input.substr(2));
  input = frames;
  std::vector<std::unique_ptr<Request>> requests(kStreams);
  bool going = session->Feed(MakeFrame(4, 0, 0));
  std::string out;
  for (; going && !input.empty(); input.remove_prefix(std::min(piece, input.size()))) {
    std::unique_ptr<Request>& place = requests[choice++ % kStreams];
    if (place == nullptr || choice % 5 == 0) place = Begin(loop, *session, choice);
    session->Pump(&out, 64 * 1024);
    out.clear();
    going = session->Feed(input.substr(0, piece));
    for (const auto& request : requests) {
      if (request != nullptr) Look(*request);
    }
    Demand(session->open_streams() <= kStreams);
    session->Sweep();
  }
  session->Pump(&out, 64 * 1024);
  session->Abort();
  Demand(session->open_streams() == 0);
  for (const auto& request : requests)
    Demand(request == nullptr || request->stream.end().kind != Http2End::Kind::kOpen);
}

}  // namespace
}  // namespace sallyport::dataplane

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3 || size > 16384) return 0;
  sallyport::dataplane::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
