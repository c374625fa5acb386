#include "shared/jwt/json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::jwt {
namespace {

// Builds the tree from the parser's events. Each event returns false once there is an error.
class BoundedTree : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit BoundedTree(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return Add(Json()); }
  bool boolean(bool value) override {
    Json json = Of(Json::Type::kBool);
    json.boolean = value;
    return Add(std::move(json));
  }
  bool number_integer(number_integer_t value) override {
    Json json = Of(Json::Type::kInteger);
    json.integer = value;
    json.number = static_cast<double>(value);
    return Add(std::move(json));
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(INT64_MAX)) {
      return number_float(static_cast<double>(value), "");
    }
    return number_integer(static_cast<number_integer_t>(value));
  }
  bool number_float(number_float_t value, const string_t& /*source*/) override {
    if (!std::isfinite(value)) return Fail("a number is out of range");
    Json json = Of(Json::Type::kDouble);
    json.number = value;
    return Add(std::move(json));
  }
  bool string(string_t& value) override {
    Json json = Of(Json::Type::kString);
    json.text = std::move(value);
    return HasNul(json.text) ? Fail("a text holds U+0000") : Add(std::move(json));
  }
  bool binary(binary_t& /*value*/) override { return Fail("binary value"); }
  bool start_object(std::size_t /*size*/) override { return Begin(Json::Type::kObject); }
  bool key(string_t& name) override {
    std::vector<std::string>& names = open_.back().names;
    if (HasNul(name)) return Fail("a name holds U+0000");
    if (names.size() >= limits_.max_members) return Fail("too many members");
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      return Fail("a name stands twice in one object");
    }
    names.push_back(std::move(name));
    return true;
  }
  bool end_object() override { return End(); }
  bool start_array(std::size_t /*size*/) override { return Begin(Json::Type::kArray); }
  bool end_array() override { return End(); }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::json::exception& /*error*/) override {
    return Fail("not valid JSON");  // the library's own text quotes the input
  }

  bool Fail(const char* why) {
    if (why_ == nullptr) why_ = why;
    return false;
  }
  [[nodiscard]] absl::StatusOr<Json> Take() {
    if (why_ == nullptr && !done_) why_ = "not valid JSON";
    if (why_ != nullptr) return absl::InvalidArgumentError(why_);
    if (!root_.IsObject()) return absl::InvalidArgumentError("not a JSON object");
    return std::move(root_);
  }

 private:
  static Json Of(Json::Type type) {
    Json json;
    json.type = type;
    return json;
  }
  static bool HasNul(const std::string& text) { return text.find('\0') != std::string::npos; }

  bool Begin(Json::Type type) {
    if (open_.size() >= limits_.max_depth) return Fail("nested too deep");
    open_.push_back(Of(type));
    return true;
  }
  bool End() {
    Json done = std::move(open_.back());
    open_.pop_back();
    return Add(std::move(done));
  }
  bool Add(Json value) {
    if (++values_ > limits_.max_values) return Fail("too many values");
    if (open_.empty()) {
      root_ = std::move(value);
      done_ = true;
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }

  const JsonLimits limits_;
  std::vector<Json> open_;
  Json root_;
  bool done_ = false;
  size_t values_ = 0;
  const char* why_ = nullptr;
};

}  // namespace

const Json* Json::Find(absl::string_view name) const {
  if (!IsObject()) return nullptr;
  for (size_t i = 0; i < names.size() && i < items.size(); ++i) {
    if (names[i] == name) return &items[i];
  }
  return nullptr;
}

absl::string_view Json::Text(absl::string_view name) const {
  const Json* member = Find(name);
  if (member == nullptr) return {};
  return member->text;
}

absl::StatusOr<Json> ReadJsonObject(absl::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) return absl::InvalidArgumentError("JSON is too large");
  // The parser takes a zero byte for the end of its input and skips a byte order mark.
  if (text.find('\0') != absl::string_view::npos || text.substr(0, 1) == "\xEF") {
    return absl::InvalidArgumentError("not valid JSON");
  }
  BoundedTree tree(limits);
  try {
    nlohmann::json::sax_parse(text.begin(), text.end(), &tree);
  } catch (const std::exception&) {
    tree.Fail("not valid JSON");
  }
  return tree.Take();
}

}  // namespace sallyport::jwt
