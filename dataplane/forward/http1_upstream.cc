#include "dataplane/forward/http1_upstream.h"

namespace sallyport::dataplane {

boost::asio::awaitable<IoResult> Http1BodySink::Flush(Deadline deadline) {
  const IoResult result = co_await WriteAll(stream_, *out_, deadline);
  out_->clear();
  co_return result;
}

}  // namespace sallyport::dataplane
