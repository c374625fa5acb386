#include "dataplane/upstream/forward_proxy.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dataplane/http/head_parser.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

constexpr size_t kMaxHeadBytes = 16 * 1024;
constexpr size_t kMaxFields = 64;
constexpr int kMaxInterim = 4;
constexpr size_t kPieceBytes = 1024;

std::string Bracketed(const std::string& host) {
  return absl::StrContains(base::ToAbsl(host), ":") ? absl::StrCat("[", host, "]") : host;
}

// Visible ASCII without what ends a host in a request line or a field.
bool IsHostText(const std::string& host) {
  for (const char c : host) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || absl::StrContains("/?#@[]\\\"<>", absl::string_view(&c, 1)))
      return false;
  }
  return !host.empty();
}

// Some proxies answer 401 where 407 is meant (tinyproxy to wrong credentials).
bool IsAboutCredentials(int status) { return status == 407 || status == 401; }

// Why a success is none: a message that has content is not followed by a tunnel.
const char* NoTunnel(const ResponseHead& head) {
  if (FindField(head.fields, "transfer-encoding") != nullptr) return "has a body";
  if (head.has_content_length && head.content_length != 0) return "has a body";
  return nullptr;
}

// The proxy's answer, read from the stream up to its blank line and no further.
class AnswerReader {
 public:
  AnswerReader(Stream& stream, Deadline deadline)
      : stream_(stream), deadline_(deadline), parser_(Limits()) {}

  // The final answer is in `head`; else why there is none.
  [[nodiscard]] boost::asio::awaitable<IoResult> Read(ResponseHead* head, std::string* fault) {
    for (;;) {
      const size_t had = text_.size();
      IoResult result = Look();
      if (result.wants()) {
        result = co_await WaitFor(stream_, result.kind, deadline_);
        if (result.ok()) continue;
      }
      if (!result.ok()) co_return result;
      // That it goes on does not give it more time.
      if (stream_.loop().Passed(deadline_)) co_return Timeout();
      const ParseOutcome parsed = parser_.Parse(text_, /*to_head=*/true, head);
      if (parsed.kind == ParseOutcome::Kind::kBad) {
        *fault = std::string(parsed.detail);
        co_return IoResult();
      }
      const bool whole = parsed.kind == ParseOutcome::Kind::kDone;
      if (whole) text_.resize(parsed.consumed);
      Take(text_.size() - had);
      if (!whole) continue;
      text_.clear();
      if (!head->informational()) co_return IoResult();
      if (++interim_ > kMaxInterim || head->status == 101) {
        *fault = "interim answers without end";
        co_return IoResult();
      }
    }
  }

 private:
  static HeadLimits Limits() {
    HeadLimits limits;
    limits.max_head_bytes = kMaxHeadBytes;
    limits.max_fields = kMaxFields;
    return limits;
  }
  static IoResult Timeout() {
    IoResult result;
    result.kind = IoResult::Kind::kTimeout;
    return result;
  }

  // Puts what is there behind `text_`; it stays in the socket.
  IoResult Look() {
    IoResult result;
    result.kind = IoResult::Kind::kWantRead;
    if (!stream_.readiness().MayTry(Direction::kRead)) return result;
    char piece[kPieceBytes];
    ssize_t count = 0;
    do {
      count = recv(stream_.fd(), piece, sizeof piece, MSG_PEEK | MSG_DONTWAIT);
    } while (count < 0 && errno == EINTR);
    if (count > 0) {
      result.kind = IoResult::Kind::kDone;
      text_.append(piece, static_cast<size_t>(count));
    } else if (count == 0) {
      result.kind = IoResult::Kind::kEof;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      stream_.readiness().Drained(Direction::kRead);
    } else {
      result.kind = IoResult::Kind::kError;
      result.error = errno;
    }
    return result;
  }

  // Of what was looked at.
  void Take(size_t bytes) {
    char piece[kPieceBytes];
    while (bytes > 0) {
      const ssize_t count = recv(stream_.fd(), piece, std::min(bytes, sizeof piece), MSG_DONTWAIT);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return;
      bytes -= static_cast<size_t>(count);
    }
  }

  Stream& stream_;
  const Deadline deadline_;
  ResponseParser parser_;
  std::string text_;
  int interim_ = 0;
};

// A server of HTTP/1.1 says nothing before it was asked; others may.
bool MaySpeakFirst(const UpstreamTarget& target) {
  return target.tls || target.streams || target.protocol == UpstreamProtocol::kHttp2;
}

bool SaysSomething(Stream& stream) {
  char byte = 0;
  return recv(stream.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

UpstreamFailure Failure(const ProxyHop& hop, Reason reason, absl::string_view what) {
  return UpstreamFailure{reason, absl::StrCat(hop.ToString(), ": ", what), {}};
}

UpstreamFailure NoAnswer(const ProxyHop& hop, const IoResult& result) {
  if (result.kind == IoResult::Kind::kTimeout) {
    return Failure(hop, Reason::kUpstreamConnectTimeout, "no answer to CONNECT in time");
  }
  return Failure(hop, Reason::kUpstreamProxy,
                 absl::StrCat("no answer to CONNECT: ", result.ToString()));
}

std::optional<UpstreamFailure> Judge(const ProxyHop& hop, const UpstreamTarget& target,
                                     const ResponseHead& head, Stream& stream) {
  if (IsAboutCredentials(head.status)) {
    return Failure(hop, Reason::kUpstreamProxy,
                   absl::StrCat("answers ", head.status, " to CONNECT: ",
                                hop.authorization.empty()
                                    ? "it wants a user name and password, and none is configured"
                                    : "it does not take the user name and password that are "
                                      "configured"));
  }
  if (head.status < 200 || head.status > 299) {
    return Failure(hop, Reason::kUpstreamProxyRefused,
                   absl::StrCat("answers ", head.status, " to CONNECT ", Bracketed(target.host),
                                ":", target.port));
  }
  if (const char* const why = NoTunnel(head)) {
    return Failure(hop, Reason::kUpstreamProxy,
                   absl::StrCat("its answer ", head.status, " to CONNECT ", why));
  }
  if (!MaySpeakFirst(target) && SaysSomething(stream)) {
    return Failure(hop, Reason::kUpstreamProxy, "bytes behind its answer to CONNECT");
  }
  return std::nullopt;
}

}  // namespace

std::string ProxyHop::ToString() const {
  return absl::StrCat("forward proxy ", Bracketed(host), ":", port);
}

ProxyHopPtr MakeProxyHop(const UpstreamCredentials* credentials) {
  if (credentials == nullptr || !credentials->proxy.has_value()) return nullptr;
  const ForwardProxy& from = *credentials->proxy;
  auto hop = std::make_shared<ProxyHop>();
  hop->host = from.host;
  hop->port = from.port;
  if (from.username.empty()) return hop;
  std::string pair = absl::StrCat(from.username, ":", from.password.Reveal());
  std::string encoded = absl::Base64Escape(pair);
  std::string value = absl::StrCat("Basic ", encoded);
  base::Cleanse(&pair);
  base::Cleanse(&encoded);
  hop->authorization = base::Secret(std::move(value));
  return hop;
}

std::optional<std::string> ConnectRequest(const ProxyHop& hop, const UpstreamTarget& target) {
  if (!IsHostText(target.host) || target.port == 0) return std::nullopt;
  const std::string authority = absl::StrCat(Bracketed(target.host), ":", target.port);
  const absl::string_view authorization = hop.authorization.Reveal();
  return absl::StrCat("CONNECT ", authority, " HTTP/1.1\r\nHost: ", authority, "\r\n",
                      authorization.empty() ? "" : "Proxy-Authorization: ", authorization,
                      authorization.empty() ? "" : "\r\n", "\r\n");
}

boost::asio::awaitable<std::optional<UpstreamFailure>> OpenTunnel(Stream& stream,
                                                                  const ProxyHop& hop,
                                                                  const UpstreamTarget& target,
                                                                  Deadline deadline) {
  std::optional<std::string> request = ConnectRequest(hop, target);
  if (!request.has_value()) {
    co_return Failure(hop, Reason::kUpstreamProxy, "the target's host cannot be asked for");
  }
  const IoResult written = co_await WriteAll(stream, *request, deadline);
  base::Cleanse(&*request);
  if (!written.ok()) co_return NoAnswer(hop, written);
  AnswerReader reader(stream, deadline);
  ResponseHead head;
  std::string fault;
  const IoResult read = co_await reader.Read(&head, &fault);
  if (!read.ok()) co_return NoAnswer(hop, read);
  if (!fault.empty()) {
    co_return Failure(hop, Reason::kUpstreamProxy, absl::StrCat("its answer to CONNECT: ", fault));
  }
  co_return Judge(hop, target, head, stream);
}

}  // namespace sallyport::dataplane
