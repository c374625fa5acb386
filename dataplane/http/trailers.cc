// Trailer sections. RFC 9110 6.5.1: a field that changes framing, routing, authentication,
// processing or the connection has no place in a trailer; such fields are dropped.
#include <algorithm>
#include <array>

#include "absl/strings/string_view.h"
#include "dataplane/http/head_end.h"
#include "dataplane/http/head_parser.h"
#include "dataplane/http/head_sink.h"
#include "shared/header/names.h"

namespace sallyport::dataplane {
namespace {

constexpr absl::string_view kStatusLine = "HTTP/1.1 200 OK\r\n";
constexpr size_t kMaxTrailers = 64;

constexpr std::array<absl::string_view, 31> kForbidden = {"age",
                                                          "authorization",
                                                          "cache-control",
                                                          "client-cert",
                                                          "client-cert-chain",
                                                          "connection",
                                                          "content-encoding",
                                                          "content-length",
                                                          "content-range",
                                                          "content-type",
                                                          "cookie",
                                                          "date",
                                                          "expect",
                                                          "expires",
                                                          "forwarded",
                                                          "host",
                                                          "keep-alive",
                                                          "location",
                                                          "max-forwards",
                                                          "pragma",
                                                          "proxy-authenticate",
                                                          "proxy-authorization",
                                                          "proxy-connection",
                                                          "range",
                                                          "retry-after",
                                                          "set-cookie",
                                                          "te",
                                                          "trailer",
                                                          "transfer-encoding",
                                                          "upgrade",
                                                          "www-authenticate"};

bool IsForbidden(absl::string_view name) {
  // What a gateway adds about the caller must never come by trailer. '_' counts as '-'.
  return header::IsAddressHeader(name) ||
         std::any_of(kForbidden.begin(), kForbidden.end(), [&](absl::string_view forbidden) {
           return header::SameName(name, forbidden);
         });
}

// Beast would act on these before we drop them.
bool OnlyFields(absl::string_view block) {
  size_t line_start = 0;
  const HeadEnd end = FindHeadEnd(block, &line_start);
  return end.kind == HeadEnd::Kind::kFound && end.end == block.size() && block[0] != ' ' &&
         block[0] != '\t';
}

}  // namespace

bool ParseTrailers(absl::string_view block, std::string* owned, HeaderFields* fields) {
  fields->clear();
  if (block == "\r\n") return true;
  if (!OnlyFields(block)) return false;
  owned->assign(kStatusLine.data(), kStatusLine.size());
  owned->append(block.data(), block.size());
  HeadSink<false> sink(fields, kMaxTrailers);
  if (sink.ParseWhole(*owned)) return false;
  DropForbiddenTrailers(fields);
  return true;
}

void DropForbiddenTrailers(HeaderFields* fields) {
  fields->erase(std::remove_if(fields->begin(), fields->end(),
                               [](const HeaderField& field) { return IsForbidden(field.name); }),
                fields->end());
}

}  // namespace sallyport::dataplane
