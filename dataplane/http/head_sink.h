// Boost.Beast's parser with a sink that keeps views of the fields; bodies are not its business.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include "absl/strings/string_view.h"
#include "dataplane/http/head.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {

template <bool kIsRequest>
class HeadSink final : public boost::beast::http::basic_parser<kIsRequest> {
  using Base = boost::beast::http::basic_parser<kIsRequest>;
  using View = boost::beast::string_view;
  using Error = boost::beast::error_code;

 public:
  HeadSink(HeaderFields* fields, size_t max_fields) : fields_(fields), max_fields_(max_fields) {
    this->eager(false);
    this->header_limit(UINT32_MAX);
    this->body_limit(boost::none);
  }

  // The whole head at once.
  Error ParseWhole(absl::string_view head) {
    Error error;
    const size_t used = this->put(boost::asio::const_buffer(head.data(), head.size()), error);
    if (!error && (used != head.size() || !this->is_header_done())) {
      error = boost::beast::http::error::partial_message;
    }
    return error;
  }

  absl::string_view method;
  absl::string_view target;
  absl::string_view reason_phrase;
  int status = 0;
  int minor_version = 1;

 private:
  void on_request_impl(boost::beast::http::verb /*verb*/, View method_text, View target_text,
                       int version, Error& /*error*/) override {
    method = base::ViewOf(method_text);
    target = base::ViewOf(target_text);
    minor_version = version % 10;
  }
  void on_response_impl(int code, View reason, int version, Error& /*error*/) override {
    status = code;
    reason_phrase = base::ViewOf(reason);
    minor_version = version % 10;
  }
  void on_field_impl(boost::beast::http::field /*known*/, View name, View value,
                     Error& error) override {
    if (fields_->size() >= max_fields_) {
      error = boost::beast::http::error::header_limit;
      return;
    }
    fields_->push_back({base::ViewOf(name), base::ViewOf(value)});
  }
  void on_header_impl(Error& /*error*/) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/,
                         Error& /*error*/) override {}
  std::size_t on_body_impl(View body, Error& /*error*/) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t /*size*/, View /*extensions*/,
                            Error& /*error*/) override {}
  std::size_t on_chunk_body_impl(std::uint64_t /*remain*/, View body, Error& /*error*/) override {
    return body.size();
  }
  void on_finish_impl(Error& /*error*/) override {}

  HeaderFields* fields_;
  size_t max_fields_;
};

}  // namespace sallyport::dataplane
