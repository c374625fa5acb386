// What a gateway must know of gRPC (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md and
// doc/statuscodes.md). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/base/reason.h"

namespace sallyport::dataplane {

enum class GrpcStatus : uint8_t {
  kCancelled = 1,
  kUnknown = 2,
  kDeadlineExceeded = 4,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kUnauthenticated = 16,
};

// "application/grpc", alone or with "+proto", "; charset" and the like.
[[nodiscard]] bool IsGrpcContentType(absl::string_view content_type);

// Of grpc-timeout; nothing when it is none.
[[nodiscard]] std::optional<absl::Duration> ParseGrpcTimeout(absl::string_view text);

// For an answer of our own that would have this HTTP status: doc/http-grpc-status-mapping.md, but
// RESOURCE_EXHAUSTED where a limit is reached (429, 413, 431): clients send again by themselves
// what is UNAVAILABLE.
[[nodiscard]] GrpcStatus GrpcStatusOfHttp(int status);
// The same, by the reason where that says more.
[[nodiscard]] GrpcStatus GrpcStatusOf(base::Reason reason, int http_status);
// Of a stream that was reset: doc/PROTOCOL-HTTP2.md, "Errors".
[[nodiscard]] GrpcStatus GrpcStatusOfReset(uint32_t http2_code);

// A status message as it goes over the wire: percent-encoded.
[[nodiscard]] std::string GrpcMessage(absl::string_view text);

}  // namespace sallyport::dataplane
