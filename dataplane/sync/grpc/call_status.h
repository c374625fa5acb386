// What the calls to authsvc share: times and statuses.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "shared/base/clock.h"

namespace sallyport::dataplane {

inline absl::Status ToAbsl(const grpc::Status& status) {
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

// Nobody answered, as far as one can tell; an answer may also be a refusal.
inline bool Unanswered(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::UNAVAILABLE:
    case grpc::DEADLINE_EXCEEDED:
    case grpc::RESOURCE_EXHAUSTED:
    case grpc::CANCELLED: return true;
    default: return false;
  }
}

inline std::chrono::system_clock::time_point DeadlineIn(absl::Duration duration) {
  return std::chrono::system_clock::now() + absl::ToChronoNanoseconds(duration);
}

inline absl::Duration MonotonicNow() { return base::SystemClock().Monotonic(); }

}  // namespace sallyport::dataplane
