// The access log: one JSON line per request, to a file or to standard output. Each loop writes into
// a ring of its own without a lock; one thread writes the rings out. A full ring drops the line and
// counts it: a slow disk never slows a request. The file is opened anew after Reopen (SIGHUP) and
// when it was moved away.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/sync/decision.h"
#include "shared/base/reason.h"

namespace sallyport::dataplane {

// Views are only read during Write. No secret goes in: no header values, no query (it may carry a
// token).
struct AccessRecord {
  absl::Time time;
  absl::string_view request_id, client_address, listener;
  absl::string_view method, host, path, protocol;  // path without query
  absl::string_view sni, tls_version, tls_cipher;  // "" on plain HTTP
  bool resumed = false;
  absl::string_view api_id, version;
  const Identity* identity = nullptr;    // of the decision; null: none made
  absl::string_view client_fingerprint;  // hex, of the presented leaf
  bool certificate_by_proxy = false;     // a trusted proxy has told of it in a header
  base::Reason reason = base::Reason::kAllowed;
  absl::string_view detail;  // operators only
  int status = 0;
  bool stale = false;
  uint64_t bytes_in = 0, bytes_out = 0;
  absl::Duration total, authorize, upstream_first_byte, upstream_total;
  absl::string_view upstream;  // host:port
  int upstream_status = 0;
  bool upstream_reused = false;
  bool upstream_http2 = false;
  bool upstream_by_proxy = false;  // `upstream` is the forward proxy that leads to it
  // Of a tunnel: its protocol, and how it ended (a constant). bytes_* are what passed through it.
  absl::string_view upgrade, tunnel_end;
  absl::string_view script;                   // the function that answered, or was to; empty: none
  int grpc_status = -1;                       // of a gRPC request; below zero: not known
  absl::string_view upstream_certificate_id;  // presented to the upstream
  absl::string_view traceparent;
};
// Appends the line with its newline.
void AppendAccessLine(const AccessRecord& record, std::string* out);
// The same line as the beginning of `*room`, which grows to what it may need and stays as large.
[[nodiscard]] absl::string_view RenderAccessLine(const AccessRecord& record, std::string* room);

class AccessLogRing;

class AccessLog {
 public:
  // `path`: "-" standard output, "" nothing at all. `rings`: one per loop, `ring_bytes` each.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<AccessLog>> Open(absl::string_view path,
                                                                       int rings,
                                                                       size_t ring_bytes = 1 << 20);
  ~AccessLog();  // writes out what is in the rings
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  // On the thread of loop `ring` only. Never blocks.
  void Write(int ring, const AccessRecord& record);
  void Reopen();  // thread-safe, also from a signal handler's thread
  [[nodiscard]] uint64_t dropped() const;
  [[nodiscard]] uint64_t written() const;
  // Waits until everything written so far is out (tests, shutdown).
  void Flush();

 private:
  struct Impl;
  explicit AccessLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::dataplane
