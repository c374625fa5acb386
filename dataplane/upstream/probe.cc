#include "dataplane/upstream/probe.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "dataplane/http/head_parser.h"
#include "dataplane/upstream/dial.h"
#include "dataplane/upstream/http2_connection.h"

namespace sallyport::dataplane {
namespace {

bool Counts(const HealthCheckRules& rules, int status) {
  if (rules.statuses.empty()) return status >= 200 && status < 400;
  return std::find(rules.statuses.begin(), rules.statuses.end(), static_cast<uint32_t>(status)) !=
         rules.statuses.end();
}

std::string RequestText(const UpstreamTarget& target, const HealthCheckRules& rules,
                        const SentHeader* sent) {
  std::string text = absl::StrCat(
      rules.head ? "HEAD " : "GET ", rules.path, " HTTP/1.1\r\nHost: ", target.authority,
      "\r\nUser-Agent: sallyport-health-check\r\nAccept: */*\r\nConnection: close\r\n");
  if (sent != nullptr) absl::StrAppend(&text, sent->name, ": ", sent->value.Reveal(), "\r\n");
  text.append("\r\n");
  return text;
}

// The status of the final answer; nothing and `detail` where there is none.
boost::asio::awaitable<std::optional<int>> ReadStatus(UpstreamConnection& connection, bool to_head,
                                                      Deadline deadline, std::string* detail) {
  constexpr size_t kMaxHeadBytes = 64 * 1024;
  constexpr int kMaxInterim = 16;
  HeadLimits limits;
  limits.max_head_bytes = kMaxHeadBytes;
  limits.max_fields = 256;
  ResponseParser parser(limits);
  ReadBuffer& buffer = connection.buffer;
  for (int interim = 0; interim < kMaxInterim;) {
    if (!buffer.empty()) {
      const ParseOutcome parsed = parser.Parse(buffer.data(), to_head, &connection.head);
      if (parsed.kind == ParseOutcome::Kind::kBad) {
        *detail = absl::StrCat("answer: ", parsed.detail);
        co_return std::nullopt;
      }
      if (parsed.kind == ParseOutcome::Kind::kDone) {
        if (!connection.head.informational()) co_return connection.head.status;
        buffer.Consume(parsed.consumed);
        ++interim;
        continue;
      }
    }
    const absl::Span<char> space = buffer.Space(kMaxHeadBytes + 1);
    if (space.empty()) break;
    const IoResult result = co_await Read(*connection.stream, space, deadline);
    if (!result.ok()) {
      SSL* const ssl = connection.stream->ssl();
      if (ssl != nullptr &&
          result.tls_error != 0) {  // TLS 1.3: our certificate may be refused only now
        (void)ClientTlsContext::Failed(result.tls_error, &connection.tls);
        *detail = connection.tls.failure;
      } else {
        *detail = absl::StrCat("no answer: ", result.ToString());
      }
      co_return std::nullopt;
    }
    buffer.Commit(result.bytes);
  }
  *detail = "answer's head is too large";
  co_return std::nullopt;
}

// The same on a connection that speaks HTTP/2.
boost::asio::awaitable<std::optional<int>> AskHttp2(
    Loop& loop, std::unique_ptr<UpstreamConnection> connection, const UpstreamTarget& target,
    const HealthCheckRules& rules, const SentHeader* sent, Deadline deadline, std::string* detail) {
  static const Http2ClientSettings& settings = *new Http2ClientSettings();
  const std::shared_ptr<UpstreamHttp2> shared = UpstreamHttp2::Start(
      std::move(connection), loop, settings, [](UpstreamHttp2&, UpstreamHttp2::Change) {});
  if (shared == nullptr) co_return std::nullopt;
  OutgoingHead head;
  head.method = rules.head ? "HEAD" : "GET";
  head.scheme = target.tls ? "https" : "http";
  head.authority = target.authority;
  head.path = rules.path;
  head.fields = {{"user-agent", "sallyport-health-check"}, {"accept", "*/*"}};
  std::string name;
  if (sent != nullptr) {
    name = absl::AsciiStrToLower(sent->name);
    head.fields.push_back({name, sent->value.Reveal()});
  }
  shared->Take();
  std::optional<int> status;
  {
    Http2ClientStream stream(loop);
    const bool begun = shared->Request(head, &stream);
    while (begun && !status.has_value()) {
      const ResponseHead* const answer = stream.NextHead();
      if (answer != nullptr && !answer->informational()) status = answer->status;
      if (answer != nullptr) continue;
      if (stream.end().kind != Http2End::Kind::kOpen) break;
      const IoResult waited = co_await stream.Wait(deadline);
      if (!waited.ok()) break;
    }
    if (!status.has_value()) {
      const bool malformed = stream.end().kind == Http2End::Kind::kMalformed;
      *detail = malformed        ? absl::StrCat("answer: ", stream.end().detail)
                : shared->over() ? shared->failure().detail
                                 : std::string("no answer");
    }
  }
  shared->Retire();
  shared->Release();
  co_return status;
}

// And on one that speaks HTTP/1.1.
boost::asio::awaitable<std::optional<int>> AskHttp1(UpstreamConnection& connection,
                                                    const UpstreamTarget& target,
                                                    const HealthCheckRules& rules,
                                                    const SentHeader* sent, Deadline deadline,
                                                    std::string* detail) {
  connection.out = RequestText(target, rules, sent);
  // A failed write is told by the read: an answer or an alert may be there.
  (void)co_await WriteAll(*connection.stream, connection.out, deadline);
  const std::optional<int> status = co_await ReadStatus(connection, rules.head, deadline, detail);
  if (status.has_value()) connection.stream->TryShutdown();
  co_return status;
}

}  // namespace

boost::asio::awaitable<ProbeResult> Probe(Loop& loop, Resolver& resolver, UpstreamTargetPtr target,
                                          ProxyHopPtr proxy, std::shared_ptr<ClientTlsContext> tls,
                                          const HealthCheckRules& rules,
                                          UpstreamCredentialsPtr credentials) {
  const SentHeader* const sent =
      credentials != nullptr && credentials->header.has_value() ? &*credentials->header : nullptr;
  const Deadline deadline = loop.After(rules.timeout);
  ProbeResult probe;
  DialResult dialled = co_await Dial(loop, resolver, target, proxy, tls, deadline);
  if (auto* const failure = std::get_if<UpstreamFailure>(&dialled)) {
    probe.detail = absl::StrCat(base::ReasonName(failure->reason), ": ", failure->detail);
    co_return probe;
  }
  std::unique_ptr<UpstreamConnection> connection = std::move(std::get<0>(dialled));
  std::optional<int> status;
  if (connection->http2) {
    status = co_await AskHttp2(loop, std::move(connection), *target, rules, sent, deadline,
                               &probe.detail);
  } else {
    status = co_await AskHttp1(*connection, *target, rules, sent, deadline, &probe.detail);
  }
  if (!status.has_value()) co_return probe;
  probe.good = Counts(rules, *status);
  if (!probe.good) probe.detail = absl::StrCat("status ", *status);
  co_return probe;
}

}  // namespace sallyport::dataplane
