#include "dataplane/http2/answer_fields.h"

#include <charconv>

#include "absl/strings/ascii.h"

namespace sallyport::dataplane {
namespace {

constexpr absl::string_view kStatus = ":status";
constexpr absl::string_view kLength = "content-length";
constexpr size_t kStatusBytes = 3;
constexpr size_t kLengthBytes = 20;

size_t TextOf(const HeaderFields& fields) {
  size_t bytes = 0;
  for (const HeaderField& field : fields) bytes += field.name.size() + field.value.size();
  return bytes;
}

// Another one with every answer: in the compression table it would only push others out.
bool IsUnique(absl::string_view name) { return name == "x-request-id"; }

}  // namespace

void AnswerFields::Clear() {
  text_.clear();
  fields_.clear();
}

void AnswerFields::Reserve(size_t text_bytes, size_t fields) {
  Clear();
  text_.reserve(text_bytes);  // the views must not move
  fields_.reserve(fields);
}

void AnswerFields::Add(absl::string_view name, absl::string_view value, uint8_t more_flags) {
  const size_t name_at = text_.size();
  text_.append(name.data(), name.size());
  const size_t value_at = text_.size();
  for (size_t i = name_at; i < value_at; ++i) text_[i] = absl::ascii_tolower(static_cast<unsigned char>(text_[i]));
  text_.append(value.data(), value.size());
  auto* const text = reinterpret_cast<uint8_t*>(text_.data());
  nghttp2_nv field;
  field.name = text + name_at;
  field.namelen = name.size();
  field.value = text + value_at;
  field.valuelen = value.size();
  field.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE | more_flags;
  if (IsUnique({text_.data() + name_at, name.size()})) field.flags |= NGHTTP2_NV_FLAG_NO_INDEX;
  fields_.push_back(field);
}

void AnswerFields::AddAll(const HeaderFields& fields) {
  for (const HeaderField& field : fields) {
    if (!field.name.empty()) Add(field.name, field.value);
  }
}

void AnswerFields::Head(const AnswerHead& head) {
  Reserve(TextOf(head.fields) + kStatus.size() + kStatusBytes + kLength.size() + kLengthBytes,
          head.fields.size() + 2);
  char digits[kLengthBytes];
  char* end = std::to_chars(digits, digits + sizeof(digits), head.status).ptr;
  Add(kStatus, {digits, static_cast<size_t>(end - digits)});
  AddAll(head.fields);
  if (!head.length.has_value()) return;
  end = std::to_chars(digits, digits + sizeof(digits), *head.length).ptr;
  Add(kLength, {digits, static_cast<size_t>(end - digits)});
}

void AnswerFields::Trailers(const HeaderFields& trailers) {
  Reserve(TextOf(trailers), trailers.size());
  AddAll(trailers);
}

}  // namespace sallyport::dataplane
