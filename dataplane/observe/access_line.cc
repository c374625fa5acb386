// One record as a line of JSON.
#include "absl/strings/str_cat.h"
#include "dataplane/observe/access_log.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {
namespace {

class Line {
 public:
  explicit Line(std::string* out) : out_(*out) { out_.push_back('{'); }
  void Text(absl::string_view name, absl::string_view value) {
    if (value.empty()) return;
    Name(name);
    base::AppendJsonQuoted(value, &out_);
  }
  void Number(absl::string_view name, int64_t value) {
    Name(name);
    absl::StrAppend(&out_, value);
  }
  void Flag(absl::string_view name, bool value) {
    if (!value) return;
    Name(name);
    out_.append("true");
  }
  // Microseconds; absent when the phase was not reached.
  void Time(absl::string_view name, absl::Duration value) {
    if (value > absl::ZeroDuration()) Number(name, absl::ToInt64Microseconds(value));
  }
  void End() { out_.append("}\n"); }

 private:
  void Name(absl::string_view name) {
    if (!first_) out_.push_back(',');
    first_ = false;
    out_.push_back('"');
    out_.append(name.data(), name.size());
    out_.append("\":");
  }
  std::string& out_;
  bool first_ = true;
};

// "2026-11-26T05:00:00.123456Z": by hand, because FormatTime costs more than the rest of the line.
void AppendTime(absl::Time time, std::string* out) {
  thread_local int64_t last_second = -1;
  thread_local std::string prefix;
  const int64_t micros = absl::ToUnixMicros(time);
  const int64_t second = micros / 1'000'000;
  if (second != last_second) {
    prefix = absl::FormatTime("%Y-%m-%dT%H:%M:%S.", time, absl::UTCTimeZone());
    last_second = second;
  }
  out->append(prefix);
  char digits[7];
  int64_t rest = micros % 1'000'000;
  for (int i = 5; i >= 0; --i) {
    digits[i] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  }
  digits[6] = 'Z';
  out->append(digits, sizeof digits);
}

void AppendIdentity(const Identity& identity, Line* line) {
  line->Text("identity", identity.name);
  line->Text("key_id", identity.key_id);
  line->Text("org_id", identity.org_id);
  if (!identity.policy_ids.empty()) line->Text("policy_id", identity.policy_ids.front());
  line->Flag("certificate_verified", identity.certificate_verified);
}

}  // namespace

void AppendAccessLine(const AccessRecord& r, std::string* out) {
  Line line(out);
  thread_local std::string time;
  time.clear();
  AppendTime(r.time, &time);
  line.Text("time", time);
  line.Text("request_id", r.request_id);
  line.Text("client", r.client_address);
  line.Text("listener", r.listener);
  line.Text("method", r.method);
  line.Text("host", r.host);
  line.Text("path", r.path);
  line.Text("protocol", r.protocol);
  line.Number("status", r.status);
  line.Text("reason", base::ReasonName(r.reason));
  line.Text("fault", base::FaultName(base::ReasonFault(r.reason)));
  line.Text("detail", r.detail);
  line.Text("api", r.api_id);
  line.Text("version", r.version);
  if (r.identity != nullptr) AppendIdentity(*r.identity, &line);
  line.Text("client_fingerprint", r.client_fingerprint);
  line.Text("sni", r.sni);
  line.Text("tls", r.tls_version);
  line.Text("cipher", r.tls_cipher);
  line.Flag("resumed", r.resumed);
  line.Flag("stale", r.stale);
  line.Number("bytes_in", static_cast<int64_t>(r.bytes_in));
  line.Number("bytes_out", static_cast<int64_t>(r.bytes_out));
  line.Time("total_us", r.total);
  line.Time("authorize_us", r.authorize);
  line.Time("upstream_first_byte_us", r.upstream_first_byte);
  line.Time("upstream_us", r.upstream_total);
  line.Text("upstream", r.upstream);
  if (r.upstream_status != 0) line.Number("upstream_status", r.upstream_status);
  line.Flag("upstream_reused", r.upstream_reused);
  line.Text("upstream_certificate", r.upstream_certificate_id);
  line.Text("traceparent", r.traceparent);
  line.End();
}

}  // namespace sallyport::dataplane
