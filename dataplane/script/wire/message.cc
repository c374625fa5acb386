#include "dataplane/script/wire/message.h"

#include <type_traits>

namespace sallyport::script {
namespace {

constexpr uint32_t kMostItems = 4096;         // of any list
constexpr uint32_t kMostItemsInAll = 16'384;  // of all lists of a message

// Each message names its fields once (Pass), for who writes and for who reads.
class FrameWriter {
 public:
  explicit FrameWriter(std::string* out) : out_(out) {}
  void operator()(const std::string& text) {
    (*this)(static_cast<uint32_t>(text.size()));
    fits_ = fits_ && text.size() <= kMostFrameBytes && out_->size() <= kMostFrameBytes;
    if (fits_) out_->append(text);
  }
  void operator()(uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8)
      out_->push_back(static_cast<char>(number >> shift));
  }
  void operator()(bool flag) { out_->push_back(flag ? 1 : 0); }
  void operator()(Failure::Kind kind) { (*this)(static_cast<uint32_t>(kind)); }
  template <typename First, typename Second>
  void operator()(const std::pair<First, Second>& both) {
    (*this)(both.first);
    (*this)(both.second);
  }
  template <typename Item>
  void operator()(const std::vector<Item>& items) {
    (*this)(static_cast<uint32_t>(items.size()));
    for (const Item& item : items) (*this)(item);
  }
  template <typename Message>
  void operator()(const Message& message) {
    Pass(*this, message);
  }
  [[nodiscard]] bool fits() const { return fits_ && out_->size() <= kMostFrameBytes; }

 private:
  std::string* out_;
  bool fits_ = true;
};

class FrameReader {
 public:
  explicit FrameReader(std::string_view bytes) : rest_(bytes) {}
  void operator()(std::string& text) {
    const uint32_t size = Number();
    if (size > rest_.size()) return Fail();
    text.assign(rest_.substr(0, size));
    rest_.remove_prefix(size);
  }
  void operator()(uint32_t& number) { number = Number(); }
  void operator()(bool& flag) {
    if (rest_.empty() || static_cast<unsigned char>(rest_.front()) > 1) return Fail();
    flag = rest_.front() == 1;
    rest_.remove_prefix(1);
  }
  void operator()(Failure::Kind& kind) {
    const uint32_t number = Number();
    if (number > static_cast<uint32_t>(Failure::Kind::kBroken)) return Fail();
    kind = static_cast<Failure::Kind>(number);
  }
  template <typename First, typename Second>
  void operator()(std::pair<First, Second>& both) {
    (*this)(both.first);
    (*this)(both.second);
  }
  template <typename Item>
  void operator()(std::vector<Item>& items) {
    const uint32_t count = Number();
    items_ += count;  // each at most 2^32 and the first that is too many ends it
    if (count > kMostItems || items_ > kMostItemsInAll) return Fail();
    for (uint32_t i = 0; i < count && good_; ++i) (*this)(items.emplace_back());
  }
  template <typename Message>
  void operator()(Message& message) {
    Pass(*this, message);
  }
  // All was there, and nothing else.
  [[nodiscard]] bool good() const { return good_ && rest_.empty(); }

 private:
  void Fail() {
    good_ = false;
    rest_ = {};
  }
  uint32_t Number() {
    if (rest_.size() < sizeof(uint32_t)) {
      Fail();
      return 0;
    }
    uint32_t number = 0;
    for (size_t i = 0; i < sizeof(uint32_t); ++i)
      number = number << 8 | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(sizeof(uint32_t));
    return number;
  }

  std::string_view rest_;
  uint64_t items_ = 0;
  bool good_ = true;
};

template <typename Message, typename Wanted>
constexpr bool kIs = std::is_same_v<std::remove_const_t<Message>, Wanted>;

template <typename Via, typename Message>
void Pass(Via& via, Message& m) {
  if constexpr (kIs<Message, Session>) {
    via(m.told), via(m.name), via(m.org_id), via(m.fingerprint), via(m.subject);
    via(m.policy_ids), via(m.tags), via(m.metadata);
  } else if constexpr (kIs<Message, Run>) {
    via(m.protocol), via(m.file), via(m.source), via(m.function), via(m.memory_kib);
    via(m.api_id), via(m.org_id), via(m.config_json), via(m.method), via(m.url), via(m.scheme);
    via(m.body), via(m.fields), via(m.params), via(m.session);
  } else if constexpr (kIs<Message, Result>) {
    via(m.answered), via(m.code), via(m.body), via(m.fields);
  } else if constexpr (kIs<Message, Results>) {
    via(m.results);
  } else if constexpr (kIs<Message, Answer>) {
    via(m.code), via(m.body), via(m.fields), via(m.session_changed);
  } else if constexpr (kIs<Message, Failure>) {
    via(m.kind), via(m.message), via(m.line);
  } else if constexpr (kIs<Message, LogLine>) {
    via(m.text);
  } else if constexpr (kIs<Message, Call>) {
    via(m.method), via(m.url), via(m.body), via(m.fields);
  } else {
    static_assert(kIs<Message, Calls>);
    via(m.in_turn), via(m.calls);
  }
}

template <typename Variant>
std::optional<std::string> EncodeAny(const Variant& message) {
  std::string frame(kFrameHeadBytes, '\0');
  frame.push_back(static_cast<char>(message.index()));
  FrameWriter writer(&frame);
  std::visit([&writer](const auto& one) { writer(one); }, message);
  if (!writer.fits()) return std::nullopt;
  const size_t rest = frame.size() - kFrameHeadBytes;
  for (size_t i = 0; i < kFrameHeadBytes; ++i)
    frame[i] = static_cast<char>(rest >> (8 * (kFrameHeadBytes - 1 - i)));
  return frame;
}

template <typename Variant, size_t kIndex = 0>
std::optional<Variant> DecodeAny(size_t kind, std::string_view fields) {
  if constexpr (kIndex < std::variant_size_v<Variant>) {
    if (kind != kIndex) return DecodeAny<Variant, kIndex + 1>(kind, fields);
    FrameReader reader(fields);
    Variant message(std::in_place_index<kIndex>);
    reader(std::get<kIndex>(message));
    if (!reader.good()) return std::nullopt;
    return message;
  } else {
    return std::nullopt;
  }
}

template <typename Variant>
std::optional<Variant> Decode(std::string_view rest) {
  if (rest.empty()) return std::nullopt;
  return DecodeAny<Variant>(static_cast<unsigned char>(rest.front()), rest.substr(1));
}

}  // namespace

std::optional<std::string> Encode(const ToScript& message) { return EncodeAny(message); }
std::optional<std::string> Encode(const FromScript& message) { return EncodeAny(message); }

std::optional<size_t> FrameRest(std::string_view head) {
  if (head.size() < kFrameHeadBytes) return std::nullopt;
  size_t rest = 0;
  for (size_t i = 0; i < kFrameHeadBytes; ++i)
    rest = rest << 8 | static_cast<unsigned char>(head[i]);
  if (rest == 0 || rest > kMostFrameBytes) return std::nullopt;
  return rest;
}

std::optional<ToScript> DecodeToScript(std::string_view rest) { return Decode<ToScript>(rest); }
std::optional<FromScript> DecodeFromScript(std::string_view rest) {
  return Decode<FromScript>(rest);
}

}  // namespace sallyport::script
