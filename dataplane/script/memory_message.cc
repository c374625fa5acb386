#include "dataplane/script/memory_message.h"

#include "absl/strings/ascii.h"

namespace sallyport::dataplane {

BodyPiece MemoryBody::TryNext() {
  BodyPiece piece;
  if (given_ || bytes_.empty()) return piece;
  given_ = true;
  piece.kind = BodyPiece::Kind::kData;
  piece.data = bytes_;
  return piece;
}

boost::asio::awaitable<IoResult> MemoryBody::Wait(IoResult::Kind /*want*/, Deadline /*deadline*/) {
  co_return IoResult();
}

bool MemorySink::Take(size_t bytes) {
  too_large_ = too_large_ || bytes > most_ - taken_;
  if (!too_large_) taken_ += bytes;
  return !too_large_;
}

void MemorySink::Start(const AnswerHead& head) {
  for (const HeaderField& field : head.fields) {
    if (!Take(field.name.size() + field.value.size())) return;
    fields.emplace_back(CanonicalFieldName(field.name), field.value);
  }
}

bool MemorySink::Append(absl::string_view data) {
  if (!Take(data.size())) return false;
  body.append(data.data(), data.size());
  return true;
}

boost::asio::awaitable<IoResult> MemorySink::Flush(Deadline /*deadline*/) { co_return IoResult(); }

bool MemorySink::Abandon() {
  fields.clear();
  body.clear();
  taken_ = 0;
  return true;
}

std::string CanonicalFieldName(absl::string_view name) {
  std::string canonical(name);
  bool begins = true;
  for (char& c : canonical) {
    const auto byte = static_cast<unsigned char>(c);
    c = begins ? absl::ascii_toupper(byte) : absl::ascii_tolower(byte);
    begins = c == '-';
  }
  return canonical;
}

}  // namespace sallyport::dataplane
