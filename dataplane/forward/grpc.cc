#include "dataplane/forward/grpc.h"

#include <nghttp2/nghttp2.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {

using base::Reason;

bool IsGrpcContentType(absl::string_view content_type) {
  constexpr absl::string_view kGrpc = "application/grpc";
  if (!absl::StartsWithIgnoreCase(content_type, kGrpc)) return false;
  const absl::string_view rest = content_type.substr(kGrpc.size());
  return rest.empty() || rest[0] == '+' || rest[0] == ';' || rest[0] == ' ';
}

std::optional<absl::Duration> ParseGrpcTimeout(absl::string_view text) {
  constexpr size_t kMostDigits = 8;
  if (text.size() < 2 || text.size() > kMostDigits + 1) return std::nullopt;
  int64_t value = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  switch (text.back()) {
    case 'H': return absl::Hours(value);
    case 'M': return absl::Minutes(value);
    case 'S': return absl::Seconds(value);
    case 'm': return absl::Milliseconds(value);
    case 'u': return absl::Microseconds(value);
    case 'n': return absl::Nanoseconds(value);
    default: return std::nullopt;
  }
}

GrpcStatus GrpcStatusOfHttp(int status) {
  switch (status) {
    case 400:
    case 500: return GrpcStatus::kInternal;
    case 401: return GrpcStatus::kUnauthenticated;
    case 403: return GrpcStatus::kPermissionDenied;
    case 404:
    case 501: return GrpcStatus::kUnimplemented;
    case 408: return GrpcStatus::kDeadlineExceeded;
    case 413:
    case 429:
    case 431: return GrpcStatus::kResourceExhausted;
    case 421:  // on another connection it may go well
    case 502:
    case 503:
    case 504: return GrpcStatus::kUnavailable;
    default: return GrpcStatus::kUnknown;
  }
}

GrpcStatus GrpcStatusOf(Reason reason, int http_status) {
  return reason == Reason::kQuotaExceeded ? GrpcStatus::kResourceExhausted
                                          : GrpcStatusOfHttp(http_status);
}

GrpcStatus GrpcStatusOfReset(uint32_t http2_code) {
  switch (http2_code) {
    case NGHTTP2_REFUSED_STREAM: return GrpcStatus::kUnavailable;
    case NGHTTP2_CANCEL: return GrpcStatus::kCancelled;
    case NGHTTP2_ENHANCE_YOUR_CALM: return GrpcStatus::kResourceExhausted;
    case NGHTTP2_INADEQUATE_SECURITY: return GrpcStatus::kPermissionDenied;
    default: return GrpcStatus::kInternal;
  }
}

std::string GrpcMessage(absl::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7e && byte != '%') {
      encoded.push_back(c);
    } else {
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

}  // namespace sallyport::dataplane
