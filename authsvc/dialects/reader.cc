#include "authsvc/dialects/reader.h"

#include <cstddef>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/tree_builder.h"
#include "authsvc/dialects/yaml_reader.h"

namespace sallyport::authsvc::dialects {
namespace {

// Where the parser is: moved on by the one iterator that the parser advances.
struct Cursor {
  int line = 1;
  char last = 0;
};

class CountingIterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator() = default;
  CountingIterator(const char* at, Cursor* cursor) : at_(at), cursor_(cursor) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    cursor_->last = *at_++;
    if (cursor_->last == '\n') ++cursor_->line;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_ = nullptr;
  Cursor* cursor_ = nullptr;
};

class JsonEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  JsonEvents(TreeBuilder* builder, Cursor* cursor) : builder_(builder), cursor_(cursor) {}

  bool null() override { return builder_->Add(At(Node::Type::kNull)); }
  bool boolean(bool value) override {
    Node node = At(Node::Type::kBool);
    node.boolean = value;
    return builder_->Add(std::move(node));
  }
  bool number_integer(number_integer_t value) override { return Integer(value); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return Double(static_cast<double>(value));
    }
    return Integer(static_cast<int64_t>(value));
  }
  bool number_float(number_float_t value, const string_t& /*source*/) override {
    return Double(value);
  }
  bool string(string_t& value) override {
    Node node = At(Node::Type::kString);
    node.text = std::move(value);
    return builder_->Add(std::move(node));
  }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*size*/) override {
    return builder_->Begin(Node::Type::kObject, cursor_->line);
  }
  bool key(string_t& value) override { return builder_->Key(std::move(value), cursor_->line); }
  bool end_object() override { return builder_->End(); }
  bool start_array(std::size_t /*size*/) override {
    return builder_->Begin(Node::Type::kArray, cursor_->line);
  }
  bool end_array() override { return builder_->End(); }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::json::exception& error) override {
    // The library's text quotes the input: only its own part is kept, the input may hold secrets.
    absl::string_view text = error.what();
    const bool number = text.find("number overflow") != absl::string_view::npos;
    return builder_->Fail(cursor_->line, number ? "a number is out of range" : "not valid JSON");
  }

 private:
  Node At(Node::Type type) const {
    Node node;
    node.type = type;
    node.line = cursor_->line;
    return node;
  }
  // A number ends where the next character was read: that may be the line's end.
  Node NumberAt(Node::Type type) const {
    Node node = At(type);
    if (cursor_->last == '\n') --node.line;
    return node;
  }
  bool Integer(int64_t value) {
    Node node = NumberAt(Node::Type::kInteger);
    node.integer = value;
    node.number = static_cast<double>(value);
    return builder_->Add(std::move(node));
  }
  bool Double(double value) {
    Node node = NumberAt(Node::Type::kDouble);
    node.number = value;
    return builder_->Add(std::move(node));
  }

  TreeBuilder* builder_;
  Cursor* cursor_;
};

absl::Status TooLarge(absl::string_view text, const ReadLimits& limits) {
  return absl::InvalidArgumentError(absl::StrCat(
      "the document has ", text.size(), " bytes; at most ", limits.max_bytes, " are read"));
}

bool LooksLikeJson(absl::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != absl::string_view::npos && (text[first] == '{' || text[first] == '[');
}

}  // namespace

absl::StatusOr<Node> ReadJson(absl::string_view text, const ReadLimits& limits) {
  if (text.size() > limits.max_bytes) return TooLarge(text, limits);
  TreeBuilder builder(limits);
  Cursor cursor;
  JsonEvents events(&builder, &cursor);
  bool ok = false;
  try {
    ok = nlohmann::json::sax_parse(CountingIterator(text.data(), &cursor),
                                   CountingIterator(text.data() + text.size(), &cursor), &events);
  } catch (const std::exception&) {
    builder.Fail(cursor.line, "not valid JSON");
  }
  if (builder.failed()) return absl::InvalidArgumentError(builder.error());
  if (!ok || !builder.done()) return absl::InvalidArgumentError("line 1: not valid JSON");
  return builder.Take();
}

absl::StatusOr<std::vector<Node>> ReadDocuments(absl::string_view text, const ReadLimits& limits) {
  if (text.size() > limits.max_bytes) return TooLarge(text, limits);
  if (!LooksLikeJson(text)) return ReadYaml(text, limits);
  absl::StatusOr<Node> one = ReadJson(text, limits);
  // JSON is YAML: further documents may follow it.
  if (!one.ok() && absl::StrContains(text, "\n---")) return ReadYaml(text, limits);
  if (!one.ok()) return one.status();
  std::vector<Node> documents;
  documents.push_back(*std::move(one));
  return documents;
}

}  // namespace sallyport::authsvc::dialects
