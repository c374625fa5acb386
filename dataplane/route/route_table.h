// From (listener port, host, path) to the API that serves it, and from an SNI to the client-TLS
// settings of the handshake. Immutable and thread-safe; a change makes a new table that shares all
// but a few shards with the old one, so one change costs the same with ten and with ten thousand
// routes, and so does a match.
//
// Host: exact > one-label wildcard ("*.x") > Tyk regex domain ("{name:regex}" in a label) > none.
// Where a more specific host has no listen path for the request, the next one is tried. An entry of
// a tier (matching.h) is looked through together with what it stands in for. Within a host an exact
// path wins, then the longest listen path; paths match at segment borders unless the
// route says otherwise (matching.h). Of several at one path the first whose conditions hold.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "dataplane/route/route.h"

namespace sallyport::dataplane {

struct HostIndex;

// Where connections come in: the port of an HTTP listener (0: a default one), or StreamPlace of a
// port of APIs of another protocol, so that neither ever finds the other's.
using RoutePlace = uint32_t;
[[nodiscard]] constexpr RoutePlace StreamPlace(uint16_t port) { return 0x10000U | port; }

[[nodiscard]] constexpr bool IsStreamPlace(RoutePlace place) { return place > 0xffff; }

// A port that APIs of protocols tls or tcp name.
struct StreamPort {
  uint16_t port = 0;
  int tls = 0;      // APIs
  int tcp = 0;      // the same
  int proxied = 0;  // of them: with proxy_protocol
};

// What a handshake for an SNI must do (DESIGN 2.2).
struct ClientTlsSettings {
  bool request_certificate = false;
  // CA names (DER) to announce; empty: announce none.
  std::vector<std::string> announce;
  // The same on every replica for the same settings; a part of the session-id context and of the
  // rule for 421: a Host whose settings have another version than the handshake's is misdirected.
  uint64_t version = 0;
  // The host entry that the SNI selected ("api.example.com", "*.example.com", "{...}.x", "" for
  // none).
  std::string entry;
};

// What a table knows of the host that was asked for last: for whoever, as a connection does, asks
// for the same one again and again. Only the table looks inside. It holds for that one table, port
// and host, byte for byte, and is made anew for any other; it keeps no table alive. One thread at a
// time.
struct HostMemo {
  struct Entry {
    std::string key;                   // "<port>|<host entry>"
    const HostIndex* index = nullptr;  // of the table
    uint8_t level = 0;                 // entries of one level are looked through together
  };
  uint64_t table = 0;  // its serial number; 0: nothing is known
  RoutePlace port = 0;
  std::string host;
  std::vector<Entry> entries;  // of which `count` hold, most specific first
  size_t count = 0;
  std::optional<uint64_t> client_tls_version;
};

class RouteTable {
 public:
  virtual ~RouteTable() = default;

  // The empty table. `default_ports`: ports of the default traffic listeners; a route whose
  // listen_port is one of them counts as one of the default listener.
  [[nodiscard]] static std::shared_ptr<const RouteTable> Empty(
      std::vector<uint16_t> default_ports = {});

  // `host`: lower case, without port (IPv6 without brackets); `path`: normalised, starts with '/',
  // without query. `listen_port`: of the listener that took the connection (0 = a default
  // listener). Null: no route. The route lives as long as this table.
  // `fits`: whether a route that has methods or conditions takes the request; not called for
  // others.
  using Fits = absl::FunctionRef<bool(const Route&)>;
  [[nodiscard]] virtual const RoutePtr* Find(RoutePlace listen_port, absl::string_view host,
                                             absl::string_view path, HostMemo* memo,
                                             Fits fits) const = 0;
  // Without them, which no such route takes.
  [[nodiscard]] const RoutePtr* Find(RoutePlace listen_port, absl::string_view host,
                                     absl::string_view path, HostMemo* memo) const {
    return Find(listen_port, host, path, memo, [](const Route&) { return false; });
  }
  [[nodiscard]] const RoutePtr* Find(RoutePlace listen_port, absl::string_view host,
                                     absl::string_view path) const {
    HostMemo memo;
    return Find(listen_port, host, path, &memo);
  }
  // `sni` in lower case, "" when none was sent.
  [[nodiscard]] virtual ClientTlsSettings ClientTls(absl::string_view sni,
                                                    RoutePlace listen_port) const = 0;
  // Only the version of the above: for the 421 rule on every request.
  [[nodiscard]] virtual uint64_t ClientTlsVersion(absl::string_view host, RoutePlace listen_port,
                                                  HostMemo* memo) const = 0;
  [[nodiscard]] uint64_t ClientTlsVersion(absl::string_view host, RoutePlace listen_port) const {
    HostMemo memo;
    return ClientTlsVersion(host, listen_port, &memo);
  }

  [[nodiscard]] virtual RoutePtr FindApi(absl::string_view api_id) const = 0;
  [[nodiscard]] virtual size_t size() const = 0;
  // In which all routes of HTTP answer; none: they differ, or there is none.
  [[nodiscard]] virtual std::optional<ErrorStyle> CommonStyle() const = 0;
  // Every route, in no order; a walk, for what is not on a request's way.
  virtual void ForEach(absl::FunctionRef<void(const Route&)> visit) const = 0;
  // Ports that routes name beside the default listeners': these listeners must be open.
  [[nodiscard]] virtual std::vector<uint16_t> ExtraPorts() const = 0;
  // Ports of APIs of protocols tls and tcp, in ascending order.
  [[nodiscard]] virtual std::vector<StreamPort> StreamPorts() const = 0;

  // A new table with these routes put (replacing one of the same api_id) and these APIs removed.
  [[nodiscard]] virtual std::shared_ptr<const RouteTable> With(
      const std::vector<RoutePtr>& put, const std::vector<std::string>& removed_api_ids) const = 0;
};
using RouteTablePtr = std::shared_ptr<const RouteTable>;

}  // namespace sallyport::dataplane
