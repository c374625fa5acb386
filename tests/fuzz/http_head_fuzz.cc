// Request and response heads and trailers: whatever is accepted must be framed one way only, and
// reading it in pieces must give what reading it at once gives.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "dataplane/http/head_parser.h"
#include "dataplane/http/head_sink.h"
#include "dataplane/http/path.h"

namespace sallyport::dataplane {
namespace {

using Kind = ParseOutcome::Kind;

void Demand(bool holds) {
  if (!holds) std::abort();
}

// What is read without Beast it reads the same.
template <bool kIsRequest, typename Head>
void CheckAgainstBeast(const Head& head) {
  HeaderFields fields;
  HeadSink<kIsRequest> sink(&fields, head.fields.size());
  Demand(!sink.ParseWhole(head.bytes) && fields.size() == head.fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    Demand(fields[i].name == head.fields[i].name && fields[i].value == head.fields[i].value);
  }
  Demand(sink.minor_version == head.minor_version);
  if constexpr (kIsRequest) {
    Demand(sink.method == head.method && sink.target == head.target);
  } else {
    Demand(sink.status == head.status && sink.reason_phrase == head.reason_phrase);
  }
}

void CheckViews(const std::string& bytes, const HeaderFields& fields) {
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  for (const HeaderField& field : fields) {
    Demand(field.name.data() >= begin && field.name.data() + field.name.size() <= end);
    Demand(field.name.find_first_of("\r\n: ") == absl::string_view::npos);
    Demand(field.value.find_first_of(absl::string_view("\r\n\0", 3)) == absl::string_view::npos);
  }
}

void FuzzRequest(absl::string_view bytes) {
  RequestHead whole;
  RequestParser parser;
  const ParseOutcome at_once = parser.Parse(bytes, &whole);
  RequestHead pieces;
  RequestParser slow;
  ParseOutcome stepwise;
  for (size_t size = 1; size <= bytes.size(); ++size) {
    stepwise = slow.Parse(bytes.substr(0, size), &pieces);
    if (stepwise.kind != Kind::kIncomplete) break;
  }
  if (at_once.kind != Kind::kDone) return;
  Demand(stepwise.kind == Kind::kDone && stepwise.consumed == at_once.consumed);
  Demand(pieces.framing == whole.framing && pieces.content_length == whole.content_length);
  CheckViews(whole.bytes, whole.fields);
  CheckAgainstBeast<true>(whole);
  int lengths = 0;
  int encodings = 0;
  for (const HeaderField& field : whole.fields) {
    lengths += NameIs(field.name, "content-length") ? 1 : 0;
    encodings += NameIs(field.name, "transfer-encoding") ? 1 : 0;
  }
  Demand(lengths + encodings <= 1);
  Demand((whole.framing == Framing::kChunked) == (encodings == 1));
  std::string path;
  std::string again;
  if (NormalizePath(whole.raw_path, &path)) {
    Demand(path == "*" || path[0] == '/');
    Demand(path.find("//") == std::string::npos && path.find("/../") == std::string::npos);
    Demand(NormalizePath(path, &again) && again == path);
  }
}

void FuzzResponse(absl::string_view bytes) {
  ResponseHead head;
  ResponseParser parser;
  if (parser.Parse(bytes, false, &head).kind != Kind::kDone) return;
  CheckViews(head.bytes, head.fields);
  CheckAgainstBeast<false>(head);
  Demand(head.status >= 100 && head.status <= 599);
}

}  // namespace
}  // namespace sallyport::dataplane

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sallyport::dataplane;  // NOLINT(google-build-using-namespace)
  if (size > 4096) return 0;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  FuzzRequest(bytes);
  FuzzResponse(bytes);
  std::string owned;
  HeaderFields fields;
  (void)ParseTrailers(bytes, &owned, &fields);
  return 0;
}
