// Posts to an io_context that a test runs itself.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <utility>

#include "dataplane/sync/authsvc_client.h"

namespace sallyport::dataplane {

class AsioPoster final : public Poster {
 public:
  explicit AsioPoster(boost::asio::io_context* context) : context_(context) {}
  void Post(std::function<void()> work) override { boost::asio::post(*context_, std::move(work)); }

 private:
  boost::asio::io_context* const context_;
};

}  // namespace sallyport::dataplane
