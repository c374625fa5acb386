// One record as a line of JSON. Written for every request: into memory that has room for the
// longest line that can come of the record, so that nothing on the way asks for room.
#include <charconv>
#include <cstring>

#include "dataplane/observe/access_log.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {
namespace {

class Line {
 public:
  explicit Line(char* out) : at_(out) {}
  // `key` is all that stands before the value: {"name": or ,"name":
  template <size_t kSize>
  void Key(const char (&key)[kSize]) {
    std::memcpy(at_, key, kSize - 1);
    at_ += kSize - 1;
  }
  template <size_t kSize>
  void Text(const char (&key)[kSize], absl::string_view value) {
    if (value.empty()) return;
    Key(key);
    at_ = base::WriteJsonQuoted(value, at_);
  }
  // Of ours: nothing in it needs an escape.
  template <size_t kSize>
  void Word(const char (&key)[kSize], absl::string_view value) {
    if (value.empty()) return;
    Key(key);
    *at_++ = '"';
    at_ += value.copy(at_, value.size());
    *at_++ = '"';
  }
  template <size_t kSize>
  void Number(const char (&key)[kSize], int64_t value) {
    Key(key);
    at_ = std::to_chars(at_, at_ + kMostDigits, value).ptr;
  }
  template <size_t kSize>
  void Flag(const char (&key)[kSize], bool value) {
    if (!value) return;
    Key(key);
    Key("true");
  }
  // Microseconds; absent when the phase was not reached.
  template <size_t kSize>
  void Micros(const char (&key)[kSize], absl::Duration value) {
    if (value > absl::ZeroDuration()) Number(key, absl::ToInt64Microseconds(value));
  }
  void Time(absl::Time time);
  void Identity(const Identity& identity);
  [[nodiscard]] char* End() {
    Key("}\n");
    return at_;
  }

 private:
  static constexpr int kMostDigits = 20;
  char* at_;
};

// "2026-11-26T05:00:00.123456Z": by hand, because FormatTime costs more than the rest of the line.
void Line::Time(absl::Time time) {
  thread_local int64_t last_second = -1;
  thread_local std::string prefix;
  const int64_t micros = absl::ToUnixMicros(time);
  const int64_t second = micros / 1'000'000;
  if (second != last_second) {
    prefix = absl::FormatTime("%Y-%m-%dT%H:%M:%S.", time, absl::UTCTimeZone());
    last_second = second;
  }
  Key("{\"time\":\"");
  std::memcpy(at_, prefix.data(), prefix.size());
  at_ += prefix.size();
  int64_t rest = micros % 1'000'000;
  for (int i = 5; i >= 0; --i) {
    at_[i] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  }
  at_ += 6;
  Key("Z\"");
}

void Line::Identity(const dataplane::Identity& identity) {
  Text(",\"identity\":", identity.name);
  Text(",\"key_id\":", identity.key_id);
  Text(",\"org_id\":", identity.org_id);
  if (!identity.policy_ids.empty()) Text(",\"policy_id\":", identity.policy_ids.front());
  Flag(",\"certificate_verified\":", identity.certificate_verified);
}

char* WriteLine(const AccessRecord& r, char* out) {
  Line line(out);
  line.Time(r.time);
  line.Text(",\"request_id\":", r.request_id);
  line.Text(",\"client\":", r.client_address);
  line.Text(",\"listener\":", r.listener);
  line.Text(",\"method\":", r.method);
  line.Text(",\"host\":", r.host);
  line.Text(",\"path\":", r.path);
  line.Word(",\"protocol\":", r.protocol);
  line.Number(",\"status\":", r.status);
  line.Word(",\"reason\":", base::ReasonName(r.reason));
  line.Word(",\"fault\":", base::FaultName(base::ReasonFault(r.reason)));
  line.Text(",\"detail\":", r.detail);
  line.Text(",\"api\":", r.api_id);
  line.Text(",\"version\":", r.version);
  if (r.identity != nullptr) line.Identity(*r.identity);
  line.Word(",\"client_fingerprint\":", r.client_fingerprint);
  line.Flag(",\"certificate_by_proxy\":", r.certificate_by_proxy);
  line.Text(",\"sni\":", r.sni);
  line.Word(",\"tls\":", r.tls_version);
  line.Word(",\"cipher\":", r.tls_cipher);
  line.Flag(",\"resumed\":", r.resumed);
  line.Flag(",\"stale\":", r.stale);
  line.Number(",\"bytes_in\":", static_cast<int64_t>(r.bytes_in));
  line.Number(",\"bytes_out\":", static_cast<int64_t>(r.bytes_out));
  line.Micros(",\"total_us\":", r.total);
  line.Micros(",\"authorize_us\":", r.authorize);
  line.Micros(",\"upstream_first_byte_us\":", r.upstream_first_byte);
  line.Micros(",\"upstream_us\":", r.upstream_total);
  line.Text(",\"upstream\":", r.upstream);
  if (r.upstream_status != 0) line.Number(",\"upstream_status\":", r.upstream_status);
  line.Flag(",\"upstream_reused\":", r.upstream_reused);
  line.Flag(",\"upstream_http2\":", r.upstream_http2);
  line.Flag(",\"upstream_by_proxy\":", r.upstream_by_proxy);
  line.Text(",\"upgrade\":", r.upgrade);
  line.Text(",\"tunnel_end\":", r.tunnel_end);
  line.Text(",\"script\":", r.script);
  if (r.grpc_status >= 0) line.Number(",\"grpc_status\":", r.grpc_status);
  line.Text(",\"upstream_certificate\":", r.upstream_certificate_id);
  line.Text(",\"traceparent\":", r.traceparent);
  return line.End();
}

// Of all texts of a record.
size_t TextBytes(const AccessRecord& r) {
  size_t bytes = r.request_id.size() + r.client_address.size() + r.listener.size() +
                 r.method.size() + r.host.size() + r.path.size() + r.protocol.size() +
                 r.sni.size() + r.tls_version.size() + r.tls_cipher.size() + r.api_id.size() +
                 r.version.size() + r.client_fingerprint.size() + r.detail.size() +
                 r.upstream.size() + r.upstream_certificate_id.size() + r.traceparent.size() +
                 r.upgrade.size() + r.tunnel_end.size() + r.script.size();
  if (r.identity == nullptr) return bytes;
  bytes += r.identity->name.size() + r.identity->key_id.size() + r.identity->org_id.size();
  return r.identity->policy_ids.empty() ? bytes : bytes + r.identity->policy_ids.front().size();
}

}  // namespace

absl::string_view RenderAccessLine(const AccessRecord& record, std::string* room) {
  // Keys, numbers, time, quotes, the names of reason and fault.
  constexpr size_t kMostBeside = 2048;
  const size_t most = kMostBeside + base::MostJsonQuoted(TextBytes(record));
  if (room->size() < most) room->resize(most);
  const char* const end = WriteLine(record, room->data());
  return {room->data(), static_cast<size_t>(end - room->data())};
}

void AppendAccessLine(const AccessRecord& record, std::string* out) {
  std::string room;
  const absl::string_view line = RenderAccessLine(record, &room);
  out->append(line.data(), line.size());
}

}  // namespace sallyport::dataplane
