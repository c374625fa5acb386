#include "dataplane/http/head_parser.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "dataplane/http/framing.h"
#include "dataplane/http/head_end.h"
#include "dataplane/http/head_sink.h"
#include "dataplane/http/plain_head.h"
#include "dataplane/http/upgrade.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using Kind = ParseOutcome::Kind;
namespace beast_http = boost::beast::http;

ParseOutcome Bad(Reason reason, absl::string_view detail) {
  return {Kind::kBad, 0, reason, detail};
}

ParseOutcome Done(size_t consumed) { return {Kind::kDone, consumed, Reason::kAllowed, {}}; }

// Where the head ends, or why there is none. kDone here means "complete".
ParseOutcome LocateHead(absl::string_view bytes, const HeadLimits& limits, size_t* searched) {
  const HeadEnd end = FindHeadEnd(bytes, searched);
  switch (end.kind) {
    case HeadEnd::Kind::kBareLineFeed:
      return Bad(Reason::kBadRequest, "bare line feed in the head");
    case HeadEnd::Kind::kFold: return Bad(Reason::kBadRequest, "folded header line");
    case HeadEnd::Kind::kIncomplete: break;
    case HeadEnd::Kind::kFound:
      if (end.end <= limits.max_head_bytes) return Done(end.end);
      return Bad(Reason::kHeadTooLarge, "head too large");
  }
  // A first line that never ends is most likely the target.
  if (*searched == 0 && bytes.size() > limits.max_target_bytes + 64) {
    return Bad(Reason::kTargetTooLong, "request line too long");
  }
  if (bytes.size() >= limits.max_head_bytes) return Bad(Reason::kHeadTooLarge, "head too large");
  return {};
}

ParseOutcome FromBeast(const boost::beast::error_code& error) {
  if (error == beast_http::error::header_limit) {
    return Bad(Reason::kHeadTooLarge, "too many header fields");
  }
  if (error == beast_http::error::bad_version) {
    return Bad(Reason::kVersionNotSupported, "not HTTP/1.0 or HTTP/1.1");
  }
  if (error == beast_http::error::bad_method) return Bad(Reason::kBadRequest, "malformed method");
  if (error == beast_http::error::bad_target) return Bad(Reason::kBadRequest, "malformed target");
  if (error == beast_http::error::bad_field)
    return Bad(Reason::kBadRequest, "malformed field name");
  if (error == beast_http::error::bad_value)
    return Bad(Reason::kBadRequest, "malformed field value");
  return Bad(Reason::kBadRequest, "malformed head");
}

// ---- target

const char* CheckTargetBytes(absl::string_view target) {
  for (const char c : target) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f) return "byte outside printable ASCII in the target";
    if (c == '#') return "fragment in the target";
  }
  return nullptr;
}

// Cuts "http://authority" off; `*authority` stays empty for the other forms.
const char* SplitAbsolute(absl::string_view* rest, absl::string_view* authority) {
  size_t scheme = 0;
  if (absl::StartsWithIgnoreCase(*rest, "http://")) scheme = 7;
  if (absl::StartsWithIgnoreCase(*rest, "https://")) scheme = 8;
  if (scheme == 0) return "target is neither a path nor an http URI";
  rest->remove_prefix(scheme);
  const size_t end = rest->find_first_of("/?");
  *authority = rest->substr(0, end);
  *rest = end == absl::string_view::npos ? absl::string_view() : rest->substr(end);
  return nullptr;
}

void SplitQuery(absl::string_view rest, RequestHead* head) {
  const size_t mark = rest.find('?');
  head->has_query = mark != absl::string_view::npos;
  head->raw_path = rest.substr(0, mark);
  head->query = head->has_query ? rest.substr(mark + 1) : absl::string_view();
  if (head->raw_path.empty()) head->raw_path = "/";
}

const char* ReadTarget(RequestHead* head, absl::string_view* target_authority) {
  if (const char* bad = CheckTargetBytes(head->target)) return bad;
  absl::string_view rest = head->target;
  if (rest == "*") {
    if (head->method != "OPTIONS") return "target * without OPTIONS";
    head->raw_path = rest;
    return nullptr;
  }
  if (rest[0] != '/') {
    if (const char* bad = SplitAbsolute(&rest, target_authority)) return bad;
  }
  SplitQuery(rest, head);
  return nullptr;
}

// `said`: :authority of HTTP/2, which stands for Host.
const char* ReadHost(const FramingFields& framing, absl::string_view said,
                     absl::string_view target_authority, RequestHead* head) {
  if (framing.host == nullptr) {
    if (head->minor_version >= 1 && said.empty()) return "no Host field";
    head->authority = target_authority;
  } else {
    head->authority = framing.host->value;
  }
  if (framing.host != nullptr && !target_authority.empty() &&
      !absl::EqualsIgnoreCase(target_authority, head->authority)) {
    return "absolute target and Host differ";
  }
  if (head->authority.empty() && framing.host == nullptr) return nullptr;  // HTTP/1.0
  Authority authority;
  if (!ParseAuthority(head->authority, &authority)) return "malformed Host";
  head->host = authority.host;
  head->port = authority.port;
  return nullptr;
}

void SetFraming(const FramingFields& framing, RequestHead* head) {
  if (framing.transfer_encoding != nullptr) head->framing = Framing::kChunked;
  if (framing.content_length != nullptr && framing.length > 0) {
    head->framing = Framing::kLength;
    head->content_length = framing.length;
  }
  // An HTTP/1.0 connection is closed after its answer: "keep-alive" there is an extension.
  head->keep_alive = head->minor_version >= 1 && !framing.close;
}

// ---- response

bool HasNoBody(int status, bool to_head) {
  return to_head || (status >= 100 && status < 200) || status == 204 || status == 304;
}

const char* CheckResponse(bool to_head, ResponseHead* head) {
  FramingFields framing;
  if (const char* bad = CollectFraming(head->fields, head->minor_version, &framing)) return bad;
  if (head->status < 100 || head->status > 599) return "status out of range";
  head->has_content_length = framing.content_length != nullptr;
  head->content_length = framing.length;
  head->keep_alive = !framing.close && (head->minor_version >= 1 || framing.keep_alive);
  const bool chunked = framing.transfer_encoding != nullptr;
  if (chunked && (head->informational() || head->status == 204)) {
    return "Transfer-Encoding on an answer that has no body";
  }
  if (HasNoBody(head->status, to_head)) return nullptr;
  if (chunked) {
    head->framing = Framing::kChunked;
  } else if (head->has_content_length) {
    head->framing = head->content_length == 0 ? Framing::kNone : Framing::kLength;
  } else {
    head->framing = Framing::kUntilClose;
    head->keep_alive = false;
  }
  return nullptr;
}

}  // namespace

ParseOutcome CheckRequestHead(const HeadLimits& limits, absl::string_view authority,
                              RequestHead* head) {
  if (head->target.size() > limits.max_target_bytes) {
    return Bad(Reason::kTargetTooLong, "request target too long");
  }
  FramingFields framing;
  if (const char* bad = CollectFraming(head->fields, head->minor_version, &framing)) {
    return Bad(Reason::kBadRequest, bad);
  }
  // CONNECT makes a tunnel; TRACE would show a caller the headers that we add.
  if (head->method == "CONNECT" || head->method == "TRACE") {
    return Bad(Reason::kMethodNotSupported, "method not supported");
  }
  // Methods are case-sensitive (RFC 9110 9.1), and rules name them in upper case: a server that
  // takes "get" for GET would answer past them.
  if (std::any_of(head->method.begin(), head->method.end(),
                  [](char c) { return absl::ascii_islower(static_cast<unsigned char>(c)); })) {
    return Bad(Reason::kMethodNotSupported, "lower-case letters in the method");
  }
  absl::string_view target_authority = authority;
  if (const char* bad = ReadTarget(head, &target_authority)) return Bad(Reason::kBadRequest, bad);
  if (const char* bad = ReadHost(framing, authority, target_authority, head)) {
    return Bad(Reason::kBadRequest, bad);
  }
  SetFraming(framing, head);
  if (framing.upgrade) head->upgrade = UpgradeOf(*head);
  if (framing.expect != nullptr) {
    if (!NameIs(framing.expect->value, "100-continue")) {
      return Bad(Reason::kExpectationFailed, "unknown expectation");
    }
    head->expect_continue = head->minor_version >= 1 && head->framing != Framing::kNone;
  }
  return Done(0);
}

ParseOutcome RequestParser::Parse(absl::string_view bytes, RequestHead* head) {
  // RFC 9112 2.2: an empty line before the request line is skipped, once.
  const size_t skipped = absl::StartsWith(bytes, "\r\n") ? 2 : 0;
  bytes.remove_prefix(skipped);
  const ParseOutcome located = LocateHead(bytes, limits_, &searched_);
  if (located.kind != Kind::kDone) return located;
  searched_ = 0;
  head->Clear();
  head->bytes.assign(bytes.data(), located.consumed);
  if (!ReadPlainRequest(head->bytes, limits_.max_fields, head)) {
    head->fields.clear();
    HeadSink<true> sink(&head->fields, limits_.max_fields);
    // Beast's own framing errors are ours as well: bad_content_length and the like.
    if (const auto error = sink.ParseWhole(head->bytes)) return FromBeast(error);
    head->method = sink.method;
    head->target = sink.target;
    head->minor_version = sink.minor_version;
  }
  const ParseOutcome checked = CheckRequestHead(limits_, {}, head);
  return checked.kind == Kind::kBad ? checked : Done(skipped + located.consumed);
}

ParseOutcome ResponseParser::Parse(absl::string_view bytes, bool to_head, ResponseHead* head) {
  const ParseOutcome located = LocateHead(bytes, limits_, &searched_);
  if (located.kind == Kind::kIncomplete) return located;
  if (located.kind == Kind::kBad) return Bad(Reason::kUpstreamProtocol, located.detail);
  searched_ = 0;
  head->Clear();
  head->bytes.assign(bytes.data(), located.consumed);
  if (!ReadPlainResponse(head->bytes, limits_.max_fields, head)) {
    head->fields.clear();
    HeadSink<false> sink(&head->fields, limits_.max_fields);
    if (const auto error = sink.ParseWhole(head->bytes)) {
      return Bad(Reason::kUpstreamProtocol, FromBeast(error).detail);
    }
    head->status = sink.status;
    head->reason_phrase = sink.reason_phrase;
    head->minor_version = sink.minor_version;
  }
  if (const char* bad = CheckResponse(to_head, head)) return Bad(Reason::kUpstreamProtocol, bad);
  return Done(located.consumed);
}

}  // namespace sallyport::dataplane
