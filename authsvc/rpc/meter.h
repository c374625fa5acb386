// Counts gRPC calls and decisions for /metrics. Thread-safe; a few slots with a short lock each,
// because gRPC's threads are not ours and come and go.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/base/mutex.h"

namespace sallyport::metrics {
class Book;
class Cell;
class Histogram;
class Sheet;
}  // namespace sallyport::metrics

namespace sallyport::authsvc {

class RpcMeter {
 public:
  explicit RpcMeter(metrics::Book* book);
  ~RpcMeter();

  // `method` as "Authorization.Authorize", `code` a gRPC status code.
  void Call(absl::string_view method, int code, absl::Duration took);
  void Decision(absl::string_view api_id, absl::string_view reason);

 private:
  struct Slot;
  Slot& Mine();
  std::array<std::unique_ptr<Slot>, 8> slots_;
};

}  // namespace sallyport::authsvc
