#include "absl/strings/str_cat.h"
#include "dataplane/http/body.h"

namespace sallyport::dataplane {

void BodyWriter::Start(Framing framing, uint64_t content_length) {
  framing_ = framing;
  left_ = framing == Framing::kLength ? content_length : 0;
}

bool BodyWriter::Count(uint64_t bytes) {
  if (framing_ == Framing::kUntilClose) return true;
  if (framing_ != Framing::kLength || bytes > left_) return false;
  left_ -= bytes;
  return true;
}

bool BodyWriter::Append(absl::string_view piece, std::string* out) {
  if (piece.empty()) return true;
  if (framing_ == Framing::kChunked) {
    absl::StrAppend(out, absl::Hex(piece.size()), "\r\n", piece, "\r\n");
    return true;
  }
  if (!Count(piece.size())) return false;
  out->append(piece.data(), piece.size());
  return true;
}

bool BodyWriter::Finish(const HeaderFields& trailers, std::string* out) {
  if (framing_ != Framing::kChunked) return left_ == 0;
  out->append("0\r\n");
  for (const HeaderField& trailer : trailers) {
    absl::StrAppend(out, trailer.name, ": ", trailer.value, "\r\n");
  }
  out->append("\r\n");
  return true;
}

}  // namespace sallyport::dataplane
