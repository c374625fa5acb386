#include "shared/admin_http/request_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "shared/base/text.h"

namespace sallyport::admin_http {

namespace http = boost::beast::http;
using boost::beast::error_code;
using View = boost::beast::string_view;
using Length = boost::optional<std::uint64_t>;

namespace {

constexpr absl::string_view kLastChunk = "0\r\n\r\n";

}  // namespace

class RequestParser::Sink final : public http::basic_parser<true> {
 public:
  Request request;
  unsigned http_version = 11;

 private:
  void on_request_impl(http::verb /*verb*/, View method, View target, int version,
                       error_code& /*error*/) override {
    request.method = std::string(method.data(), method.size());
    request.target = std::string(target.data(), target.size());
    http_version = static_cast<unsigned>(version);
  }
  void on_response_impl(int /*code*/, View /*reason*/, int /*version*/,
                        error_code& /*error*/) override {}
  void on_field_impl(http::field /*known*/, View name, View value, error_code& /*error*/) override {
    if (is_header_done()) return;  // of a trailer
    request.headers.emplace_back(absl::AsciiStrToLower(base::ViewOf(name)),
                                 std::string(value.data(), value.size()));
  }
  void on_header_impl(error_code& /*error*/) override {}
  void on_body_init_impl(const Length& /*length*/, error_code& /*error*/) override {}
  std::size_t on_body_impl(View body, error_code& /*error*/) override {
    request.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t /*size*/, View /*extensions*/,
                            error_code& /*error*/) override {}
  std::size_t on_chunk_body_impl(std::uint64_t /*remain*/, View body, error_code& error) override {
    return on_body_impl(body, error);
  }
  void on_finish_impl(error_code& /*error*/) override {}
};

RequestParser::RequestParser(size_t max_head_bytes, size_t max_body_bytes)
    : max_head_bytes_(max_head_bytes), sink_(std::make_unique<Sink>()) {
  sink_->header_limit(static_cast<std::uint32_t>(max_head_bytes));
  sink_->body_limit(max_body_bytes);
}

RequestParser::~RequestParser() = default;

RequestParser::Step RequestParser::Feed(std::string* bytes) {
  const bool in_head = !sink_->is_header_done();
  // Beast asserts that a last chunk is whole when it is looked at again: it is not shown the part
  // alone.
  if (!in_head && sink_->chunked() && !sink_->is_done() && bytes->size() < kLastChunk.size() &&
      absl::StartsWith(*bytes, "0\r\n")) {
    return Step::kMore;
  }
  sink_->eager(!in_head);
  error_code error;
  const size_t used = sink_->put(boost::asio::const_buffer(bytes->data(), bytes->size()), error);
  bytes->erase(0, used);
  const bool starved = error == http::error::need_more;
  if (error == http::error::header_limit) return Step::kHeadTooLarge;
  if (error == http::error::body_limit) return Step::kBodyTooLarge;
  if (error && !starved) return Step::kMalformed;
  // Beast bounds what it is given at a time: neither lines that come one by one nor trailers.
  if (in_head) head_bytes_ += used;
  if ((in_head ? head_bytes_ : 0) + (starved ? bytes->size() : 0) > max_head_bytes_) {
    return Step::kHeadTooLarge;
  }
  if (sink_->is_done()) return Step::kDone;
  return in_head && sink_->is_header_done() ? Step::kHead : Step::kMore;
}

bool RequestParser::FramingIsPlain() const {
  size_t encodings = 0;
  bool plain = true;
  for (const auto& [name, value] : sink_->request.headers) {
    if (name != "transfer-encoding") continue;
    ++encodings;
    plain = plain && absl::EqualsIgnoreCase(value, "chunked");
  }
  if (encodings == 0) return true;
  return plain && encodings == 1 && version() == 11 &&
         !sink_->request.Header("content-length").has_value();
}

bool RequestParser::keep_alive() const { return sink_->keep_alive(); }

unsigned RequestParser::version() const { return sink_->http_version; }

Request& RequestParser::request() { return sink_->request; }

}  // namespace sallyport::admin_http
