#include "dataplane/http2/field_block.h"

#include <charconv>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "dataplane/http2/field_rules.h"

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

bool SaysNothingOfACaller(absl::string_view name) {
  static const auto* const kNames = new absl::flat_hash_set<absl::string_view>(
      {"accept", "accept-encoding", "accept-language", "content-encoding", "content-type",
       "grpc-accept-encoding", "grpc-encoding", "user-agent", "x-forwarded-host",
       "x-forwarded-port", "x-forwarded-proto"});
  constexpr size_t kLongest = 20;
  if (name.size() > kLongest) return false;
  char lower[kLongest];
  for (size_t i = 0; i < name.size(); ++i)
    lower[i] = absl::ascii_tolower(static_cast<unsigned char>(name[i]));
  return kNames->contains(absl::string_view(lower, name.size()));
}

}  // namespace

void FieldBlock::Clear() {
  text_.clear();
  fields_.clear();
}

void FieldBlock::Reserve(size_t text_bytes, size_t fields) {
  Clear();
  text_.reserve(text_bytes);  // the views must not move
  fields_.reserve(fields);
}

void FieldBlock::Add(absl::string_view name, absl::string_view value, uint8_t more_flags) {
  const size_t name_at = text_.size();
  text_.append(name.data(), name.size());
  const size_t value_at = text_.size();
  for (size_t i = name_at; i < value_at; ++i)
    text_[i] = absl::ascii_tolower(static_cast<unsigned char>(text_[i]));
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

void FieldBlock::AddAll(const HeaderFields& fields) {
  for (const HeaderField& field : fields) {
    if (!field.name.empty()) Add(field.name, field.value);
  }
}

void FieldBlock::Answer(const AnswerHead& head) {
  Reserve(TextOf(head.fields) + kStatus.size() + kStatusBytes + kLength.size() + kLengthBytes,
          head.fields.size() + 2);
  char digits[kStatusBytes + 1];
  const char* const end = std::to_chars(digits, digits + sizeof(digits), head.status).ptr;
  Add(kStatus, {digits, static_cast<size_t>(end - digits)});
  AddAll(head.fields);
  if (head.length.has_value()) AddLength(*head.length);
}

void FieldBlock::AddLength(uint64_t length) {
  char digits[kLengthBytes];
  const char* const end = std::to_chars(digits, digits + sizeof(digits), length).ptr;
  Add(kLength, {digits, static_cast<size_t>(end - digits)});
}

void FieldBlock::AddCallers(absl::string_view name, absl::string_view value) {
  if (name.empty()) return;
  const bool shared = SaysNothingOfACaller(name);
  Add(name, absl::StripAsciiWhitespace(value),
      shared ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX);
  nghttp2_nv& field = fields_.back();
  for (size_t i = 0; i < field.valuelen; ++i) {
    if (!IsFieldByte(static_cast<char>(field.value[i]))) field.value[i] = '?';
  }
}

void FieldBlock::Request(const OutgoingHead& head) {
  constexpr size_t kOurs = 128;  // names of pseudo-header fields and what is added below
  Reserve(TextOf(head.fields) + head.method.size() + head.scheme.size() + head.authority.size() +
              head.path.size() + kOurs + kLengthBytes,
          head.fields.size() + 8);
  Add(":method", head.method);
  Add(":scheme", head.scheme);
  Add(":authority", head.authority);
  Add(":path", head.path, NGHTTP2_NV_FLAG_NO_INDEX);
  for (const HeaderField& field : head.fields) AddCallers(field.name, field.value);
  if (head.accepts_trailers) Add("te", "trailers");
  if (head.expect_continue) Add("expect", "100-continue");
  if (head.has_body && head.length.has_value()) AddLength(*head.length);
}

void FieldBlock::Trailers(const HeaderFields& trailers) {
  Reserve(TextOf(trailers), trailers.size());
  AddAll(trailers);
}

}  // namespace sallyport::dataplane
