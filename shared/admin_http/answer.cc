#include "shared/admin_http/answer.h"

#include <boost/beast/http/status.hpp>

#include "absl/strings/str_cat.h"
#include "shared/base/text.h"

namespace sallyport::admin_http {
namespace {

bool EndsLine(absl::string_view text) {
  return text.find_first_of(absl::string_view("\r\n\0", 3)) != absl::string_view::npos;
}

void AppendHeader(absl::string_view name, absl::string_view value, std::string* out) {
  if (EndsLine(name) || EndsLine(value)) return;
  absl::StrAppend(out, name, ": ", value, "\r\n");
}

absl::string_view ReasonPhrase(int status) {
  namespace http = boost::beast::http;
  return base::ViewOf(http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status))));
}

}  // namespace

std::string RenderAnswer(const Response& answer, absl::string_view request_id, unsigned version,
                         bool keep_alive, bool head_only) {
  std::string out = absl::StrCat("HTTP/1.", version % 10, " ", answer.status, " ",
                                 ReasonPhrase(answer.status), "\r\n");
  AppendHeader("Content-Type", answer.content_type, &out);
  AppendHeader("X-Request-Id", request_id, &out);
  AppendHeader("Cache-Control", "no-store", &out);
  for (const auto& [name, value] : answer.headers) AppendHeader(name, value, &out);
  if (!keep_alive && version == 11) AppendHeader("Connection", "close", &out);
  if (keep_alive && version == 10) AppendHeader("Connection", "keep-alive", &out);
  absl::StrAppend(&out, "Content-Length: ", answer.body.size(), "\r\n\r\n");
  if (!head_only) out += answer.body;
  return out;
}

}  // namespace sallyport::admin_http
